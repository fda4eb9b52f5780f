package notify

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"recourse/audit"
	"recourse/store"
)

// TestDownForAnHour: a sink that fails in every way for an hour and then works is
// told of every alert, of each in order, and of nothing twice if it honours the key;
// another one never waits for it.
func TestDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, "down", "up")
		defer func() { o.stop() }()
		begun := time.Now()
		n := 0
		o.rs["down"].fault = func(*http.Request) fault {
			if time.Since(begun) > time.Hour {
				return fine
			}
			n++
			return []fault{refuse, failing, mute, half, busy, half}[n%6]
		}
		for i := range 30 {
			id := fmt.Sprint("a", i)
			o.raise(id, 2)
			time.Sleep(time.Minute)
			if i%2 == 0 {
				o.raise(id, 20)
			}
			if i%3 == 0 {
				o.close(id)
			}
			if waiting := o.state("up").Waiting; waiting > 2 {
				t.Errorf("%d wait for the sink that works", waiting)
			}
		}
		const all = 30 + 15 + 10
		time.Sleep(30 * time.Second)
		o.check("up", all)
		if s := o.state("down"); s.Waiting < all-10 {
			t.Errorf("the sink is down, and %+v", s)
		}
		if tries := o.rs["down"].tries; tries > 60 {
			t.Errorf("%d tries in half an hour of a sink that is down", tries)
		}
		time.Sleep(30*time.Minute + longestOpen*3/2 + 5*time.Minute)
		o.check("down", all)
		o.check("up", all)
		if s := o.state("down"); s.Waiting != 0 || s.Dead != 0 {
			t.Errorf("it is up, and %+v", s)
		}
	})
}

// TestKilledBetweenSendAndNote: whenever the process is killed, the receiver sees
// everything, in order, and with the key it sees it once.
func TestKilledBetweenSendAndNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		var mu sync.Mutex
		kills, fired := 0, make(chan struct{}, 1)
		o := &office{t: t, dir: t.TempDir(), names: []string{"a", "b"}, rs: map[string]*receiver{"a": {t: t, seen: map[string]bool{}}, "b": {t: t, seen: map[string]bool{}}}}
		o.crash = func() bool {
			mu.Lock()
			defer mu.Unlock()
			if kills >= 12 || r.IntN(4) != 0 {
				return false
			}
			kills++
			select {
			case fired <- struct{}{}:
			default:
			}
			return true
		}
		o.rs["b"].fault = func(*http.Request) fault {
			mu.Lock()
			defer mu.Unlock()
			return []fault{fine, fine, half, failing}[r.IntN(4)]
		}
		o.start()
		defer func() { o.stop() }()
		for i := range 20 {
			id := fmt.Sprint("k", i)
			o.raise(id, 1)
			o.raise(id, 10)
			o.close(id)
			time.Sleep(5 * time.Second)
			select {
			case <-fired:
				o.stop()
				o.start()
			default:
			}
		}
		for range 40 {
			time.Sleep(time.Minute)
			select {
			case <-fired:
				o.stop()
				o.start()
			default:
			}
		}
		o.check("a", 60)
		o.check("b", 60)
		if o.rs["a"].tries <= 60 || kills < 12 {
			t.Errorf("%d tries, %d kills: nothing was sent twice, so this shows nothing", o.rs["a"].tries, kills)
		}
	})
}

// TestTooOld: what a sink never takes is given up in the end, which is an alert of
// which the other sink is told; redelivering makes good for it.
func TestTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, "down", "up")
		o.stop()
		o.age = 20 * time.Minute // hours cost the store's own tickers too much
		o.start()
		defer func() { o.stop() }()
		up := false
		o.rs["down"].fault = func(*http.Request) fault {
			if up {
				return fine
			}
			return refuse
		}
		for i := range 3 {
			o.raise(fmt.Sprint("x", i), 1)
		}
		time.Sleep(o.age + longestOpen)
		if s := o.state("down"); s.Waiting != 0 || s.Dead != 3 {
			t.Errorf("got %+v", s)
		}
		alerts, err := o.db.AlertHeads(t.Context())
		i := slices.IndexFunc(alerts, func(a audit.Alert) bool { return a.Rule == audit.RuleUndelivered })
		if err != nil || i < 0 || alerts[i].Group["sink"] != "down" || alerts[i].Count < 1 {
			t.Fatalf("no alert says so: %v", err)
		}
		said := alerts[i].ID
		o.stop()
		time.Sleep(25 * time.Hour)
		o.start()
		time.Sleep(time.Minute)
		alerts, err = o.db.AlertHeads(t.Context())
		if err != nil || slices.ContainsFunc(alerts, func(a audit.Alert) bool { return a.Rule == audit.RuleUndelivered && a.ID != said }) {
			t.Errorf("a start raised the alert again, %v", err)
		}
		o.check("up", 4)
		up = true
		if n, err := o.db.Redeliver(t.Context(), "", "", "ann"); n != 3 || err != nil {
			t.Errorf("%d put back, %v", n, err)
		}
		time.Sleep(longestOpen * 2)
		o.check("down", 3)
		h, err := o.db.AlertHistory(t.Context(), "x1")
		if err != nil || len(h) != 2 || h[0].Action != audit.ActionUndelivered || h[1].By != "ann" {
			t.Errorf("history: %+v, %v", h, err)
		}
	})
}

// TestRefused: a message that the receiver will never take is given up at once, and
// holds up no other.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, "picky")
		defer func() { o.stop() }()
		r := o.rs["picky"]
		refusing := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasPrefix(req.Header.Get("Idempotency-Key"), "bad") {
				http.Error(w, "I \x1b[31mwill\x1b not", http.StatusUnprocessableEntity)
				return
			}
			r.take(req)
		})
		o.stop()
		o.rs["picky"] = r
		db, err := store.Open(o.dir, store.Options{Memory: 1, NoSync: true, MinFree: -1})
		if err != nil {
			t.Fatal(err)
		}
		o.db = db
		if err := db.Deliver(t.Context(), []audit.Route{{Sink: "picky"}}, 0); err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{Name: "picky", Type: "webhook", URL: "https://hooks.example/", SecretEnv: "KEY"},
			Options{Lookup: func(string) (string, bool) { return "secret", true }, Transport: handled{refusing}})
		if err != nil {
			t.Fatal(err)
		}
		w := &Worker{Name: "picky", Sink: s, Outbox: db, Log: slog.New(slog.DiscardHandler)}
		o.stop = func() { db.Close() }
		o.raise("bad", 1)
		o.raise("good", 1)
		if _, err := w.Round(t.Context()); err != nil {
			t.Error(err)
		}
		o.check("picky", 1)
		dead, err := db.DeadDeliveries(t.Context())
		if err != nil || len(dead) != 1 || dead[0].Alert.ID != "bad" || !strings.Contains(dead[0].Error, "422") || strings.Contains(dead[0].Error, "\x1b") {
			t.Errorf("got %+v, %v", dead, err)
		}
		if got := w.Stats(); got.Delivered != 1 || got.GivenUp != 1 || got.Failed != 0 {
			t.Errorf("got %+v", got)
		}
	})
}
