package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// TestDeliveryComesBack: all of a delivery is kept, whether it waits or was given up.
func TestDeliveryComesBack(t *testing.T) {
	d := newDesk(t)
	many := make([]audit.Seq, 0, 400)
	for i := range 400 {
		many = append(many, audit.Seq(i+1))
	}
	a := audit.Alert{ID: "a\x00", Rule: "r", RuleName: "Rule", Severity: "high", Risk: 7, Attack: []string{"T1485"}, Title: "x\xff", Group: map[string]string{"user": "eve"},
		FirstSeq: 1, LastSeq: 400, FirstTime: 1.5, LastTime: 2.5, Count: 400, Changes: evidenceOf(many...), Folded: audit.SeqsOf(900)}
	d.save(a)
	got, err := d.db.Waiting(t.Context(), "wide", 0, 0)
	d.must(err)
	want := a.Brief()
	want.State = audit.AlertOpen
	if len(got) != 1 || len(got[0].Alert.Changes) != audit.DeliveryChanges || !cmp.Equal(want, got[0].Alert) || got[0].At != audit.TimeOf(d.now) {
		t.Fatal(cmp.Diff(want, got[0].Alert))
	}
	w := got[0]
	w.Attempts, w.Next, w.Error, w.Sent = 3, 4.5, "refused", 5.5
	d.must(d.db.Settle(t.Context(), "wide", audit.Settlement{Later: []audit.Delivery{w}}))
	got, err = d.db.Waiting(t.Context(), "wide", 0, 0)
	d.must(err)
	if diff := cmp.Diff([]audit.Delivery{w}, got); diff != "" {
		t.Error(diff)
	}
	d.must(d.db.Settle(t.Context(), "wide", audit.Settlement{Dead: []audit.Delivery{w}}))
	w.Dead = audit.TimeOf(d.now)
	noZero(t, w)
	got, err = d.db.DeadDeliveries(t.Context())
	d.must(err)
	if diff := cmp.Diff([]audit.Delivery{w}, got); diff != "" {
		t.Error(diff)
	}
	h, err := d.db.AlertHistory(t.Context(), a.ID)
	if err != nil || len(h) != 1 || h[0].Action != audit.ActionUndelivered || h[0].Note != "wide: refused" {
		t.Errorf("history: %+v, %v", h, err)
	}
	// What is not there any more does not come back.
	d.must(d.db.Settle(t.Context(), "wide", audit.Settlement{Later: []audit.Delivery{w}, Dead: []audit.Delivery{w}}))
	d.want("wide", "")
	mustBeWhole(t, d.db)
}

// TestTooManyWait: what is more than the limit is given up at once and can be had
// later; other sinks do not suffer.
func TestTooManyWait(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	d.must(d.db.Deliver(ctx, []audit.Route{{Sink: "a"}, {Sink: "b"}}, 3))
	for i := range 5 {
		d.save(audit.Alert{ID: fmt.Sprint(i), Severity: "low", Count: 1})
		if i < 3 {
			d.want("b", fmt.Sprintf("%d-1 raised open 1", i))
		}
	}
	states, err := d.db.SinkStates(ctx)
	d.must(err)
	want := []audit.SinkState{{Sink: "a", Waiting: 3, Dead: 2, Oldest: audit.TimeOf(d.now)}, {Sink: "b", Waiting: 2, Oldest: audit.TimeOf(d.now)}}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	d.want("a", "0-1 raised open 1; 1-1 raised open 1; 2-1 raised open 1")
	if h, err := d.db.AlertHistory(ctx, "3"); err != nil || len(h) != 1 || h[0].Action != audit.ActionUndelivered || h[0].Note != "a: 3 deliveries were waiting already, which is the limit" {
		t.Errorf("history: %+v, %v", h, err)
	}
	n, err := d.db.Redeliver(ctx, "b", "", "ann")
	if n != 0 || err != nil {
		t.Errorf("%d put back, %v", n, err)
	}
	if n, err = d.db.Redeliver(ctx, "", "", "ann"); n != 2 || err != nil {
		t.Errorf("%d put back, %v", n, err)
	}
	d.want("a", "3-1 raised open 1; 4-1 raised open 1")
	mustBeWhole(t, d.db)
}

// TestRedeliver: what was given up comes back in its place and with its key; a sink
// that was told something newer meanwhile hears it again.
func TestRedeliver(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	kill := func(sink string) {
		t.Helper()
		all, err := d.db.Waiting(ctx, sink, 0, 0)
		d.must(err)
		d.must(d.db.Settle(ctx, sink, audit.Settlement{Dead: all}))
	}
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 1}, audit.Alert{ID: "b", Severity: "high", Count: 1})
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 10})
	kill("wide")
	d.act("a", audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictTrue})
	d.want("wide", "a-3 state closed 10")
	if n, err := d.db.Redeliver(ctx, "wide", "a", "ann"); n != 2 || err != nil {
		t.Errorf("%d put back, %v", n, err)
	}
	d.want("wide", "a-1 raised open 1; a-2 grown open 10; a-4 again closed 10")
	if n, err := d.db.Redeliver(ctx, "", "", "ann"); n != 1 || err != nil {
		t.Errorf("%d put back, %v", n, err)
	}
	d.want("wide", "b-1 raised open 1")
	d.waiting("loud")
	tell := func(sink, id string, want int) {
		t.Helper()
		if n, err := d.db.Tell(ctx, sink, id, "ann"); n != want || err != nil {
			t.Errorf("%d sinks are told of %s, %v", n, id, err)
		}
	}
	tell("", "a", 2)
	d.want("wide", "a-5 again closed 10")
	d.want("loud", "a-5 again closed 10")
	tell("none", "a", 0)
	d.want("wide", "")
	tell("loud", "b", 1)
	d.want("wide", "")
	d.want("loud", "b-2 again open 1")
	if _, err := d.db.Tell(ctx, "loud", "none", "ann"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	h, err := d.db.AlertHistory(ctx, "a")
	d.must(err)
	var said []string
	for _, e := range h {
		said = append(said, string(e.Action)+" "+e.By+" "+e.Note)
	}
	if got := strings.Join(said, "; "); got != "undelivered  wide: ; undelivered  wide: ; resolved  ; redelivered ann wide; redelivered ann wide; redelivered ann " {
		t.Errorf("history: %s", got)
	}
	mustBeWhole(t, d.db)
}

