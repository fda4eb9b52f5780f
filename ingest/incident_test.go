package ingest_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/ingest"
	"recourse/store"
)

const incidents = "../testdata/incidents"

// hiddenByLateRead is what one reading of each table's whole log lacks when the
// incident is over: entries behind one that Harper cannot read, and on the LMDB
// line those of shop.reviews, which the attacker wiped.
var hiddenByLateRead = map[string]map[string]int{
	"lmdb":    {"shop.reviews": 218, "shop.orders": 550, "shop.sessions": 124},
	"rocksdb": {"shop.products": 795, "shop.sessions": 124},
}

// rawEntry is one entry of Harper's audit store, as the incident's dump has it.
type rawEntry struct {
	LocalTime float64         `json:"localTime"`
	Version   audit.Time      `json:"version"`
	Type      string          `json:"type"`
	ID        audit.ID        `json:"id"`
	User      string          `json:"user"`
	Raw       json.RawMessage `json:"raw"`
	Table     string          `json:"table"`
	Wiped     bool            `json:"wiped"`
}

func rawLog(t *testing.T, line string) map[string]rawEntry {
	t.Helper()
	entries := map[string]rawEntry{}
	for _, db := range []string{"bank", "shop"} {
		f, err := os.Open(filepath.Join(incidents, line, "store", db+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<20)
		nth := map[string]int{}
		for lines.Scan() {
			var e rawEntry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			kind := audit.KindWrite
			if e.Type == "delete" {
				kind = audit.KindDelete
			}
			key := fmt.Sprint(db, ".", e.Table, "/", e.ID, "@", e.Version, kind)
			entries[fmt.Sprint(key, "#", nth[key])] = e
			nth[key]++
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

func openStore(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestImportIncident: the polls made while the incident happened hold the whole
// raw log, each entry once; what was read when it was over hides a part, and
// the import says how much.
func TestImportIncident(t *testing.T) {
	for _, line := range []string{"lmdb", "rocksdb"} {
		t.Run(line, func(t *testing.T) {
			db := openStore(t)
			im := ingest.Importer{Store: db}
			rep, err := im.Import(t.Context(), []string{filepath.Join(incidents, line, "tail")})
			if err != nil {
				t.Fatal(err)
			}
			want := rawLog(t, line)
			if len(want) != 4058 {
				t.Fatalf("the raw log has %d entries, want 4058", len(want))
			}
			compareWithRaw(t, db, want)

			again, err := im.Import(t.Context(), []string{filepath.Join(incidents, line, "tail")})
			if err != nil {
				t.Fatal(err)
			}
			if again.Appended.New != 0 || again.Appended.Known != rep.Appended.New+rep.Appended.Known {
				t.Errorf("the second import: %+v, want nothing new", again.Appended)
			}
			late, err := im.Import(t.Context(), []string{filepath.Join(incidents, line, "final")})
			if err != nil {
				t.Fatal(err)
			}
			checkLate(t, line, late)
		})
	}
}

func compareWithRaw(t *testing.T, db *store.DB, want map[string]rawEntry) {
	t.Helper()
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprint(c.Key.Table, "/", c.Key.ID, "@", c.Time, c.Op.Kind(), "#", c.Nth)
		e, ok := want[key]
		if !ok {
			t.Errorf("stored, but not in the raw log: %s", key)
			continue
		}
		delete(want, key)
		if c.User != e.User {
			t.Errorf("%s: user %q, want %q", key, c.User, e.User)
		}
		if e.Type == "put" && c.After.Trust == audit.Exact {
			raw, err := audit.FromJSON(e.Raw)
			if err != nil {
				t.Fatal(err)
			}
			if d := audit.DiffOf(raw, c.After.Body); len(d) > 0 {
				t.Errorf("%s: an exact image differs from the raw one: %+v", key, d)
			}
		}
	}
	for key := range want {
		t.Errorf("in the raw log, but not stored: %s", key)
	}
}

// checkLate holds the report on the late readings against the raw log.
func checkLate(t *testing.T, line string, rep ingest.ImportReport) {
	t.Helper()
	got := map[string]int{}
	failed := map[string]bool{}
	for _, p := range rep.Partial {
		if !strings.HasPrefix(p.Table.Database, "system") {
			got[p.Table.String()] = p.Hidden
			failed[p.Table.String()] = p.Reason != ""
		}
	}
	want := hiddenByLateRead[line]
	for table, n := range want {
		if got[table] != n {
			t.Errorf("%s hides %d changes, want %d", table, got[table], n)
		}
	}
	for table, n := range got {
		if want[table] == 0 {
			t.Errorf("%s is said to hide %d changes, want none", table, n)
		}
	}
	for _, table := range []string{"shop.sessions"} {
		if !failed[table] {
			t.Errorf("%s ended in an error of the server, and the report does not say so", table)
		}
	}
}
