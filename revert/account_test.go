package revert

import (
	"context"
	"errors"
	"strings"
	"testing"

	"recourse/audit"
)

// The account of an apply has every step with its proof, which holds against the
// plan's file, and everything that was not taken back.
func TestAccount(t *testing.T) {
	s, p := attacked(t)
	m := newMemory()
	s.do(op{user: "bob", kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("bob's")}})
	s.poll()
	mustApply(t, &simServer{sim: s}, m, p)
	a, err := AccountOf(p, m.receipts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Steps) != len(p.Actions) || a.Whole() || a.Counts[audit.PhaseVerified] != 3 || a.Counts[audit.PhaseSkipped] != 1 || len(a.By) != 1 || a.By[0] != me {
		t.Fatalf("%+v", a)
	}
	for i, st := range a.Steps {
		line, err := canonical(&p.Actions[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Proof.Verify(line, p.Header.Actions); err != nil {
			t.Errorf("step %d is not proven to be in the plan: %v", st.N, err)
		}
		if st.Phase == audit.PhaseVerified && (st.Version == 0 || st.Guard == 0 && st.Do != DoInsert || st.Receipts < 3) {
			t.Errorf("step %d has no proof: %+v", st.N, st)
		}
	}
	if len(a.NotReverted) != 1 || audit.Key(a.NotReverted[0].K) != dog(1) || !strings.Contains(a.NotReverted[0].Why, "bob at ") {
		t.Errorf("not taken back: %+v", a.NotReverted)
	}
	if len(a.Blind) == 0 {
		t.Error("the deleted record's blind window is missing")
	}
}

// What is not written has its reason: conflicts, decided and not, and what
// legitimate users left.
func TestAccountOfWhatStays(t *testing.T) {
	s, p := planOf(t, base+"eve delete; bob insert a=2")
	q, err := resolved(t, s, p, "recreated=keep")
	if err != nil {
		t.Fatal(err)
	}
	for want, plan := range map[string]*Plan{"nobody decided": p, "decided by ann: keep, they asked for it": q} {
		a, err := AccountOf(plan, nil, nil)
		if err != nil || len(a.NotReverted) != 1 || !strings.Contains(a.NotReverted[0].Why, want) || a.Begun != 0 {
			t.Errorf("%+v %v, want %q", a.NotReverted, err, want)
		}
	}
	_, p = planOf(t, base+"eve patch a=x; bob update a=5")
	if a, err := AccountOf(p, nil, nil); err != nil || len(a.NotReverted) != 1 || a.NotReverted[0].Attr != "a" || !strings.Contains(a.NotReverted[0].Why, "bob left it") {
		t.Errorf("%+v %v", a.NotReverted, err)
	}
}

// accounts are those of a Harper: whether each is active.
type accounts struct {
	active map[string]bool
	deny   error // of Deactivate
	lose   bool  // it is done, and the answer is lost
	asked  int
}

func (a *accounts) Active(_ context.Context, user string) (bool, bool, error) {
	active, there := a.active[user]
	return there, active, nil
}

func (a *accounts) Deactivate(_ context.Context, user string) error {
	a.asked++
	if a.deny != nil {
		return a.deny
	}
	a.active[user] = false
	if a.lose {
		return errors.New("connection reset")
	}
	return nil
}

func TestContain(t *testing.T) {
	s := newSim()
	for _, o := range parse(t, base+"eve patch a=9; mal patch b=9; gone patch a=8; svc patch b=8") {
		s.do(o)
		s.poll()
	}
	sel, err := Select(Criteria{}, each(s.changes(0), func(c *audit.Change) bool { return c.User != "ann" }))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(t.Context(), Request{Selection: sel, Contain: true}, history(s.changes(0)))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, p)
	m := newMemory()
	applier := &Applier{Journal: m, Now: func() audit.Time { return s.clock }}
	harper := &accounts{active: map[string]bool{"eve": true, "mal": false, "svc": true, "ann": true}}
	said := func(steps []Step) string {
		var out []string
		for _, st := range steps {
			out = append(out, st.Key.ID.Value().Text()+" "+string(st.Phase)+" "+st.Why)
		}
		return strings.Join(out, "; ")
	}
	dry, err := applier.Contain(t.Context(), p, harper, ApplyOptions{DryRun: true})
	if err != nil || harper.asked != 0 || len(m.receipts) != 0 || !strings.HasPrefix(said(dry), "eve  ;") {
		t.Errorf("dry run: %s %v", said(dry), err)
	}
	steps, err := applier.Contain(t.Context(), p, harper, ApplyOptions{User: "svc"})
	want := "eve verified ; gone skipped there is no such account; mal skipped it is inactive already; svc failed it is the account as which we write"
	if err != nil || said(steps) != want || harper.active["eve"] || !harper.active["svc"] || !harper.active["ann"] || !errors.Is(ContainErr(steps), ErrPartial) {
		t.Errorf("got %s (%v, %v), want %s", said(steps), err, ContainErr(steps), want)
	}
	harper = &accounts{active: map[string]bool{"eve": true}, deny: errors.New("forbidden")}
	if steps, _ := applier.Contain(t.Context(), p, harper, ApplyOptions{User: "root"}); !strings.Contains(said(steps), "eve failed Harper refused it: forbidden") {
		t.Error(said(steps))
	}
	harper = &accounts{active: map[string]bool{"eve": true}, lose: true}
	if steps, err := applier.Contain(t.Context(), p, harper, ApplyOptions{User: "root"}); err != nil || !strings.HasPrefix(said(steps), "eve verified") || ContainErr(steps) != nil {
		t.Error(said(steps), err)
	}
	p.Containment = nil
	if _, err := applier.Contain(t.Context(), p, harper, ApplyOptions{User: "root"}); !errors.Is(err, ErrNothingProposed) {
		t.Error(err)
	}
}
