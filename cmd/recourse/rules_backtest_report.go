package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/rules"
)

// A backtestReport is what a backtest found.
type backtestReport struct {
	First     audit.Time     `json:"first"` // of the changes that count
	Last      audit.Time     `json:"last"`
	Days      float64        `json:"days"`
	Judged    uint64         `json:"judged"`
	Counted   uint64         `json:"counted"`
	Seconds   float64        `json:"seconds"`
	Alerts    int            `json:"alerts"`
	PerDay    float64        `json:"alerts_per_day"`
	Rules     []backtestRule `json:"rules"`
	Added     []backtestDiff `json:"added,omitempty"`   // beside the rules that were compared with
	Removed   []backtestDiff `json:"removed,omitempty"` // that only those raise
	Suggested []string       `json:"suggested_exceptions,omitempty"`
	Failed    int            `json:"failed"` // rules that failed on changes, or were put into quarantine
	LeftOut   []string       `json:"left_out,omitempty"`
}

// A backtestRule is what one rule did.
type backtestRule struct {
	Rule     string  `json:"rule"`
	Severity string  `json:"severity"`
	Alerts   int     `json:"alerts"`
	PerDay   float64 `json:"alerts_per_day"`
	Matched  uint64  `json:"matched"` // changes, of all that were judged, as the next
	Excepted uint64  `json:"excepted"`
	Unknown  uint64  `json:"skipped_unknown"`
	Errors   uint64  `json:"errors"`
	Skipped  uint64  `json:"quarantined"`
	Nanos    *int64  `json:"ns_per_change"` // of those that the rule looked at; null: none was measured
	Top      string  `json:"top_group,omitempty"`
	TopN     int     `json:"top_alerts,omitempty"`
}

// A backtestDiff is an alert that only one of two sets of rules raises.
type backtestDiff struct {
	Rule  string            `json:"rule"`
	Title string            `json:"title"`
	Group map[string]string `json:"group"`
	First audit.Time        `json:"first"`
	Last  audit.Time        `json:"last"`
	Count int               `json:"count"`
}

func (b *backtest) report(trials []*trial, did judged, now time.Time) *backtestReport {
	t := trials[0]
	found := t.raised(b.stretch)
	r := &backtestReport{First: did.First, Last: did.Last, Days: did.days(), Judged: did.Changes, Counted: did.Counted,
		Seconds: did.Took.Seconds(), Alerts: len(found), PerDay: float64(len(found)) / did.days()}
	by := map[string][]audit.Alert{}
	for _, a := range found {
		by[a.Rule] = append(by[a.Rule], a)
	}
	costs := map[string]rules.Cost{}
	for _, c := range t.engine.Costs() {
		costs[c.Rule] = c
	}
	stats := t.engine.Stats().Rules
	r.LeftOut = leftOut(stats)
	for _, s := range stats {
		rule := t.set.Rule(s.Rule)
		line := backtestRule{Rule: s.Rule, Severity: string(rule.Severity), Alerts: len(by[s.Rule]), PerDay: float64(len(by[s.Rule])) / r.Days,
			Matched: s.Matched, Excepted: s.Excepted, Unknown: s.SkippedUnknown, Errors: s.Errors, Skipped: s.Quarantine.Skipped}
		if c := costs[s.Rule]; c.Changes > 0 {
			ns := c.Spent.Nanoseconds() / int64(c.Changes)
			line.Nanos = &ns
		}
		line.Top, line.TopN = topGroup(by[s.Rule])
		r.Rules = append(r.Rules, line)
		if failed(s) {
			r.Failed++
		}
		r.suggest(rule, by[s.Rule], now)
	}
	slices.SortStableFunc(r.Rules, func(a, b backtestRule) int { return cmp.Compare(b.Alerts, a.Alerts) })
	if len(trials) > 1 {
		old := trials[1].raised(b.stretch)
		r.Added, r.Removed = missingFrom(found, old), missingFrom(old, found)
	}
	return r
}

func groupName(a *audit.Alert) string {
	var parts []string
	for _, k := range sortedKeys(a.Group) {
		parts = append(parts, k+"="+a.Group[k])
	}
	return strings.Join(parts, " ")
}

// topGroup is the group with the most alerts, the first by name of several.
func topGroup(alerts []audit.Alert) (string, int) {
	n := map[string]int{}
	for i := range alerts {
		n[groupName(&alerts[i])]++
	}
	best := ""
	for _, name := range sortedKeys(n) {
		if n[name] > n[best] {
			best = name
		}
	}
	return best, n[best]
}

