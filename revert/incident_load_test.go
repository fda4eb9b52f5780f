package revert

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"recourse/audit"
)

const incidents = "../testdata/incidents"

type rawEntry struct {
	LocalTime audit.Time  `json:"localTime"`
	Type      string      `json:"type"`
	Version   audit.Time  `json:"version"`
	Operation audit.Op    `json:"operation"`
	ID        audit.ID    `json:"id"`
	User      string      `json:"user"`
	Raw       audit.Value `json:"raw"`
	Table     string      `json:"table"`
}

type entryName struct {
	DB, Table, Type string
	Time            audit.Time
	ID              audit.ID
}

type incident struct {
	histories map[audit.Key][]audit.Change
	malicious map[audit.ChangeID]string // kind of attack
	after     map[audit.Key]audit.Value
	clean     map[audit.Key]audit.Value
	overlaps  map[audit.Key]string
}

func loadIncident(t testing.TB, line string) *incident {
	t.Helper()
	in := &incident{histories: map[audit.Key][]audit.Change{}, malicious: map[audit.ChangeID]string{}, overlaps: map[audit.Key]string{}}
	kinds := in.loadTruth(t, filepath.Join(incidents, line, "truth.json"))
	for _, db := range []string{"bank", "shop"} {
		in.loadStore(t, db, filepath.Join(incidents, line, "store", db+".jsonl.gz"), kinds)
	}
	if len(kinds) > 0 {
		t.Fatalf("%d malicious entries are not in the store", len(kinds))
	}
	in.after = loadState(t, filepath.Join(incidents, line, "state-after"))
	in.clean = loadState(t, filepath.Join(incidents, line, "state-counterfactual"))
	return in
}

func (in *incident) loadTruth(t testing.TB, path string) map[entryName]string {
	t.Helper()
	var truth struct {
		Malicious []struct {
			DB, Table, Type, Kind string
			Timestamp             audit.Time
			ID                    audit.ID
		}
		Overlaps []struct {
			DB, Table, What string
			ID              audit.ID
		} `json:"legitimate_overlaps"`
	}
	readJSON(t, path, &truth)
	kinds := map[entryName]string{}
	for _, m := range truth.Malicious {
		kinds[entryName{m.DB, m.Table, m.Type, m.Timestamp, m.ID}] = m.Kind
	}
	for _, o := range truth.Overlaps {
		in.overlaps[audit.Key{Table: audit.Table{Database: o.DB, Name: o.Table}, ID: o.ID}] = o.What
	}
	return kinds
}

func readJSON(t testing.TB, path string, to any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func loadState(t testing.TB, dir string) map[audit.Key]audit.Value {
	t.Helper()
	state := map[audit.Key]audit.Value{}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state in %s: %v", dir, err)
	}
	for _, f := range files {
		table, err := audit.ParseTable(filepath.Base(f[:len(f)-len(".json")]))
		if err != nil {
			t.Fatal(err)
		}
		if table.Name == "sessions" {
			continue // records expire, and nothing was done to them
		}
		var rows []audit.Value
		readJSON(t, f, &rows)
		for _, row := range rows {
			id, err := audit.IDOf(row.Get("id"))
			if err != nil {
				t.Fatalf("%s: %s: %v", f, row.JSON(), err)
			}
			state[audit.Key{Table: table, ID: id}] = row
		}
	}
	return state
}

// loadStore folds the raw entries into changes with exact images.
func (in *incident) loadStore(t testing.TB, db, path string, kinds map[entryName]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e rawEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		c := audit.Change{Time: e.Version, User: e.User, Op: e.Operation, Key: audit.Key{Table: audit.Table{Database: db, Name: e.Table}, ID: e.ID}}
		in.fold(&c, &e)
		name := entryName{db, e.Table, e.Type, e.Version, e.ID}
		if kind, ok := kinds[name]; ok {
			in.malicious[c.ID] = kind
			delete(kinds, name)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func (in *incident) fold(c *audit.Change, e *rawEntry) {
	past := in.histories[c.Key]
	before := audit.Image{}
	if n := len(past); n > 0 {
		before = past[n-1].After
		if before.State != audit.Unknown {
			before.Source = audit.Folded
		}
		if past[n-1].Time == c.Time && past[n-1].Op.Kind() == kindOf(e) {
			c.Nth = past[n-1].Nth + 1
		}
	}
	switch e.Type {
	case "delete":
		c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
	case "patch":
		if c.Op == "" {
			c.Op = audit.OpPatch
		}
		c.After = audit.PresentImage(merge(before.Body, e.Raw), audit.Logged, audit.Prompt)
	default:
		if c.Op == "" {
			c.Op = audit.OpUpsert
		}
		c.After = audit.PresentImage(e.Raw, audit.Logged, audit.Exact)
	}
	if len(past) == 0 && c.Op == audit.OpInsert {
		before = audit.AbsentImage(audit.Logged, audit.Exact)
	}
	c.Before = before
	c.ID = c.Identify()
	in.histories[c.Key] = append(past, *c)
}

func kindOf(e *rawEntry) audit.Kind {
	if e.Type == "delete" {
		return audit.KindDelete
	}
	return audit.KindWrite
}

// merge is what Harper makes of a patch.
func merge(body, patch audit.Value) audit.Value {
	for name, v := range patch.Fields() {
		if inc := v.Get("value"); v.RawOp() {
			v, _ = added(body.Get(name), inc)
		}
		body = body.With(name, v)
	}
	return body
}

func (in *incident) records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(in.histories), compareKeys) {
			if !yield(Record{Key: k, Changes: in.histories[k]}, nil) {
				return
			}
		}
	}
}

func (in *incident) selection(t testing.TB) *Selection {
	t.Helper()
	s, err := Select(Criteria{User: []string{"bram"}}, func(yield func(audit.Change, error) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(in.histories), compareKeys) {
			for _, c := range in.histories[k] {
				if _, ok := in.malicious[c.ID]; ok && !yield(c, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
