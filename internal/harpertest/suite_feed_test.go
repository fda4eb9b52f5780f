package harpertest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/internal/harper"
)

// testFeed holds the feed component to its contract, where it is installed.
func (s *suite) testFeed(t *testing.T, info harper.FeedInfo) {
	engine := map[string]string{"L": "lmdb", "R": "rocksdb"}[s.line.mark]
	now, uncertain, err := s.client.ServerTime(testContext(t))
	if err != nil || info.Engine != engine || info.Version == "" || info.Time > now+1000 || info.Time < now-audit.Time(uncertain.Milliseconds())-60_000 {
		t.Errorf("%+v at %v, %v; want the engine %s", info, now, err, engine)
	}
	s.needREST(t)
	since := s.mark(t, things)
	name := s.prefix + "feed"
	put := func(method, id, body string) {
		t.Helper()
		if status, text := s.rest(t, method, things, id, body); status/100 != 2 {
			t.Fatalf("%s: %d %s", method, status, text)
		}
	}
	put("PUT", name, `{"a":1,"n":1}`)
	put("PATCH", name, `{"n":{"__op__":"add","value":3}}`)
	put("PUT", name, `{"a":2}`)
	put("PATCH", name, `{"a":3}`)
	s.poison(t, name+"-poison") // what the log cannot show, the feed does
	put("DELETE", name, "")
	table := audit.Table{Database: things.Database, Name: things.Name}
	s.mustOp(t, fields{"operation": "insert", "database": table.Database, "table": table.Name, "records": []any{fields{"id": name + "-2"}, fields{"id": name + "-3"}}})

	entries, err := s.feed(t, harper.FeedQuery{Database: table.Database, From: since})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var own []harper.FeedEntry
	last := map[audit.ID]audit.Time{}
	for _, e := range entries {
		if e.Table != table || !slices.Contains([]string{name, name + "-2", name + "-3"}, e.ID.Value().Text()) {
			continue
		}
		got = append(got, fmt.Sprint(e.Type, " ", e.Operation, " ", e.Value.With("id", nil).JSON(), " ", e.EndTxn))
		own = append(own, e)
		if e.User != s.cfg.Username || e.Err != "" || e.NodeID != 0 || e.Version == 0 || e.LocalTime < e.Version {
			t.Errorf("%+v", e)
		}
		if e.Prev != last[e.ID] {
			t.Errorf("the entry before %s at %v is %v, want %v", e.ID, e.LocalTime, e.Prev, last[e.ID])
		}
		last[e.ID] = e.LocalTime
	}
	end := s.line.mark == "R" // LMDB does not mark the end of a transaction
	want := []string{
		fmt.Sprint(`put  {"a":1,"n":1} `, end), fmt.Sprint(`patch  {"n":{"__op__":"add","value":3}} `, end), fmt.Sprint(`put  {"a":2} `, end), fmt.Sprint(`patch  {"a":3} `, end),
		fmt.Sprint(`delete  {} `, end), `put insert {} false`, fmt.Sprint(`put insert {} `, end),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the feed (-want +got):\n%s", diff)
	}
	// Windows go by LocalTime, from inclusive and to exclusive.
	mid := own[1]
	window, err := s.feed(t, harper.FeedQuery{Database: table.Database, From: mid.LocalTime, To: own[2].LocalTime})
	if err != nil || len(window) != 1 || window[0].ID != mid.ID || window[0].Version != mid.Version {
		t.Errorf("the window of one entry holds %+v, %v", window, err)
	}
	clerk := s.addUser(t, "feeder", fields{"super_user": false, s.db: fields{"tables": fields{}}})
	if _, err := s.connect(t, clerk, "pw").FeedInfo(testContext(t)); !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("for one without rights: %v", err)
	}
	if _, err := s.connect(t, "", "").FeedInfo(testContext(t)); !errors.Is(err, harper.ErrUnauthorized) {
		t.Errorf("for nobody: %v", err)
	}
	if _, err := s.feed(t, harper.FeedQuery{Database: "no such " + s.db}); err == nil {
		t.Error("of no database: no error")
	}
}