// suggest adds an exception for each user and table whose alerts of a rule come on
// many days: three at least, and a third of all days. A group that is but one record
// or one value is none to except.
func (r *backtestReport) suggest(rule *rules.Rule, alerts []audit.Alert, now time.Time) {
	fields := slices.DeleteFunc(slices.Clone(rule.Window.By), func(f string) bool { return f != "user" && f != "table" && f != "db" && f != "node" })
	if len(fields) == 0 || rule.Composite != nil {
		return
	}
	type place struct {
		group  map[string]string
		alerts int
		days   map[int64]bool
	}
	places := map[string]*place{}
	for _, a := range alerts {
		var key []string
		for _, f := range fields {
			key = append(key, a.Group[f])
		}
		name := strings.Join(key, "\x00")
		p := places[name]
		if p == nil {
			p = &place{group: a.Group, days: map[int64]bool{}}
			places[name] = p
		}
		p.alerts++
		p.days[int64(a.FirstTime)/86_400_000] = true
	}
	for _, name := range sortedKeys(places) {
		if p := places[name]; len(p.days) >= 3 && float64(len(p.days)) >= r.Days/3 {
			r.Suggested = append(r.Suggested, suggestion(rule.ID, fields, p.group, p.alerts, len(p.days), len(r.Suggested)+1, now))
		}
	}
}

// missingFrom is the alerts that have no counterpart: one of the same rule and group
// at the same time. Their ids differ where the rules do.
func missingFrom(alerts, others []audit.Alert) []backtestDiff {
	by := map[string][]audit.Alert{}
	for _, o := range others {
		by[o.Rule+"\x00"+groupName(&o)] = append(by[o.Rule+"\x00"+groupName(&o)], o)
	}
	var out []backtestDiff
	for _, a := range alerts {
		if !slices.ContainsFunc(by[a.Rule+"\x00"+groupName(&a)], func(o audit.Alert) bool {
			return o.FirstTime <= a.LastTime && a.FirstTime <= o.LastTime
		}) {
			out = append(out, backtestDiff{a.Rule, a.Title, a.Group, a.FirstTime, a.LastTime, a.Count})
		}
	}
	return out
}

func printBacktest(p *report.Printer, e *env, r *backtestReport) error {
	list := report.Listing{Name: "rules", Document: r,
		Columns: []string{"rule", "severity", "alerts", "alerts_per_day", "matched", "excepted", "skipped_unknown", "errors", "quarantined", "ns_per_change", "top_group"}}
	for _, l := range r.Rules {
		var nanos, top any
		if l.Nanos != nil {
			nanos = *l.Nanos
		}
		if l.Top != "" {
			top = fmt.Sprintf("%s (%d)", l.Top, l.TopN)
		}
		list.Rows = append(list.Rows, []any{l.Rule, l.Severity, l.Alerts, l.PerDay, l.Matched, l.Excepted, l.Unknown, l.Errors, l.Skipped, nanos, top})
	}
	if err := p.List(onScreen(p, list, "rule", "severity", "alerts", "alerts_per_day", "matched", "errors", "ns_per_change", "top_group")); err != nil {
		return err
	}
	rate := float64(r.Judged) / max(r.Seconds, 1e-9)
	fmt.Fprintf(e.stderr, "%d changes of %.1f days, %d alerts, %.2f a day; %d judged in %.1f s, %.0f a second\n", r.Counted, r.Days, r.Alerts, r.PerDay, r.Judged, r.Seconds, rate)
	for _, line := range r.LeftOut {
		fmt.Fprintln(e.stderr, line)
	}
	for _, d := range []struct {
		sign string
		all  []backtestDiff
	}{{"+", r.Added}, {"-", r.Removed}} {
		for _, a := range d.all {
			fmt.Fprintf(e.stderr, "%s %s %s %s\n", d.sign, a.First.Go().UTC().Format(time.RFC3339), a.Rule, printable(a.Title))
		}
	}
	if len(r.Suggested) > 0 {
		fmt.Fprintln(e.stderr, "# groups that raise alert after alert; look at them before you except them:\nexceptions:")
		for _, s := range r.Suggested {
			fmt.Fprintln(e.stderr, printable(s))
		}
	}
	return nil
}
