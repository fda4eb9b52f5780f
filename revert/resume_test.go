package revert

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// herd is attacked n times over: n records to patch, to make anew, to delete, to
// count down.
func herd(t testing.TB, n int) (*sim, *Plan) {
	t.Helper()
	s := newSim()
	text := func(v string) map[string]audit.Value {
		return map[string]audit.Value{"a": audit.Text(v), "b": audit.Text("b")}
	}
	number := func(n int64) map[string]audit.Value { return map[string]audit.Value{"n": audit.Int(n)} }
	for i := range n {
		s.do(op{user: "ann", kind: "insert", key: dog(4*i + 1), set: text("old")})
		s.do(op{user: "ann", kind: "insert", key: dog(4*i + 2), set: text("gone")})
		s.do(op{user: "ann", kind: "insert", key: dog(4*i + 4), set: number(10)})
	}
	s.poll()
	for i := range n {
		s.do(op{user: "eve", kind: "patch", key: dog(4*i + 1), set: map[string]audit.Value{"a": audit.Text("pwned"), "x": audit.Bool(true)}})
		s.do(op{user: "eve", kind: "delete", key: dog(4*i + 2)})
		s.do(op{user: "eve", kind: "insert", key: dog(4*i + 3), set: text("fake")})
		s.do(op{user: "eve", kind: "patch", key: dog(4*i + 4), add: number(90)})
		s.poll()
	}
	return s, replan(t, s, newMemory())
}

// shuffle puts the actions into another order, each lot in itself.
func shuffle(d dice, p *Plan) {
	for lot := range lots(eachOf(p.Actions), len(p.Actions)) {
		at, n := lot.actions[0].N-1, len(lot.actions)
		for i := range n {
			j := i + d(n-i)
			p.Actions[at+i], p.Actions[at+j] = p.Actions[at+j], p.Actions[at+i]
		}
	}
	for i := range p.Actions {
		p.Actions[i].N = i + 1
	}
}

// P13: in whatever order, in batches of whatever size and with however many
// writes at once a plan is carried out, the end is the same.
func TestAnyOrderAnyPartition(t *testing.T) {
	s, p := herd(t, 10)
	want := applied(p, s.state())
	for seed := range uint64(60) {
		d := seeded(seed)
		s, p := herd(t, 10)
		shuffle(d, p)
		o := ApplyOptions{User: me, Batch: 1 + d(30), Concurrency: 1 + d(12), Canary: d(9) - 1}
		m := newMemory()
		res, err := applier(&simServer{sim: s, ops: d(2) == 0, survey: d(2) == 0}, m).Apply(context.Background(), p, o)
		if err != nil || res.Err() != nil || res.Verified != 40 || !equalStates(s.state(), want) {
			t.Fatalf("seed %d, %+v: %+v %v", seed, o, res, err)
		}
		if next := replan(t, s, m); !next.Empty() {
			t.Errorf("seed %d: planned again: %+v", seed, next.Actions)
		}
	}
}

// P14 with many writes at once and rivals: an apply that dies again and again is
// taken up until it is through. No increment is made twice, and what ends proven
// leaves nothing to do.
func TestDieAndResume(t *testing.T) {
	ends, seeds := map[audit.Phase]int{}, uint64(120)
	if os.Getenv("RECOURSE_SOAK") != "" {
		seeds = 30_000
	}
	for seed := range seeds {
		d := seeded(seed)
		n, survey := 3, d(3) == 0
		if survey {
			n = leastSurvey + 2
		}
		s, p := herd(t, n)
		s.rocks = d(2) == 0
		srv, m := &simServer{sim: s, ops: d(4) == 0, survey: survey}, newMemory()
		o := ApplyOptions{User: me, Batch: 1 + d(12), Concurrency: 1 + d(4), Canary: d(5) - 1}
		if survey {
			o.Canary, o.Batch = -1, 40
		}
		res := resumeUntilDone(t, d, srv, m, p, o)
		adds := map[audit.Key]int{}
		for _, e := range s.log {
			if e.user == me && e.key.ID != "" && isCounter(e.key) {
				adds[e.key]++
			}
		}
		for k, n := range adds {
			if n > 1 {
				t.Errorf("seed %d: %d increments of %s", seed, n, k)
			}
		}
		again := replan(t, s, m)
		for _, st := range res.Steps {
			ends[st.Phase]++
			if st.Phase != audit.PhaseVerified && st.Phase != audit.PhaseRepaired {
				continue
			}
			if i := slices.IndexFunc(again.Actions, func(a Action) bool { return a.Key() == st.Key }); i >= 0 {
				t.Errorf("seed %d: %s is %s %q, and there is still %s to do", seed, st.Key, st.Phase, st.Why, again.Actions[i].Do)
			}
		}
	}
	t.Log(ends)
	for _, p := range []audit.Phase{audit.PhaseVerified, audit.PhaseRepaired, audit.PhaseUnknown} {
		if ends[p] == 0 {
			t.Errorf("no step ended %s: %v", p, ends)
		}
	}
}

