package harpertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"recourse/audit"
)

// ticking is a clock that goes a millisecond forward each time it is looked at,
// from a moment that the test can move.
type ticking struct{ at audit.Time }

func (c *ticking) now() audit.Time { c.at++; return c.at }

const begin = audit.Time(1.8e12)

// logOf is a table's log as read_audit_log shows it, one line a group.
func logOf(t testing.TB, s *Server, name audit.Table, values string) []string {
	t.Helper()
	answer := ask(t, s, fmt.Sprintf(`{"operation":"read_audit_log","schema":%q,"database":%q,"table":%q,"search_type":"timestamp","search_values":%s}`, name.Database, name.Database, name.Name, values))
	var out []string
	for g := range answer.Elems() {
		if e := g.Get("error"); e != nil {
			out = append(out, "error: "+e.Text())
			continue
		}
		ids := g.Get("ids")
		if ids == nil {
			ids = g.Get("hash_values")
		}
		out = append(out, fmt.Sprint(g.Get("operation").Text(), " ", g.Get("user_name").Text(), " ", g.Get("timestamp").JSON(), " ", ids.JSON()))
	}
	return out
}

func same(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// TestReplicate writes on two linked servers, and cuts the link for a while.
func TestReplicate(t *testing.T) {
	for _, line := range []Line{LMDB, RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			ca, cb := &ticking{begin}, &ticking{begin + 100.5}
			a := scratch(t, Options{Line: line, Clock: ca.now, Node: "a"})
			b := New(Options{Line: line, Clock: cb.now, Node: "b"})
			t.Cleanup(b.Close)
			links := Cluster(a, b)

			ask(t, a, `{"operation":"insert","database":"d","table":"t","records":[{"id":1,"n":1},{"id":2}]}`)
			ask(t, b, `{"operation":"update","database":"d","table":"t","records":[{"id":1,"n":2}]}`)
			ea, eb := a.Entries("d"), b.Entries("d")
			if len(ea) != 3 || len(eb) != 3 {
				t.Fatalf("%d and %d entries", len(ea), len(eb))
			}
			for i := range ea {
				x, y := ea[i], eb[i]
				if x.Version != y.Version || x.Type != y.Type || x.ID != y.ID || x.User != "admin" || y.User != "admin" || !x.Raw.Equal(y.Raw) {
					t.Errorf("%+v is not %+v", x, y)
				}
				// Each entry has its operation only where it was written.
				if (x.Operation == "") != (x.Node == "b") || (y.Operation == "") != (y.Node == "a") || (x.Node == "") == (y.Node == "") {
					t.Errorf("%+v and %+v", x, y)
				}
				if line == RocksDB && x.LocalTime != y.LocalTime || line == LMDB && x.LocalTime == y.LocalTime {
					t.Errorf("stored at %v and at %v", x.LocalTime, y.LocalTime)
				}
			}
			if got := b.Records(dt)["1"].Get("n").JSON(); got != "2" || !a.Records(dt)["1"].Equal(b.Records(dt)["1"]) {
				t.Errorf("the records are %v and %v", a.Records(dt), b.Records(dt))
			}
			same(t, "the copy's log", logOf(t, b, dt, "[]")[:1], fmt.Sprintf("upsert admin %v [1,2]", ea[0].Version))

			for _, l := range links {
				l.Pause()
			}
			ask(t, a, `{"operation":"insert","database":"d","table":"t","records":[{"id":3}]}`)
			if len(b.Entries("d")) != 3 {
				t.Error("something came over a link that is cut")
			}
			cut := a.Entries("d")[3].Version
			cb.at += 60_000 // the receiver's clock goes on meanwhile
			ask(t, b, `{"operation":"insert","database":"d","table":"t","records":[{"id":4}]}`)
			own := b.Entries("d")
			late := own[len(own)-1].LocalTime + 0.001
			for _, l := range links {
				l.Resume()
			}
			tail := logOf(t, b, dt, fmt.Sprintf("[%v]", late))
			inPast := logOf(t, b, dt, fmt.Sprintf("[%v,%v]", cut, cut+0.5))
			if line == LMDB { // it was stored now
				same(t, "the tail", tail, fmt.Sprintf("upsert admin %v [3]", cut))
				same(t, "the past", inPast)
			} else { // it has always been there
				same(t, "the tail", tail)
				same(t, "the past", inPast, fmt.Sprintf("upsert admin %v [3]", cut))
			}
			if len(a.Entries("d")) != 5 || len(b.Entries("d")) != 5 || len(a.Records(dt)) != 4 || len(b.Records(dt)) != 4 {
				t.Error("the servers are not the same")
			}
			if len(b.Records(audit.Table{Database: "system", Name: "hdb_user"})) != 1 {
				t.Error("users were replicated")
			}
		})
	}
}

