package harpertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"recourse/audit"
)

// scratch is a server with a dynamic table d.t and an exported table d.R.
func scratch(t testing.TB, o Options) *Server {
	t.Helper()
	s := New(o)
	t.Cleanup(s.Close)
	s.CreateTable(dt, Schema{})
	s.CreateTable(dr, Schema{Exported: true, Attributes: []Attribute{{Name: "id", Type: "Any"}, {Name: "n", Type: "Int"}}})
	return s
}

var (
	dt = audit.Table{Database: "d", Name: "t"}
	dr = audit.Table{Database: "d", Name: "R"}
)

func value(t testing.TB, text string) audit.Value {
	t.Helper()
	v, err := audit.FromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ask posts to the operations API and wants 200.
func ask(t testing.TB, s *Server, body string) audit.Value {
	t.Helper()
	status, answer := post(t, s, []byte(body))
	if status != 200 {
		t.Fatalf("%s: %d %s", body, status, answer)
	}
	return value(t, string(answer))
}

// do sends a request to the REST interface as admin.
func do(t testing.TB, s *Server, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.RESTURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("admin", "secret")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

const readR = `{"operation":"read_audit_log","schema":"d","database":"d","table":"R"}`

// TestHistories plays short histories of one record and compares the images
// that the log shows at the end, with those read from a real Harper of each
// line. A letter is an operation: P put, U patch, D delete.
func TestHistories(t *testing.T) {
	for _, c := range []struct {
		name, writes  string
		lmdb, rocksdb string
	}{
		{"later put", `P{"a":1} U{"b":2} P{"c":3}`,
			`[{"a":1,"id":"x"},{"c":3,"id":"x"},{"c":3,"id":"x"}]`,
			`[{"a":1,"id":"x"},{"c":3,"id":"x"},{"c":3,"id":"x"}]`},
		{"new poison of 5.1", `P{"a":1} U{"a":2} P{"a":3} U{"a":4}`,
			`[{"a":1,"id":"x"},{"a":3,"id":"x"},{"a":3,"id":"x"},{"a":4,"id":"x"}]`,
			`[{"error":"TypeError: Cannot assign to read only property 'a' of object '#<Object>'"}]`},
		{"value of the future", `P{"a":1} U{"a":2} U{"b":1}`,
			`[{"a":1,"id":"x"},{"a":2,"b":null,"id":"x"},{"a":2,"b":1,"id":"x"}]`,
			`[{"a":1,"id":"x"},{"a":2,"b":1,"id":"x"},{"a":2,"b":1,"id":"x"}]`},
		{"old poison", `P{"a":1} U{"a":2} U{"b":3} D`,
			`[{"error":"TypeError: Cannot set properties of null (setting 'b')"}]`,
			`[{"a":1,"id":"x"},{"a":2,"id":"x"},{"a":2,"b":3,"id":"x"},null]`},
		{"increments", `P{"n":10} U{"n":{"__op__":"add","value":3}} U{"n":{"__op__":"add","value":4}}`,
			`[{"n":10,"id":"x"},{"n":13,"id":"x"},{"n":17,"id":"x"}]`,
			`[{"n":10,"id":"x"},{"n":13,"id":"x"},{"n":17,"id":"x"}]`},
		{"patch of nothing", `U{"a":1} D P{"a":2}`,
			`[null,null,{"a":2,"id":"x"}]`,
			`[{"a":1},null,{"a":2,"id":"x"}]`},
	} {
		for line, want := range map[Line]string{LMDB: c.lmdb, RocksDB: c.rocksdb} {
			t.Run(c.name+"/"+line.String(), func(t *testing.T) {
				s := scratch(t, Options{Line: line})
				for w := range strings.FieldsSeq(c.writes) {
					var err error
					switch body := w[1:]; w[0] {
					case 'P':
						err = s.Put("u", dr, `"x"`, value(t, body))
					case 'U':
						err = s.Patch("u", dr, `"x"`, value(t, body))
					case 'D':
						err = s.Delete("u", dr, `"x"`)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				var got []audit.Value
				for g := range ask(t, s, readR).Elems() {
					if g.Get("error") != nil {
						got = append(got, g)
						continue
					}
					for r := range g.Get("records").Elems() {
						got = append(got, r)
					}
				}
				if d := firstDiff("", audit.Array(got...), value(t, want)); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

// TestVersionsWin writes into the past and the future.
func TestVersionsWin(t *testing.T) {
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			s := scratch(t, Options{Line: line})
			now := s.Now()
			at := func(version audit.Time, write func(*Tx)) {
				t.Helper()
				if err := s.TransactAt(version, "u", func(tx *Tx) error { write(tx); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			at(now+3.6e6, func(tx *Tx) { tx.Put(dr, "1", value(t, `{"v":"pinned"}`)) })
			entries := len(s.Entries("d"))
			for _, body := range []string{
				`{"operation":"update","database":"d","table":"R","records":[{"id":1,"v":"repair"}]}`,
				`{"operation":"delete","database":"d","table":"R","ids":[1]}`,
			} {
				if msg := ask(t, s, body).Get("message").Text(); !strings.Contains(msg, "1 of 1") {
					t.Error(msg)
				}
			}
			if status, _ := do(t, s, "PUT", "/R/1", `{"v":"repair"}`); status != 204 {
				t.Error(status)
			}
			if v := s.Records(dr)["1"].Get("v").Text(); v != "pinned" || len(s.Entries("d")) != entries {
				t.Errorf("%s, %d entries after %d", v, len(s.Entries("d")), entries)
			}

			at(now-8.64e7, func(tx *Tx) { tx.Put(dr, "2", value(t, `{"v":1}`)) })
			scan := func(from audit.Time) int {
				return ask(t, s, fmt.Sprintf(`{"operation":"read_audit_log","schema":"d","database":"d","table":"R","search_values":[%s,%s]}`, from, from+2000)).Len()
			}
			if recent, then := scan(now), scan(now-8.64e7-1000); line == LMDB && (recent == 0 || then != 0) || line == RocksDB && then != 1 {
				t.Errorf("the backdated write shows %d times now and %d times then", recent, then)
			}

			// A late patch gives what no later patch has given.
			at(now+1, func(tx *Tx) { tx.Put(dr, "3", value(t, `{"a":1,"b":1}`)) })
			at(now+3, func(tx *Tx) { tx.Patch(dr, "3", value(t, `{"a":3}`)) })
			at(now+2, func(tx *Tx) { tx.Patch(dr, "3", value(t, `{"a":2,"b":2}`)) })
			if got := s.Records(dr)["3"]; got.JSON() != `{"a":3,"b":2,"id":3}` {
				t.Error(got.JSON())
			}
		})
	}
}

// TestEmptyIDs shows that the traps are real.
func TestEmptyIDs(t *testing.T) {
	for _, line := range lines {
		s := scratch(t, Options{Line: line})
		fill := func() {
			for i := range 3 {
				if err := s.Put("u", dr, audit.ID(fmt.Sprint(i+1)), value(t, `{}`)); err != nil {
					t.Fatal(err)
				}
			}
		}
		fill()
		if status, body := do(t, s, "DELETE", "/R/", ""); status != 200 || body != "true" || s.Count(dr) != 0 {
			t.Errorf("%s: DELETE /R/: %d %s, %d records left", line, status, body, s.Count(dr))
		}
		fill()
		if got := ask(t, s, `{"operation":"delete","database":"d","table":"R","ids":[null]}`).Get("message").Text(); s.Count(dr) != 0 || got != "1 of 1 record successfully deleted" {
			t.Errorf("%s: ids [null]: %s, %d records left", line, got, s.Count(dr))
		}
		fill()
		if status, _ := do(t, s, "DELETE", "/R/?id==2&n==5", ""); status != 200 || s.Count(dr) != 3 {
			t.Errorf("%s: a condition that fails: %d, %d records left", line, status, s.Count(dr))
		}
		if status, _ := do(t, s, "DELETE", "/R", ""); status == 200 || s.Count(dr) != 3 {
			t.Errorf("%s: DELETE /R: %d, %d records left", line, status, s.Count(dr))
		}
	}
}

// TestConcurrency writes and reads from many sides at once; the versions stay
// apart, and nothing is lost.
func TestConcurrency(t *testing.T) {
	for _, line := range lines {
		s := scratch(t, Options{Line: line})
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 20 {
					id := audit.ID(fmt.Sprint(w*1000 + i))
					if err := s.Patch("u", dr, "7777", value(t, `{"n":{"__op__":"add","value":1}}`)); err != nil {
						t.Error(err)
					}
					post(t, s, fmt.Appendf(nil, `{"operation":"insert","database":"d","table":"t","records":[{"id":%s}]}`, id))
					post(t, s, []byte(readR))
				}
			})
		}
		wg.Wait()
		if n, _ := s.Records(dr)["7777"].Get("n").Float64(); n != 160 || s.Count(dt) != 160 {
			t.Errorf("%s: the counter is at %v, %d records", line, n, s.Count(dt))
		}
		seen := map[audit.Time]bool{}
		for _, e := range s.Entries("d") {
			if seen[e.Version] {
				t.Errorf("%s: version %v twice", line, e.Version)
			}
			seen[e.Version] = true
		}
	}
}

// TestManyWrites is the promise of speed: ten thousand writes and a read of
// each, by window.
func TestManyWrites(t *testing.T) {
	for _, line := range lines {
		s := scratch(t, Options{Line: line})
		start := time.Now()
		for i := range 10_000 {
			if err := s.Put("u", dr, audit.ID(fmt.Sprint(i)), value(t, `{"v":"x"}`)); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for _, e := range s.Entries("d") {
			body := fmt.Sprintf(`{"operation":"read_audit_log","schema":"d","database":"d","table":"R","search_values":[%s,%s]}`, e.LocalTime, e.LocalTime+0.0002)
			_, answer := post(t, s, []byte(body))
			n += bytes.Count(answer, []byte(`"timestamp"`))
		}
		if n != 10_000 {
			t.Errorf("%s: %d groups", line, n)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %v", line, d)
		}
	}
}

func TestRefreshToken(t *testing.T) {
	clock := &steppedClock{now: 1.795e12}
	s := scratch(t, Options{Clock: clock.tick})
	send := func(token, body string) (int, map[string]string) {
		r, err := http.NewRequest("POST", s.OpsURL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out map[string]string
		_ = json.NewDecoder(res.Body).Decode(&out) // other answers are not of texts
		return res.StatusCode, out
	}
	tokens := ask(t, s, `{"operation":"create_authentication_tokens","username":"admin","password":"secret"}`)
	old := tokens.Get("operation_token").Text()
	clock.set(clock.peek() + 86401e3)
	if status, out := send(old, readR); status != 401 || out["error"] != "token expired" {
		t.Error(status, out)
	}
	status, out := send(tokens.Get("refresh_token").Text(), `{"operation":"refresh_operation_token"}`)
	if status != 200 {
		t.Fatal(status, out)
	}
	if status, _ := send(out["operation_token"], readR); status != 200 {
		t.Error(status)
	}
}

// FuzzOps sends anything to the operations API: it answers, and does not fall.
func FuzzOps(f *testing.F) {
	for name := range operations {
		f.Add(fmt.Appendf(nil, `{"operation":%q,"schema":"d","database":"d","table":"t","records":[{"id":1,"a":{"__op__":"add"}},2,[]],"ids":[1,[],""],"attribute":"a","search_values":[1]}`, name))
	}
	f.Add([]byte(`{"operation":"sql","sql":"INSERT INTO d.t (id,a) VALUES (1,'x','y'),(2"}`))
	f.Add([]byte(`{"operation":"csv_data_load","database":"d","table":"t","data":"id,a\n1,2,3"}`))
	f.Add([]byte(`{"operation":"search_by_conditions","database":"d","table":"t","conditions":[{"attribute":"id"}],"get_attributes":["*"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, line := range lines {
			s := New(Options{Line: line})
			s.CreateTable(dt, Schema{})
			if status, answer := post(t, s, body); status < 200 || status > 599 || len(answer) == 0 {
				t.Errorf("%d %s", status, answer)
			}
			post(t, s, []byte(`{"operation":"read_audit_log","schema":"d","database":"d","table":"t"}`))
		}
	})
}