func isCounter(k audit.Key) bool {
	n, ok := k.ID.Value().Float64()
	return ok && int(n)%4 == 0
}

// resumeUntilDone applies, with a death now and then, until an apply comes to its
// end. Rivals write meanwhile; what they do to counters is to count.
func resumeUntilDone(t *testing.T, d dice, srv *simServer, m *memory, p *Plan, o ApplyOptions) *Result {
	t.Helper()
	writes := 0
	for range 40 {
		life, n := 2+d(60), 0
		hook := func(string) error {
			if n++; n >= life {
				return errCrash
			}
			if d(12) == 0 && writes < 6 {
				writes++
				key := dog(4*d(3) + 1 + d(3))
				all := rivals(key)
				rival := all[d(len(all)-1)]
				if d(4) == 0 {
					rival = op{user: "bob", kind: "patch", key: dog(4*d(3) + 4), add: map[string]audit.Value{"n": audit.Int(1)}}
				}
				srv.sim.poll()
				srv.sim.do(rival)
			}
			srv.sim.poll()
			return nil
		}
		srv.at, m.at = hook, hook
		res, err := applier(srv, m).Apply(context.Background(), p, o)
		if err == nil {
			srv.at, m.at = nil, nil
			return res
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
	}
	srv.at, m.at = nil, nil
	res, err := applier(srv, m).Apply(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestStopFinishesWhatIsOnItsWay: when ctx ends, nothing new is sent, and what was
// sent is proven.
func TestStopFinishesWhatIsOnItsWay(t *testing.T) {
	s, p := herd(t, 40)
	srv, m := &simServer{sim: s}, newMemory()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	srv.at = func(point string) error {
		if point == "before write" && srv.writes == 9 {
			stop()
		}
		return nil
	}
	if _, err := applier(srv, m).Apply(ctx, p, ApplyOptions{User: me}); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	last := map[int]audit.Phase{}
	for _, r := range m.receipts {
		last[r.Step] = r.Phase
	}
	count := map[audit.Phase]int{}
	for phase := range maps.Values(last) {
		count[phase]++
	}
	if count[audit.PhaseVerified] != srv.writes || count[audit.PhaseSent]+count[audit.PhaseAcked] > 0 || srv.writes > 9+aboutToSend {
		t.Errorf("%d writes, and the steps stand %v", srv.writes, count)
	}
	srv.at = nil
	if res := mustApply(t, srv, m, p); res.Err() != nil || res.Verified != 160 || srv.writes != 160 {
		t.Errorf("resumed: %+v, %d writes", res, srv.writes)
	}
}

// TestStopWhileWritesAreHeldBack: an apply that is stopped while it waits for its
// rate has stopped, also when all that was left were increments, which are noted as
// sent one by one.
func TestStopWhileWritesAreHeldBack(t *testing.T) {
	s, p := herd(t, 3)
	p.Actions = slices.DeleteFunc(p.Actions, func(a Action) bool { return len(a.Add) == 0 })
	for i := range p.Actions {
		p.Actions[i].N = i + 1
	}
	srv, m := &simServer{sim: s}, newMemory()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	a := applier(srv, m)
	a.Sleep = func(context.Context, time.Duration) error {
		stop()
		return ctx.Err()
	}
	if _, err := a.Apply(ctx, p, ApplyOptions{User: me, Rate: 0.001, Canary: -1}); !errors.Is(err, context.Canceled) || srv.writes != 1 {
		t.Errorf("stopped: %v, %d writes", err, srv.writes)
	}
	for _, r := range m.receipts {
		if r.Phase == "" || r.Phase.Done() && r.Step != 1 {
			t.Errorf("step %d, which was not sent, has the receipt %q", r.Step, r.Phase)
		}
	}
	if res := mustApply(t, srv, m, p); res.Err() != nil || res.Verified != 3 || srv.writes != 3 {
		t.Errorf("resumed: %+v, %d writes", res, srv.writes)
	}
}

// A step that has come to no end gets no receipt, which would be one that says that
// nothing is left to do; the others of its batch get theirs.
func TestNoEndIsNoReceipt(t *testing.T) {
	m := newMemory()
	p := &Plan{Header: Header{Digest: "d"}, Actions: []Action{{N: 1, K: Target(k1), Do: DoDelete}, {N: 2, K: Target(k2), Do: DoDelete}}}
	r := &run{Applier: &Applier{Journal: m, Ledger: m}, plan: p, options: &ApplyOptions{User: "svc"}, result: &Result{}, pen: &pen{journal: m}}
	none, done := &step{run: r, action: &p.Actions[0]}, &step{run: r, action: &p.Actions[1], verdict: verdict{phase: audit.PhaseVerified}}
	if err := r.finish(t.Context(), []*step{none, done}, false); err == nil || !strings.Contains(err.Error(), "step 1 on dev.dog/1: it has come to no end") {
		t.Errorf("no end: %v", err)
	}
	receipts, err := m.Receipts(t.Context(), "d")
	if err != nil || len(receipts) != 1 || receipts[0].Step != 2 {
		t.Errorf("receipts %+v %v, want that of step 2", receipts, err)
	}
}