// TestToldOnceWhateverIsCutOff: at whatever step the process ends while alerts are
// saved, each is told of once, and with it stand the rules' state and progress.
func TestToldOnceWhateverIsCutOff(t *testing.T) {
	ctx := context.Background()
	before, within := 0, 0 // how often the process ended before all counted, and after
	for step := range 24 {
		dir := t.TempDir()
		left := 1 << 30
		cut := errors.New("cut")
		o := Options{Memory: 1, NoSync: true, cut: func() error {
			if left--; left < 0 {
				return cut
			}
			return nil
		}}
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
		routes := []audit.Route{{Sink: "wide"}}
		if err := db.Deliver(ctx, routes, 0); err != nil {
			t.Fatal(err)
		}
		alerts := []audit.Alert{
			{ID: "a", Severity: "high", Count: 1, State: audit.AlertOpen, RaisedSeq: 1, Group: map[string]string{"user": "eve"}, Rule: "r", Dedupe: 10},
			{ID: "b", Severity: "high", Count: 1, State: audit.AlertOpen, RaisedSeq: 2, Group: map[string]string{"user": "eve"}, Rule: "r", Dedupe: 10},
			{ID: "c", Severity: "high", Count: 1, State: audit.AlertOpen, RaisedSeq: 3, Inhibits: []string{"x"}},
		}
		left = step
		saved := db.SaveAlerts(ctx, alerts, noisy(), 1)
		left = 1 << 30
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = Open(dir, o); err != nil {
			t.Fatal(err)
		}
		at, err := db.Progress(ctx, rulesProgress)
		if err != nil || saved == nil && at != 1 {
			t.Fatalf("the rules are at %d, %v", at, err)
		}
		switch {
		case at == 0:
			before++
		case saved != nil:
			within++
		}
		if at == 0 { // it is as if nothing had been saved
			if left, err := db.Waiting(ctx, "wide", 0, 0); len(left) != 0 || err != nil {
				t.Errorf("step %d: %d deliveries before there is an alert, %v", step, len(left), err)
			}
			if err := db.Deliver(ctx, routes, 0); err != nil {
				t.Fatal(err)
			}
			if err := db.SaveAlerts(ctx, alerts, noisy(), 1); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.Waiting(ctx, "wide", 0, 0)
		if err != nil || len(got) != 2 || got[0].Key() != "a-1" || got[1].Key() != "c-1" {
			t.Errorf("step %d: %d deliveries, %v", step, len(got), err)
		}
		a, err := db.Alert(ctx, "a")
		if err != nil || a.Repeats != 1 || a.RepeatedChanges != 1 {
			t.Errorf("step %d: %d repeats, %v", step, a.Repeats, err)
		}
		mustBeWhole(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if before == 0 || within == 0 {
		t.Errorf("cut off %d times before and %d times within", before, within)
	}
}

// noisy is rule state that does not fit a transaction however it is compressed.
func noisy() map[string][]byte {
	r := rand.NewChaCha8([32]byte{1})
	state := map[string][]byte{}
	for i := range 80 {
		b := make([]byte, partSize-1000)
		r.Read(b)
		state[fmt.Sprint("rule ", i)] = b
	}
	return state
}

// TestAlertsOfBefore: an alert in the form that it had before there were sinks opens,
// and is not told of as if it were new.
func TestAlertsOfBefore(t *testing.T) {
	d := newDesk(t)
	d.save(audit.Alert{ID: "a", Rule: "r", Severity: "high", Count: 7, Changes: evidenceOf(1)})
	d.waiting("wide")
	rewrite(t, d.db, nameKey(kindAlert, "a"), func(v []byte) []byte {
		var old struct {
			ID        string `cbor:"1,keyasint,omitempty"`
			Rule      string `cbor:"2,keyasint,omitempty"`
			Severity  string `cbor:"4,keyasint,omitempty"`
			State     string `cbor:"7,keyasint,omitempty"`
			FirstSeq  uint64 `cbor:"10,keyasint"`
			LastSeq   uint64 `cbor:"11,keyasint"`
			FirstTime uint64 `cbor:"12,keyasint"`
			LastTime  uint64 `cbor:"13,keyasint"`
			Count     int    `cbor:"14,keyasint,omitempty"`
		}
		old.ID, old.Rule, old.Severity, old.State, old.Count = "a", "r", "high", "acknowledged", 7
		b, err := encode(old)
		d.must(err)
		return seal(nameKey(kindAlert, "a"), b)
	})
	if a := d.alert("a"); a.State != audit.AlertAcked || a.Count != 7 || a.Muted != "" {
		t.Errorf("got %+v", a)
	}
	d.save(audit.Alert{ID: "a", Rule: "r", Severity: "high", Count: 69})
	d.want("wide", "")
	d.save(audit.Alert{ID: "a", Rule: "r", Severity: "high", Count: 70})
	d.want("wide", "a-1 raised acknowledged 70")
	mustBeWhole(t, d.db)
}
