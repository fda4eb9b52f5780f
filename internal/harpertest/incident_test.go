package harpertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
)

var lines = []Line{LMDB, RocksDB}

const testdata = "../../testdata/"

func incident(t testing.TB, line Line) *Server {
	t.Helper()
	s := New(Options{Line: line})
	t.Cleanup(s.Close)
	if err := s.LoadIncident(os.DirFS(testdata + "incidents/" + line.String())); err != nil {
		t.Fatal(err)
	}
	return s
}

// post asks the operations API and returns status and body.
func post(t testing.TB, s *Server, body []byte) (int, []byte) {
	t.Helper()
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("admin", "secret")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// sameJSON compares two JSON texts: order of attributes aside, numbers by
// value.
func sameJSON(t testing.TB, got, want []byte) string {
	t.Helper()
	g, err := audit.FromJSON(got)
	if err != nil {
		return fmt.Sprintf("got no JSON: %v: %.200s", err, got)
	}
	w, err := audit.FromJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	return firstDiff("", g, w)
}

func firstDiff(at string, got, want audit.Value) string {
	if got.Equal(want) {
		return ""
	}
	if got.Kind() != want.Kind() {
		return fmt.Sprintf("%s: got %.300s, want %.300s", at, got.JSON(), want.JSON())
	}
	switch got.Kind() {
	case audit.KindArray:
		var a, b []audit.Value
		for e := range got.Elems() {
			a = append(a, e)
		}
		for e := range want.Elems() {
			b = append(b, e)
		}
		for i := range min(len(a), len(b)) {
			if d := firstDiff(fmt.Sprintf("%s[%d]", at, i), a[i], b[i]); d != "" {
				return d
			}
		}
		return fmt.Sprintf("%s: got %d elements, want %d", at, len(a), len(b))
	case audit.KindObject:
		for _, k := range want.Names() {
			if d := firstDiff(at+"."+k, got.Get(k), want.Get(k)); d != "" {
				return d
			}
		}
		return fmt.Sprintf("%s: got names %v, want %v", at, got.Names(), want.Names())
	}
	return fmt.Sprintf("%s: got %.300s, want %.300s", at, got.JSON(), want.JSON())
}

type exchange struct {
	Request, Response json.RawMessage
	Status            int
}

// TestFinalReads compares every captured read of the incidents' tables.
func TestFinalReads(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := incident(t, line)
			files, err := filepath.Glob(testdata + "incidents/" + line.String() + "/final/*.json")
			if err != nil || len(files) != 17 {
				t.Fatal(len(files), err)
			}
			for _, f := range files {
				name := filepath.Base(f)
				if name == "describe_all.json" {
					continue // TestDescribeIncident
				}
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				compareExchange(t, s, name, data)
			}
		})
	}
}

func compareExchange(t *testing.T, s *Server, name string, data []byte) bool {
	t.Helper()
	var x exchange
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(name, err)
	}
	status, body := post(t, s, x.Request)
	d := sameJSON(t, body, x.Response)
	if status != x.Status || d != "" {
		t.Errorf("%s: %s: status %d, want %d: %s", name, x.Request, status, x.Status, d)
		return false
	}
	return true
}

var windowCounts = map[string]int{
	"lmdb/shop.orders.jsonl": 413, "lmdb/shop.sessions.jsonl": 1259,
	"rocksdb/shop.products.jsonl": 301, "rocksdb/shop.sessions.jsonl": 1275,
}

// TestFinalWindows compares every step of the bisections that found the
// unreadable entries.
func TestFinalWindows(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := incident(t, line)
			files, err := filepath.Glob(testdata + "incidents/" + line.String() + "/final-windows/*.jsonl")
			if err != nil || len(files) != 2 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				windows, wrong := 0, 0
				for _, l := range readLines(t, f) {
					windows++
					if !compareExchange(t, s, filepath.Base(f), l) {
						if wrong++; wrong > 3 {
							break
						}
					}
				}
				if want := windowCounts[line.String()+"/"+filepath.Base(f)]; windows != want {
					t.Errorf("%s: compared %d windows, want %d", f, windows, want)
				}
			}
		})
	}
}

