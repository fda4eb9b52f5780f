package revert

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// The captured incidents: every entry of the raw audit store, which of them the
// attacker wrote, the tables afterwards, and the tables of the same run without
// the attack.

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

// carryOut does to a state in memory what the plan's actions say.
func carryOut(t testing.TB, p *Plan, state map[audit.Key]audit.Value) {
	t.Helper()
	for _, a := range p.Actions {
		rec, there := state[a.Key()]
		if there != a.Expect.Exists {
			t.Errorf("%s %s: the record's existence is not as expected", a.Do, a.Key())
		}
		for name, v := range a.Expect.Owned {
			if got := rec.Get(name); !got.Equal(v) && !nearly(got, v) {
				t.Errorf("%s %s: %s is %s, expected %s", a.Do, a.Key(), name, got.JSON(), v.JSON())
			}
		}
		for name, v := range a.Set {
			rec = rec.With(name, v)
		}
		for _, name := range a.Unset {
			rec = rec.With(name, nil)
		}
		for name, inc := range a.Add {
			sum, _ := added(rec.Get(name), inc)
			rec = rec.With(name, sum)
		}
		state[a.Key()] = rec
		if a.Do == DoDelete {
			delete(state, a.Key())
		}
	}
}

// nearly says that two numbers differ by less than the rounding of a few float64
// additions.
func nearly(a, b audit.Value) bool {
	x, ok := float(a)
	y, ok2 := float(b)
	return ok && ok2 && !blank(a) && !blank(b) && math.Abs(x-y) < 1e-6
}

// apart lists where a state differs from the run without the attack, as
// table/id or table/id.attribute.
func (in *incident) apart(state map[audit.Key]audit.Value) map[string]audit.Key {
	out := map[string]audit.Key{}
	server := map[string]bool{"updated": true, "created": true, audit.UpdatedTime: true, audit.CreatedTime: true}
	for k := range state {
		if _, ok := in.clean[k]; !ok && k.Table.Name != "sessions" {
			out[k.String()] = k
		}
	}
	for k, want := range in.clean {
		got, ok := state[k]
		if !ok {
			out[k.String()] = k
			continue
		}
		for _, name := range slices.Concat(want.Names(), got.Names()) {
			a, b := got.Get(name), want.Get(name)
			if !server[name] && (!blank(a) || !blank(b)) && !a.Equal(b) && !nearly(a, b) {
				out[k.String()+"."+name] = k
			}
		}
	}
	return out
}

// TestIncident is the planner's claim on what really happened: what it does not
// bring to the clean run it reports, and it takes nothing from anybody honest.
func TestIncident(t *testing.T) {
	counters := map[string]Number{"bank.accounts.balance": NumberCounter, "shop.products.stock": NumberCounter}
	for _, line := range []string{"lmdb", "rocksdb"} {
		in := loadIncident(t, line)
		for _, tt := range []struct {
			name  string
			p     Policy
			whole bool
			left  int // how much stays different from the clean run
			want  map[Class]int
		}{
			{"default", Policy{}, false, 14, map[Class]int{ClassAmbiguousDelta: 10, ClassOrphanEdit: 3, ClassNoBase: 1}},
			{"history whole", Policy{}, true, 13, map[Class]int{ClassAmbiguousDelta: 10, ClassOrphanEdit: 3}},
			{"counters declared", Policy{Numbers: counters}, true, 3, map[Class]int{ClassOrphanEdit: 3}},
		} {
			t.Run(line+"/"+tt.name, func(t *testing.T) {
				p := in.plan(t, tt.p, tt.whole)
				if diff := cmp.Diff(tt.want, p.Header.Classes); diff != "" {
					t.Error(diff)
				}
				in.checkLeft(t, p, tt.left)
				in.checkOwners(t, p, tt.p)
				in.checkOverlaps(t, p)
				roundTrip(t, p)
			})
		}
	}
}

func (in *incident) plan(t *testing.T, policy Policy, complete bool) *Plan {
	t.Helper()
	records := in.records()
	if complete {
		records = whole(records)
	}
	p, err := Make(context.Background(), Request{Selection: in.selection(t), Policy: policy}, records)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Header.Managed["shop.products"]; !slices.Contains(got, "updated") || !slices.Contains(got, "created") || len(got) != 4 {
		t.Errorf("the server assigns %v in shop.products", got)
	}
	return p
}

// checkLeft says that every difference from the clean run has a conflict.
func (in *incident) checkLeft(t *testing.T, p *Plan, want int) {
	t.Helper()
	state := maps.Clone(in.after)
	before := len(in.apart(state))
	carryOut(t, p, state)
	left := in.apart(state)
	for what, k := range left {
		explained := slices.ContainsFunc(p.Conflicts, func(c Conflict) bool {
			_, attr := c.Attrs[strings.TrimPrefix(what, k.String()+".")]
			return c.Key() == k && (c.Record || attr)
		})
		if !explained {
			t.Errorf("%s differs from the clean run, and nothing says so", what)
		}
	}
	if len(left) != want {
		t.Errorf("%d differences are left, want %d: %v", len(left), want, slices.Sorted(maps.Keys(left)))
	}
	t.Logf("differences from the clean run: %d before, %d after; %+v, conflicts %v", before, len(left), p.Header.Counts, p.Header.Classes)
}

// checkOwners says that whatever is written was last written by the attacker,
// found here without a replay.
func (in *incident) checkOwners(t *testing.T, p *Plan, policy Policy) {
	t.Helper()
	for _, a := range p.Actions {
		for name := range a.Attrs {
			if policy.number(a.K.Table, name) == NumberCounter && a.Do == DoPatch {
				continue // the sum of what the attacker added is taken off
			}
			for _, c := range slices.Backward(in.histories[a.Key()]) {
				if c.Before.State != audit.Unknown && c.Before.Body.Get(name).Equal(c.After.Body.Get(name)) {
					continue
				}
				if _, evil := in.malicious[c.ID]; !evil {
					t.Errorf("%s %s: %s was last written by %q at %s", a.Do, a.Key(), name, c.User, c.Time.ISO())
				}
				break
			}
		}
	}
}

// checkOverlaps looks at the records that honest users and the attacker wrote.
func (in *incident) checkOverlaps(t *testing.T, p *Plan) {
	t.Helper()
	for k, what := range in.overlaps {
		var action *Action
		kept := map[string]KeptValue{}
		for i := range p.Actions {
			if p.Actions[i].Key() == k {
				action, kept = &p.Actions[i], p.Actions[i].Kept
			}
		}
		for i := range p.Kept {
			if p.Kept[i].Key() == k {
				kept = p.Kept[i].Kept
			}
		}
		conflict := slices.ContainsFunc(p.Conflicts, func(c Conflict) bool { return c.Key() == k && c.Class == ClassOrphanEdit })
		good := false
		switch {
		case strings.HasPrefix(what, "legitimate new price"):
			good = kept["price"].Class == ClassSuperseded && action == nil
		case strings.HasPrefix(what, "legitimate address change"):
			good = action != nil && action.Set["email"] != nil && action.Set["address"] == nil
		case strings.HasPrefix(what, "already repaired"):
			good = action == nil
		case strings.HasPrefix(what, "the warehouse"):
			good = conflict && action == nil
		}
		if !good {
			t.Errorf("%s: %s: action %+v, kept %+v", k, what, action, kept)
		}
	}
}
