package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/revert"
)

// A PlanView is a plan with what else is known of it.
type PlanView struct {
	Plan *revert.Plan
	// Blame says who gave the attributes of a record their values; nil: nobody
	// asked.
	Blame map[audit.Key]revert.Blames
	// Approvals is how the plan stands with its approvers; nil: nobody asked.
	Approvals *revert.Approvals
}

// Plan prints a reversion plan for a person to judge: every record that would
// be written, attribute by attribute, every conflict, and what is left as it is.
// JSON and YAML are the plan in short; NDJSON is a line for each action,
// conflict, kept record and proposed containment, and then the summary.
func (p *Printer) Plan(plan *revert.Plan) error { return p.PlanView(PlanView{Plan: plan}) }

func (v *PlanView) lines() []any {
	plan := v.Plan
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
	for i := range plan.Containment {
		lines = append(lines, &plan.Containment[i])
	}
	for _, k := range plan.Keys() {
		if b, ok := v.Blame[k]; ok {
			lines = append(lines, blameLine{"blame", revert.Target(k), b})
		}
	}
	return lines
}

type blameLine struct {
	Kind  string        `json:"kind"`
	K     revert.Target `json:"k"`
	Attrs revert.Blames `json:"attrs"`
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

func (g *page) plan(v *PlanView) {
	plan := v.Plan
	for i := range plan.Actions {
		a := &plan.Actions[i]
		g.action(a, plan.Header.Policy, v.Blame[a.Key()])
	}
	for i := range plan.Conflicts {
		c := &plan.Conflicts[i]
		g.conflict(c)
		g.blames(v.Blame[c.Key()], slices.Sorted(maps.Keys(c.Attrs)))
	}
	for i := range plan.Kept {
		k := &plan.Kept[i]
		g.line(bold, "%s   nothing to write   %s   %s", record(k.Key()), count(len(k.Changes), "selected change"), Visible(string(k.Class)))
		g.keptValues(k.Kept)
		g.blames(v.Blame[k.Key()], slices.Sorted(maps.Keys(k.Kept)))
		g.blind(k.Blind)
	}
	for i := range plan.Containment {
		c := &plan.Containment[i]
		g.line(warn, "contain %s   %s", user(c.User).text, containWords(c))
	}
}

func containWords(c *revert.Containment) string {
	return fmt.Sprintf("%s the account (%s); only apply --contain does it", Visible(c.Do), count(c.Events, "selected change"))
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

func planCounts(h *revert.Header, unresolved int) string {
	c := h.Counts
	if c.Patch+c.Insert+c.Delete+c.Conflict+c.Kept == 0 {
		return fmt.Sprintf("Plan: nothing to write and nothing to decide · %s · digest %s", selected(h.Selection), Visible(h.Digest))
	}
	s := fmt.Sprintf("Plan: %d patch, %d insert, %d delete, %s, %d kept, %d already undone, %s", c.Patch, c.Insert, c.Delete,
		count(c.Conflict, "conflict"), c.Kept, c.Already, count(c.Blind, "blind window"))
	if unresolved > 0 {
		s += fmt.Sprintf(" · %d not decided", unresolved)
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

func (g *page) action(a *revert.Action, policy revert.Policy, blame revert.Blames) {
	tone := map[string]paint{revert.DoInsert: good, revert.DoDelete: bad}[a.Do]
	if tone == plain {
		tone = bold
	}
	g.line(tone, "%s   %s   %s   trust %s", record(a.Key()), Visible(a.Do), count(len(a.Changes), "selected change"), leastTrust(a.Attrs))
	for _, w := range writes(a, policy) {
		g.wrapped(w.paint, 2, w.words())
		for _, p := range w.paths {
			g.wrapped(faint, 6, p)
		}
		g.blames(blame, []string{w.name})
	}
	if a.Do == revert.DoDelete {
		g.wrapped(bad, 2, "the whole record is deleted")
	}
	if len(a.Decided) > 0 {
		g.wrapped(plain, 2, "because it was decided: "+decidedWords(a.Decided))
	}
	for _, n := range noteWords(a.Notes) {
		g.wrapped(warn, 2, n)
	}
	g.keptValues(a.Kept)
	g.blames(blame, slices.Sorted(maps.Keys(a.Kept)))
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

func decidedWords(classes []revert.Class) string {
	words := make([]string, len(classes))
	for i, c := range classes {
		words[i] = Visible(string(c))
	}
	return strings.Join(words, ", ")
}

// A write is one attribute of an action. All but name is visible.
type write struct {
	sign, name, from, to, why string
	paint                     paint
	paths                     []string // what becomes of paths within the attribute
}

func (w *write) words() string {
	s := w.sign + " " + Visible(w.name) + "  " + w.from + " → " + w.to
	if w.why != "" {
		s += "   " + w.why
	}
	return s
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
		w := write{name: n, from: known(attr, "current", attr.Current, told), why: story(attr, told), paths: pathWords(attr.Paths)}
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

// noteWords are what a policy lets pass, and why it is worth knowing.
func noteWords(notes map[revert.Class]string) []string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(notes)) {
		s := "note: " + Visible(string(c))
		if notes[c] != "" {
			s += ", " + Visible(notes[c])
		}
		out = append(out, s)
	}
	return out
}

func pathWords(paths map[string]revert.PathValue) []string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		v := paths[p]
		out = append(out, Visible(p)+"  "+value(v.Current)+" → "+value(v.Target)+"   "+Visible(string(v.Class)))
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