func readLines(t *testing.T, name string) [][]byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][]byte
	in := bufio.NewReader(f)
	for {
		l, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(l)) > 0 {
			out = append(out, l)
		}
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestStateAfter compares every record that is left, the assigned times too.
func TestStateAfter(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := incident(t, line)
			files, err := filepath.Glob(testdata + "incidents/" + line.String() + "/state-after/*.json")
			if err != nil || len(files) != 9 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				db, table, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".json"), ".")
				req, err := json.Marshal(map[string]any{"operation": "search_by_value", "database": db, "table": table, "search_attribute": "id", "search_value": "*", "get_attributes": []string{"*"}})
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				status, got := post(t, s, req)
				if d := sameJSON(t, got, want); status != 200 || d != "" {
					t.Errorf("%s: %d: %s", f, status, d)
				}
			}
		})
	}
}

// TestWritesOnTop writes on the loaded incident: later than all of it, logged
// behind it, chained to it.
func TestWritesOnTop(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := incident(t, line)
			before := s.Entries("shop")
			newest := audit.Time(0)
			for _, e := range before {
				newest = max(newest, e.Version, e.LocalTime)
			}
			table := audit.Table{Database: "shop", Name: "products"}
			id := audit.ID(`"knock-00"`)
			if err := s.Patch("admin", table, id, audit.Object(map[string]audit.Value{"stock": audit.Int(7)})); err != nil {
				t.Fatal(err)
			}
			after := s.Entries("shop")
			last := after[len(after)-1]
			if len(after) != len(before)+1 || last.Version <= newest || last.LocalTime <= newest || last.Prev == 0 {
				t.Fatalf("%d entries after %d, last %+v, newest before %v", len(after), len(before), last, newest)
			}
			rec := s.Records(table)[id]
			if n, _ := rec.Get("stock").Float64(); n != 7 {
				t.Errorf("stock is %s", rec.JSON())
			}
			if u, _ := rec.Get("updated").Float64(); audit.Time(u) != last.Version {
				t.Errorf("updated is %v, version %v", u, last.Version)
			}
			status, body := post(t, s, fmt.Appendf(nil, `{"operation":"read_audit_log","schema":"shop","database":"shop","table":"products","search_values":[%s]}`, last.LocalTime))
			var groups []struct {
				Operation string
				Records   []map[string]any
			}
			if err := json.Unmarshal(body, &groups); err != nil || status != 200 || len(groups) != 1 || groups[0].Operation != "patch" || groups[0].Records[0]["name"] != "replica 0" {
				t.Errorf("%d %v %s", status, err, body)
			}
		})
	}
}

// TestDescribeIncident compares what describe_all says, sizes and counts aside.
func TestDescribeIncident(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			s := incident(t, line)
			data, err := os.ReadFile(testdata + "incidents/" + line.String() + "/final/describe_all.json")
			if err != nil {
				t.Fatal(err)
			}
			var x exchange
			if err := json.Unmarshal(data, &x); err != nil {
				t.Fatal(err)
			}
			status, got := post(t, s, x.Request)
			if status != http.StatusOK {
				t.Fatal(status)
			}
			if d := firstDiff("", withoutSizes(t, got), withoutSizes(t, x.Response)); d != "" {
				t.Error(d)
			}
		})
	}
}

func withoutSizes(t *testing.T, describeAll []byte) audit.Value {
	t.Helper()
	v, err := audit.FromJSON(describeAll)
	if err != nil {
		t.Fatal(err)
	}
	for db, tables := range v.Fields() {
		for name, d := range tables.Fields() {
			for _, k := range []string{"db_size", "table_size", "db_audit_size", "record_count", "last_updated_record"} {
				d = d.With(k, nil)
			}
			tables = tables.With(name, d)
		}
		v = v.With(db, tables)
	}
	return v
}
