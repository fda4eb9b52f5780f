package harpertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/internal/harper"
)

// testEvents listens to a table: first comes all that there is, then writes.
func (s *suite) testEvents(t *testing.T) {
	s.needREST(t)
	ctx := testContext(t)
	id := func(name string) string { return s.prefix + "event-" + name }
	key := func(name string) audit.ID { return audit.ID(audit.Text(id(name)).JSON()) }
	since := s.mark(t, things)
	s.rest(t, "PUT", things, id("a"), `{"n":1}`)
	s.rest(t, "PATCH", things, id("a"), `{"n":{"__op__":"add","value":4}}`)
	s.rest(t, "PUT", things, id("b"), `{"v":"x","t":"line\nbreak"}`)
	stored, err := s.client.Current(ctx, things, []audit.ID{key("a"), key("b")})
	if err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events := make(chan harper.Event)
	ended := make(chan error, 1)
	go func() {
		defer close(events)
		for e, err := range s.client.Events(ctx, things) {
			if err != nil {
				ended <- err
				return
			}
			events <- e
		}
		ended <- nil
	}()
	next := func() harper.Event {
		t.Helper()
		for {
			select {
			case e, ok := <-events:
				if !ok {
					t.Fatalf("the events end: %v", <-ended)
				}
				if len(e.ID) > len(s.prefix) && e.ID[1:1+len(s.prefix)] == audit.ID(s.prefix) && e.Version > since {
					return e
				}
			case <-time.After(10 * time.Second):
				t.Fatal("no event")
			}
		}
	}
	show := func(e harper.Event) string {
		if !e.Lossy || e.Err != nil || e.LocalTime < e.Version {
			t.Errorf("%+v", e)
		}
		return fmt.Sprint(e.Type, " ", e.ID, " ", recordText(e.ID, e.Value))
	}
	first := []harper.Event{next(), next()}
	for i, name := range []string{"a", "b"} {
		if first[i].Version != stored[key(name)].Version || first[i].Current != (s.line.mark == "R") {
			t.Errorf("%+v, want the version %v", first[i], stored[key(name)].Version)
		}
	}
	got := []string{show(first[0]), show(first[1])}
	want := []string{`put ` + string(key("a")) + ` {"n":5}`, `put ` + string(key("b")) + ` {"t":"line\nbreak","v":"x"}`}

	s.rest(t, "PATCH", things, id("a"), `{"m":1}`)
	live := next()
	got = append(got, show(live))
	if live.Current {
		t.Error("a live event is marked as one of the first burst")
	}
	s.mustOp(t, fields{"operation": "update", "database": things.Database, "table": things.Name, "records": []any{fields{"id": id("b"), "v": "y"}}})
	got = append(got, show(next()))
	s.rest(t, "DELETE", things, id("a"), "")
	got = append(got, show(next()))
	want = append(want, `put `+string(key("a"))+` {"m":1,"n":5}`, `put `+string(key("b"))+` {"t":"line\nbreak","v":"y"}`, `delete `+string(key("a"))+` -`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the events (-want +got):\n%s", diff)
	}
	// The log has the patch at the event's version and, in its own clock, at its
	// LocalTime.
	rows := s.scan(t, things, live.LocalTime, live.LocalTime+0.0005)
	if len(rows) != 1 || rows[0].ID != live.ID || rows[0].Time != live.Version || rows[0].Operation != audit.OpPatch {
		t.Errorf("the log at the event's time: %v", rows)
	}

	stop()
	for range events { // what came meanwhile
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the events end with %v", err)
	}
	for _, e := range []struct {
		table audit.Table
		want  error
	}{{s.table(t), harper.ErrNotExported}, {audit.Table{Database: s.db, Name: "nope"}, harper.ErrNotFound}} {
		for _, err := range s.client.Events(testContext(t), e.table) {
			if !errors.Is(err, e.want) {
				t.Errorf("events of %s: %v, want %v", e.table, err, e.want)
			}
		}
	}
}
