package report

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/revert"
)

// Plan prints a reversion plan for a person to judge: every record that would
// be written, attribute by attribute, every conflict, and what is left as it is.
// JSON and YAML are the plan in short; NDJSON is a line for each action,
// conflict and kept record, and then the summary.
func (p *Printer) Plan(plan *revert.Plan) error {
	return p.print(output{
		document: func() any { return newPlanDoc(plan) },
		lines: func() []any {
			var lines []any
			for i := range plan.Actions {
				lines = append(lines, &plan.Actions[i])
			}
			for i := range plan.Conflicts {
				lines = append(lines, &plan.Conflicts[i])
			}
			for i := range plan.Kept {
				lines = append(lines, &plan.Kept[i])
			}
			return append(lines, summaryLine{newPlanDoc(plan)})
		},
		page:  func(g *page) { g.plan(plan) },
		sheet: func() sheet { return planSheet(plan) },
		notes: func() []string { return append(planWarnings(plan), planCounts(plan)) },
	})
}

// newPlanDoc is the plan's summary, with empty lists in place of none.
func newPlanDoc(plan *revert.Plan) revert.Summary {
	s := plan.Summary()
	if s.Conflicts == nil {
		s.Conflicts = map[revert.Class]int{}
	}
	if s.Selection.Users == nil {
		s.Selection.Users = map[string]int{}
	}
	s.Warnings = append([]string{}, s.Warnings...)
	return s
}

func (g *page) plan(plan *revert.Plan) {
	for i := range plan.Actions {
		g.action(&plan.Actions[i], plan.Header.Policy)
	}
	for i := range plan.Conflicts {
		g.conflict(&plan.Conflicts[i])
	}
	for i := range plan.Kept {
		k := &plan.Kept[i]
		g.line(bold, "%s   nothing to write   %s   %s", record(k.Key()), count(len(k.Changes), "selected change"), Visible(string(k.Class)))
		g.keptValues(k.Kept)
		g.blind(k.Blind)
	}
	if len(plan.Actions)+len(plan.Conflicts)+len(plan.Kept) > 0 {
		g.gap()
	}
	for _, w := range planWarnings(plan) {
		g.wrapped(warn, 0, w)
	}
	g.wrapped(bold, 0, planCounts(plan))
}

func planWarnings(plan *revert.Plan) []string {
	var out []string
	if c := plan.Header.Coverage; c != nil {
		out = append(out, Visible(c.Note))
	}
	for _, w := range plan.Header.Warnings {
		out = append(out, "warning: "+Visible(w))
	}
	return out
}

func planCounts(plan *revert.Plan) string {
	c, h := plan.Header.Counts, &plan.Header
	if plan.Empty() && c.Kept == 0 {
		return fmt.Sprintf("Plan: nothing to write and nothing to decide · %s · digest %s", selected(h.Selection), Visible(h.Digest))
	}
	s := fmt.Sprintf("Plan: %d patch, %d insert, %d delete, %s, %d kept, %d already undone, %s", c.Patch, c.Insert, c.Delete,
		count(c.Conflict, "conflict"), c.Kept, c.Already, count(c.Blind, "blind window"))
	if n := plan.Unresolved(); n > 0 {
		s += fmt.Sprintf(" · %d not decided", n)
	}
	return s + " · " + selected(h.Selection) + " · digest " + Visible(h.Digest)
}

func selected(s revert.SelectionInfo) string {
	var users []string
	for _, u := range slices.Sorted(maps.Keys(s.Users)) {
		users = append(users, user(u).text)
	}
	out := count(s.Events, "selected change")
	if len(users) > 0 && len(users) <= 5 {
		return out + " by " + strings.Join(users, ", ")
	}
	return out + " by " + count(len(users), "user")
}

func (g *page) action(a *revert.Action, policy revert.Policy) {
	tone := map[string]paint{revert.DoInsert: good, revert.DoDelete: bad}[a.Do]
	if tone == plain {
		tone = bold
	}
	g.line(tone, "%s   %s   %s   trust %s", record(a.Key()), Visible(a.Do), count(len(a.Changes), "selected change"), leastTrust(a.Attrs))
	for _, l := range actionLines(a, policy) {
		g.wrapped(l.paint, 2, l.text)
	}
	g.keptValues(a.Kept)
	g.blind(a.Blind)
}

// leastTrust is how far the images that a plan's targets are from can be relied
// on.
func leastTrust(attrs map[string]revert.Attribute) audit.Trust {
	least := audit.Exact
	for _, a := range attrs {
		least = min(least, a.Trust)
	}
	return least
}

// actionLines are all that an action writes, and why.
func actionLines(a *revert.Action, policy revert.Policy) []cell {
	var out []cell
	for _, w := range writes(a, policy) {
		s := w.sign + " " + Visible(w.name) + "  " + w.from + " → " + w.to
		if w.why != "" {
			s += "   " + w.why
		}
		out = append(out, cell{s, w.paint})
	}
	if a.Do == revert.DoDelete {
		out = append(out, cell{"the whole record is deleted", bad})
	}
	return out
}

// A write is one attribute of an action. All but name is visible.
type write struct {
	sign, name, from, to, why string
	paint                     paint
}

