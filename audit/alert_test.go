package audit

import (
	"math"
	"strings"
	"testing"
)

// TestAlertsLife: what can be done with an alert in which state, and what it is then.
func TestAlertsLife(t *testing.T) {
	do := func(a AlertAction) AlertEvent { return AlertEvent{Action: a} }
	resolve := func(v Verdict, of string) AlertEvent {
		return AlertEvent{Action: ActionResolved, Verdict: v, DuplicateOf: of}
	}
	for _, c := range []struct {
		from AlertState
		e    AlertEvent
		want AlertState // empty: refused
	}{
		{AlertOpen, do(ActionAcknowledged), AlertAcked},
		{AlertAcked, do(ActionAcknowledged), ""},
		{AlertInProgress, do(ActionAcknowledged), ""},
		{AlertClosed, do(ActionAcknowledged), ""},
		{AlertOpen, do(ActionStarted), AlertInProgress},
		{AlertAcked, do(ActionStarted), AlertInProgress},
		{AlertClosed, do(ActionStarted), ""},
		{AlertOpen, resolve(VerdictTrue, ""), AlertClosed},
		{AlertAcked, resolve(VerdictBenign, ""), AlertClosed},
		{AlertInProgress, resolve(VerdictDuplicate, "b"), AlertClosed},
		{AlertClosed, resolve(VerdictFalse, ""), ""},
		{AlertOpen, resolve("", ""), ""},
		{AlertOpen, resolve("maybe", ""), ""},
		{AlertOpen, resolve(VerdictDuplicate, ""), ""},
		{AlertOpen, resolve(VerdictDuplicate, "a"), ""},
		{AlertOpen, resolve(VerdictTrue, "b"), ""},
		{AlertClosed, do(ActionReopened), AlertOpen},
		{AlertOpen, do(ActionReopened), ""},
		{AlertClosed, AlertEvent{Action: ActionNoted, Note: "x"}, AlertClosed},
		{AlertOpen, do(ActionNoted), ""},
		{AlertOpen, AlertEvent{Action: ActionNoted, Note: strings.Repeat("x", maxNote+1)}, ""},
		{AlertOpen, AlertEvent{Action: ActionNoted, Note: "\xff"}, ""},
		{AlertClosed, AlertEvent{Action: ActionAssigned, Assignee: "ann"}, AlertClosed},
		{AlertOpen, do("explode"), ""},
	} {
		a := Alert{ID: "a", State: c.from}
		before := a
		err := a.Act(c.e)
		switch {
		case c.want == "" && err == nil, c.want != "" && err != nil, c.want != "" && a.State != c.want:
			t.Errorf("%s %+v: %s, %v; want %q", c.from, c.e, a.State, err, c.want)
		case err != nil && a.State != before.State:
			t.Errorf("%s %+v: refused and changed", c.from, c.e)
		}
		if a.Verdict != c.e.Verdict && err == nil {
			t.Errorf("%s %+v: verdict %q", c.from, c.e, a.Verdict)
		}
	}
}

func TestSilenceMatches(t *testing.T) {
	a := Alert{Rule: "mass-delete", Severity: "high", Group: map[string]string{"user": "etl-7", "table": "shop.orders"}}
	for _, c := range []struct {
		m    SilenceMatch
		want bool
	}{
		{SilenceMatch{Rules: []string{"x", "mass-*"}}, true},
		{SilenceMatch{Rules: []string{"mass"}}, false},
		{SilenceMatch{Severities: []string{"low", "high"}}, true},
		{SilenceMatch{Severities: []string{"low"}, Rules: []string{"*"}}, false},
		{SilenceMatch{Group: map[string][]string{"user": {"etl-?"}, "table": {"shop.*"}}}, true},
		{SilenceMatch{Group: map[string][]string{"user": {"etl-?"}, "table": {"hr.*"}}}, false},
		{SilenceMatch{Group: map[string][]string{"node": {"*"}}}, false},
	} {
		if got := c.m.Matches(&a); got != c.want {
			t.Errorf("%+v: %v", c.m, got)
		}
		s := Silence{Match: c.m, Reason: "r", Made: 1, Expires: 5}
		if err := s.Check(); err != nil {
			t.Error(err)
		}
		if s.Active(0) || !s.Active(1) || !s.Active(4.9) || s.Active(5) {
			t.Error("active at the wrong time")
		}
		if s.Ended = 3; s.Active(3) || !s.Active(2) {
			t.Error("active after its end")
		}
	}
	for _, bad := range []Silence{
		{Reason: "r", Made: 1, Expires: 2},
		{Match: SilenceMatch{Rules: []string{"x"}}, Made: 1, Expires: 2},
		{Match: SilenceMatch{Rules: []string{"x"}}, Reason: "r", Made: 2, Expires: 2},
		{Match: SilenceMatch{Rules: []string{"x"}}, Reason: "r", Made: 2, Expires: Time(math.NaN())},
		{Match: SilenceMatch{Severities: []string{"loud"}}, Reason: "r", Made: 1, Expires: 2},
		{Match: SilenceMatch{Group: map[string][]string{"user": nil}}, Reason: "r", Made: 1, Expires: 2},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken for a silence", bad)
		}
	}
}

// TestPrecision holds the interval against published values of Wilson's.
func TestPrecision(t *testing.T) {
	for _, c := range []struct {
		t               Tally
		part, low, high float64
	}{
		{Tally{True: 7, Benign: 2, False: 1, Duplicates: 5, Unjudged: 9}, 0.9, 0.59585, 0.98212},
		{Tally{True: 10}, 1, 0.72247, 1},
		{Tally{False: 10}, 0, 0, 0.27753},
		{Tally{True: 50, False: 50}, 0.5, 0.40383, 0.59617},
	} {
		part, low, high, ok := c.t.Precision()
		if !ok || math.Abs(part-c.part) > 1e-9 || math.Abs(low-c.low) > 1e-5 || math.Abs(high-c.high) > 1e-5 {
			t.Errorf("%+v: %v in %.5f to %.5f", c.t, part, low, high)
		}
	}
	none := Tally{Duplicates: 3, Unjudged: 2}
	if _, low, high, ok := none.Precision(); ok || low != 0 || high != 1 {
		t.Error("something is known of nothing")
	}
}

func TestRouteWants(t *testing.T) {
	a := Alert{Rule: "mass-delete", Severity: "high"}
	for _, c := range []struct {
		r    Route
		n    Notice
		want bool
	}{
		{Route{}, NoticeRaised, true},
		{Route{}, NoticeState, false},
		{Route{States: true}, NoticeState, true},
		{Route{MinSeverity: "high"}, NoticeGrown, true},
		{Route{MinSeverity: "critical"}, NoticeGrown, false},
		{Route{Rules: []string{"mass-*"}}, NoticeRaised, true},
		{Route{Rules: []string{"slow-*"}}, NoticeRaised, false},
	} {
		if got := c.r.Wants(&a, c.n); got != c.want {
			t.Errorf("%+v %s: %v", c.r, c.n, got)
		}
	}
	own := Alert{Rule: RuleUndelivered, Severity: "high", Group: map[string]string{"sink": "pager"}}
	if (&Route{Sink: "pager"}).Wants(&own, NoticeRaised) || !(&Route{Sink: "mail"}).Wants(&own, NoticeRaised) {
		t.Error("a sink is to be told of what it does not take, or others are not")
	}
}