// TestConflict writes one record on both sides of a cut link: the later version
// stands on both, and the earlier is lost on the one that had the later.
func TestConflict(t *testing.T) {
	ca, cb := &ticking{begin}, &ticking{begin + 5000}
	a, b := scratch(t, Options{Clock: ca.now, Node: "a"}), scratch(t, Options{Clock: cb.now, Node: "b"})
	links := Cluster(a, b)
	for _, l := range links {
		l.Pause()
	}
	for _, s := range []*Server{a, b} {
		if err := s.Put("u", dr, "1", value(t, `{"v":"`+s.node+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range links {
		l.Resume()
	}
	for _, s := range []*Server{a, b} {
		if got := s.Records(dr)["1"].Get("v").Text(); got != "b" {
			t.Errorf("on %s the record is that of %s", s.node, got)
		}
	}
	if na, nb := len(a.Entries("d")), len(b.Entries("d")); na != 2 || nb != 1 {
		t.Errorf("%d and %d entries", na, nb)
	}
}

// TestBaseCopy lets a server join that gets all records and no history.
func TestBaseCopy(t *testing.T) {
	for _, line := range []Line{LMDB, RocksDB} {
		a := scratch(t, Options{Line: line, Node: "a"})
		ask(t, a, `{"operation":"insert","database":"d","table":"t","records":[{"id":1,"n":1},{"id":2}]}`)
		b := New(Options{Line: line, Node: "b"})
		t.Cleanup(b.Close)
		l := Replicate(a, b)
		l.BaseCopy()
		if len(b.Records(dt)) != 2 || !b.Records(dt)["1"].Equal(a.Records(dt)["1"]) {
			t.Errorf("%v: copied %v", line, b.Records(dt))
		}
		var kinds []string
		for _, e := range b.Entries("d") {
			kinds = append(kinds, e.Table.Name+" "+e.Type+" "+string(e.ID))
		}
		slices.Sort(kinds)
		same(t, line.String()+" entries", kinds, "R reload ", "t reload ")
		at := b.Entries("d")
		i := slices.IndexFunc(at, func(e Entry) bool { return e.Table == dt })
		same(t, line.String()+" log", logOf(t, b, dt, "[]"), fmt.Sprintf("reload  %v [null]", at[i].Version))
		got := ask(t, b, `{"operation":"read_audit_log","schema":"d","database":"d","table":"t","search_type":"hash_value","search_values":[1]}`)
		if got.JSON() != `{"1":[]}` {
			t.Errorf("%v: the history of a copied record is %s", line, got.JSON())
		}
		ask(t, a, `{"operation":"update","database":"d","table":"t","records":[{"id":1,"n":2}]}`)
		if got := b.Records(dt)["1"].Get("n").JSON(); got != "2" || len(logOf(t, b, dt, "[]")) != 2 {
			t.Errorf("%v: what comes after the copy: %s, %q", line, got, logOf(t, b, dt, "[]"))
		}
	}
}

func TestClusterStatus(t *testing.T) {
	a, b := scratch(t, Options{Node: "a"}), scratch(t, Options{Node: "b"})
	if status, _ := post(t, a, []byte(`{"operation":"cluster_status"}`)); status != 400 {
		t.Errorf("without a cluster: %d", status)
	}
	links := Cluster(a, b)
	if err := a.Put("u", dr, "1", value(t, `{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	status := func() string {
		t.Helper()
		v := ask(t, b, `{"operation":"cluster_status"}`)
		for c := range v.Get("connections").Elems() {
			for s := range c.Get("database_sockets").Elems() {
				return fmt.Sprint(v.Get("node_name").Text(), " ", c.Get("name").Text(), " ", s.Get("database").Text(), " ", s.Get("connected").Bool(), " ", s.Get("lastReceivedVersion").JSON())
			}
		}
		return v.JSON()
	}
	version := a.Entries("d")[0].Version
	if got, want := status(), fmt.Sprintf("b a d true %v", version); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	links[0].Pause()
	if got, want := status(), fmt.Sprintf("b a d false %v", version); got != want {
		t.Errorf("cut: %s, want %s", got, want)
	}
	links[0].Resume()
	a.SetDown(true)
	if got, want := status(), fmt.Sprintf("b a d false %v", version); got != want {
		t.Errorf("down: %s, want %s", got, want)
	}
	got := ask(t, b, `{"operation":"search_by_value","database":"system","table":"hdb_nodes","search_attribute":"name","search_value":"*","get_attributes":["name","url"]}`)
	if got.JSON() != `[{"name":"a","url":"wss://a:9933"}]` {
		t.Errorf("hdb_nodes: %s", got.JSON())
	}
}

// TestClusterAtOnce writes on three servers at once.
func TestClusterAtOnce(t *testing.T) {
	var servers []*Server
	for _, node := range []string{"a", "b", "c"} {
		servers = append(servers, scratch(t, Options{Line: RocksDB, Node: node}))
	}
	links := Cluster(servers...)
	var done sync.WaitGroup
	for _, s := range servers {
		for w := range 2 {
			done.Go(func() {
				for i := range 20 {
					if err := s.Put("u", dr, textID(fmt.Sprint(s.node, w, i)), value(t, `{"v":1}`)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	done.Wait()
	for _, l := range links {
		l.Resume() // who found a link busy left its part to the other
	}
	for _, s := range servers {
		if n := len(s.Entries("d")); n != 120 || s.Count(dr) != 120 {
			t.Errorf("%s has %d entries and %d records of 120", s.node, n, s.Count(dr))
		}
	}
}
