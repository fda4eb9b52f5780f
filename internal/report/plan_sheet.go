package report

import (
	"maps"
	"slices"
	"strings"

	"recourse/revert"
)

var planColumns = []string{"record", "do", "attribute", "now", "then", "why"}

// planSheet is a row an attribute; a conflict about a whole record has one row.
func planSheet(v *PlanView) sheet {
	plan := v.Plan
	s := sheet{names: planColumns}
	add := func(cells ...string) { s.rows = append(s.rows, cells) }
	for i := range plan.Actions {
		a := &plan.Actions[i]
		list := writes(a, plan.Header.Policy)
		for _, w := range list {
			add(record(a.Key()), Visible(a.Do), Visible(w.name), w.from, w.to, strings.Join(append([]string{w.why}, w.paths...), "; "))
		}
		for _, n := range noteWords(a.Notes) {
			add(record(a.Key()), Visible(a.Do), "", "", "", n)
		}
		if len(list) == 0 {
			add(record(a.Key()), Visible(a.Do), "", "", "", "")
		}
		s.keptRows(record(a.Key()), a.Kept)
		s.blameRows(record(a.Key()), v.Blame[a.Key()])
		s.blindRows(record(a.Key()), a.Blind)
	}
	for i := range plan.Conflicts {
		c := &plan.Conflicts[i]
		do := "conflict " + Visible(string(c.Class))
		for _, n := range slices.Sorted(maps.Keys(c.Attrs)) {
			attr := c.Attrs[n]
			add(record(c.Key()), do, Visible(n), known(attr, "current", attr.Current, true), decision(c), conflictWords(attr))
		}
		if len(c.Attrs) == 0 {
			var why []string
			for _, e := range c.Evidence {
				why = append(why, evidenceWords(e))
			}
			add(record(c.Key()), do, "", "", decision(c), strings.Join(why, "; "))
		}
		if c.Why != "" {
			add(record(c.Key()), do, "", "", "", Visible(c.Why))
		}
		if w := withheldWords(c.Withheld); len(w) > 0 {
			add(record(c.Key()), do, "", "", "", strings.Join(w, "; "))
		}
		s.blameRows(record(c.Key()), v.Blame[c.Key()])
		s.blindRows(record(c.Key()), c.Blind)
	}
	for i := range plan.Kept {
		k := &plan.Kept[i]
		if len(k.Kept) == 0 {
			add(record(k.Key()), "nothing", "", "", "", Visible(string(k.Class)))
		}
		s.keptRows(record(k.Key()), k.Kept)
		s.blameRows(record(k.Key()), v.Blame[k.Key()])
		s.blindRows(record(k.Key()), k.Blind)
	}
	for i := range plan.Containment {
		c := &plan.Containment[i]
		add("user "+user(c.User).text, Visible(c.Do), "", "", "inactive", containWords(c))
	}
	return s
}

func (s *sheet) keptRows(rec string, kept map[string]revert.KeptValue) {
	for _, n := range slices.Sorted(maps.Keys(kept)) {
		s.rows = append(s.rows, []string{rec, "keep", Visible(n), value(kept[n].Current), value(kept[n].Current), keptWhy(kept[n])})
	}
}

func (s *sheet) blindRows(rec string, windows []revert.Window) {
	for _, w := range windows {
		s.rows = append(s.rows, []string{rec, "blind window", "", "", "", blindWords(w)})
	}
}
