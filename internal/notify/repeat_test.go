package notify

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"recourse/audit"
	"recourse/store"
)

// TestPostedUntilItEnds: Alertmanager hears of an alert each minute until it is
// closed, across a restart, then for five minutes that it ended, and no more; that it
// fails for a while is no loss of an alert that it has heard of.
func TestPostedUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		firing, ended, down := 0, 0, false
		took := handled{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var all []struct{ EndsAt time.Time }
			if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
				t.Error(err)
			}
			switch {
			case down:
				w.WriteHeader(500)
			case all[0].EndsAt.After(time.Now()):
				firing++
			default:
				ended++
			}
		})}
		o := &office{t: t, dir: t.TempDir()}
		var w *Worker
		begin := func() {
			db, err := store.Open(o.dir, store.Options{Memory: 1, NoSync: true, MinFree: -1})
			if err != nil {
				t.Fatal(err)
			}
			c := Config{Name: "am", Type: "alertmanager", URL: "http://am.example"}
			s, err := New(c, Options{Lookup: env(nil), Transport: took})
			if err != nil {
				t.Fatal(err)
			}
			o.db = db
			w = &Worker{Name: "am", Sink: s, Outbox: db, Log: slog.New(slog.DiscardHandler)}
			if err := db.Deliver(t.Context(), []audit.Route{c.Route()}, 0); err != nil {
				t.Fatal(err)
			}
		}
		pass := func(d time.Duration) {
			t.Helper()
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
				if _, err := w.Round(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		begin()
		o.raise("a", 1)
		pass(5 * time.Minute)
		if firing < 5 || firing > 6 || ended != 0 {
			t.Errorf("%d posts that it fires, %d that it ended", firing, ended)
		}
		if s := o.state("am"); s.Waiting != 0 || s.Repeats != 1 {
			t.Errorf("got %+v", s)
		}
		if err := o.db.Close(); err != nil {
			t.Fatal(err)
		}
		begin()
		defer func() { o.db.Close() }()
		down = true
		pass(10 * time.Minute)
		down = false
		pass(20 * time.Minute)
		if firing < 12 {
			t.Errorf("%d posts that it fires", firing)
		}
		o.close("a")
		pass(time.Minute)
		was := firing
		pass(15 * time.Minute)
		if firing != was || ended < 5 || ended > 7 {
			t.Errorf("%d posts that it fires after it ended, %d that it did", firing-was, ended)
		}
		if s := o.state("am"); s != (audit.SinkState{}) {
			t.Errorf("got %+v", s)
		}
	})
}

// TestManyAreRepeated: alerts that are told again and again, however many, keep
// nobody from being told of the next one.
func TestManyAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		posted := map[string]int{}
		took := handled{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var all []struct{ Labels map[string]string }
			if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
				t.Error(err)
			}
			posted[all[0].Labels["alert_id"]]++
		})}
		db, err := store.Open(t.TempDir(), store.Options{Memory: 1, NoSync: true, MinFree: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		c := Config{Name: "am", Type: "alertmanager", URL: "http://am.example", Repeat: time.Hour}
		s, err := New(c, Options{Lookup: env(nil), Transport: took})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Deliver(t.Context(), []audit.Route{c.Route()}, 0); err != nil {
			t.Fatal(err)
		}
		w := &Worker{Name: "am", Sink: s, Outbox: db, Log: slog.New(slog.DiscardHandler)}
		raise := func(from, to int) {
			t.Helper()
			var some []audit.Alert
			for i := from; i < to; i++ {
				some = append(some, audit.Alert{ID: fmt.Sprint("a", i), Rule: "r", Severity: "high", Count: 1, State: audit.AlertOpen})
			}
			if err := db.SaveAlerts(t.Context(), some, nil, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		raise(0, atOnce+1)
		if len(posted) != atOnce+1 {
			t.Errorf("%d alerts posted", len(posted))
		}
		raise(atOnce+1, atOnce+2)
		if len(posted) != atOnce+2 {
			t.Errorf("the next alert was not posted")
		}
		for id, n := range posted {
			if n != 1 {
				t.Errorf("%s was posted %d times within its hour", id, n)
			}
		}
	})
}