func writes(a *revert.Action, policy revert.Policy) []write {
	names := map[string]bool{}
	for _, list := range []map[string]audit.Value{a.Set, a.Add} {
		for n := range list {
			names[n] = true
		}
	}
	for n := range a.Attrs {
		names[n] = true
	}
	for _, n := range a.Unset {
		names[n] = true
	}
	var out []write
	for _, n := range slices.Sorted(maps.Keys(names)) {
		attr, told := a.Attrs[n]
		w := write{name: n, from: known(attr, "current", attr.Current, told), why: story(attr, told)}
		set, isSet := a.Set[n]
		add, isAdd := a.Add[n]
		switch {
		case isSet:
			w.sign, w.to, w.paint = "~", value(set), warn
			if told && attr.Current == nil && !slices.Contains(attr.Unknown, "current") || a.Do == revert.DoInsert {
				w.sign, w.paint = "+", good
			}
		case isAdd:
			w.sign, w.to, w.paint = "~", "add "+value(add), warn
		case slices.Contains(a.Unset, n):
			w.sign, w.to, w.paint = "-", "null", bad
			if policy.Unset == revert.UnsetPut {
				w.to = "removed"
			}
		case a.Do == revert.DoDelete:
			w.sign, w.to, w.paint = "-", "deleted", bad
		default:
			w.sign, w.to, w.paint = "=", "not written", faint
		}
		out = append(out, w)
	}
	return out
}

// known is one of an attribute's values, or the word that it is unknown.
func known(a revert.Attribute, which string, v audit.Value, told bool) string {
	if !told || slices.Contains(a.Unknown, which) {
		return "unknown"
	}
	return value(v)
}

// story is how the attribute came to be as it is.
func story(a revert.Attribute, told bool) string {
	if !told {
		return ""
	}
	s := fmt.Sprintf("base %s · attacker set %s", known(a, "base", a.Base, true), known(a, "theirs", a.Theirs, true))
	if a.Class != revert.ClassRevert {
		s += " · " + Visible(string(a.Class))
	}
	if a.Trust != audit.Exact {
		s += " · trust " + a.Trust.String()
	}
	return s
}

func (g *page) keptValues(kept map[string]revert.KeptValue) {
	for _, n := range slices.Sorted(maps.Keys(kept)) {
		g.wrapped(faint, 2, "= "+Visible(n)+"  "+value(kept[n].Current)+"   kept: "+keptWhy(kept[n]))
	}
}

func keptWhy(k revert.KeptValue) string {
	return fmt.Sprintf("%s wrote it after the attack (%s, %s) · %s", user(k.By.User).text, Visible(string(k.By.Op)), iso(k.By.Time, false), Visible(string(k.Class)))
}

func (g *page) blind(windows []revert.Window) {
	for _, w := range windows {
		g.wrapped(warn, 2, blindWords(w))
	}
}

func blindWords(w revert.Window) string {
	to := "now"
	if w.To != 0 {
		to = iso(w.To, false)
	}
	return fmt.Sprintf("blind window from %s to %s: legitimate writes that failed in it left no trace", iso(w.From, false), to)
}

// Conflict prints one conflict for a person to decide.
func (p *Printer) Conflict(c *revert.Conflict) error {
	var b bytes.Buffer
	g := &page{b: &b, color: p.o.Color, width: p.o.Width}
	g.conflict(c)
	_, err := p.w.Write(b.Bytes())
	return err
}

func (g *page) conflict(c *revert.Conflict) {
	g.line(warn, "%s   CONFLICT %s   %s", record(c.Key()), Visible(string(c.Class)), count(len(c.Changes), "selected change"))
	g.wrapped(warn, 2, decision(c))
	if c.Record {
		g.wrapped(plain, 2, "? the record as a whole")
	}
	for _, n := range slices.Sorted(maps.Keys(c.Attrs)) {
		g.wrapped(plain, 2, "? "+Visible(n)+"  "+conflictWords(c.Attrs[n]))
	}
	for _, e := range c.Evidence {
		g.wrapped(faint, 2, "because of "+evidenceWords(e))
	}
	g.blind(c.Blind)
}

// decision is the options, the default in brackets, or what was decided.
func decision(c *revert.Conflict) string {
	if c.Resolution != nil {
		r := c.Resolution
		return "decided: " + Visible(r.Option) + ", by " + user(r.By).text + " at " + Visible(r.At) + ": " + Visible(r.Reason)
	}
	opts := make([]string, len(c.Options))
	for i, o := range c.Options {
		if opts[i] = Visible(o); o == c.Default {
			opts[i] = "[" + opts[i] + "]"
		}
	}
	return "not decided: " + strings.Join(opts, " ")
}

func conflictWords(a revert.Attribute) string {
	s := fmt.Sprintf("now %s · base %s · attacker set %s · without the attack %s", known(a, "current", a.Current, true),
		known(a, "base", a.Base, true), known(a, "theirs", a.Theirs, true), known(a, "target", a.Target, true))
	if a.Delta != nil {
		s += ", or " + value(a.Delta) + " if the later change was an increment"
	}
	return s
}

func evidenceWords(e revert.Evidence) string {
	return fmt.Sprintf("%s by %s at %s (change %s…)", Visible(string(e.Op)), user(e.User).text, iso(e.Time, false), e.ID.String()[:12])
}
