package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/revert"
)

// html is the begin of the plan's page.
func (v *PlanView) html(notes []string) htmlPage {
	h := &v.Plan.Header
	title := "Plan " + Visible(h.ID)
	if v.Plan.Review() {
		title = "Review copy of plan " + Visible(h.Of)
	}
	return htmlPage{Title: title, Notes: notes, Facts: planFacts(h)}
}

func (v *PlanView) sections() []htmlSection {
	var out []htmlSection
	for i := range v.Plan.Actions {
		out = append(out, v.actionSection(&v.Plan.Actions[i]))
	}
	for i := range v.Plan.Conflicts {
		out = append(out, v.conflictSection(&v.Plan.Conflicts[i]))
	}
	for i := range v.Plan.Kept {
		k := &v.Plan.Kept[i]
		s := htmlSection{Title: fmt.Sprintf("%d · %s · nothing to write · %s", k.N, record(k.Key()), Visible(string(k.Class))), Head: attributeHead}
		s.Rows = append(keptHTML(k.Kept), blameHTML(v.Blame[k.Key()])...)
		s.blind(k.Blind)
		out = append(out, s)
	}
	for i := range v.Plan.Containment {
		c := &v.Plan.Containment[i]
		out = append(out, htmlSection{Title: fmt.Sprintf("%d · contain %s", c.N, user(c.User).text), Tone: warn.tone(), Lines: []string{containWords(c)}})
	}
	return out
}

var attributeHead = []string{"", "attribute", "now", "then", "why"}

func planFacts(h *revert.Header) []htmlFact {
	facts := []htmlFact{
		{"digest", Visible(h.Digest)}, {"author", Visible(h.Author)}, {"created", Visible(h.Created)}, {"expires", Visible(h.Expires)},
		{"made by", Visible(h.Tool)}, {"instance", Visible(h.Instance.ID)}, {"selection", selected(h.Selection)},
		{"histories", fmt.Sprintf("%s, %s", count(h.History.Records, "record"), count(h.History.Changes, "change"))},
	}
	if h.Approvals > 0 {
		facts = append(facts, htmlFact{"approvals", fmt.Sprintf("at least %d", h.Approvals)})
	}
	return slices.DeleteFunc(facts, func(f htmlFact) bool { return f.Value == "" })
}

func (v *PlanView) actionSection(a *revert.Action) htmlSection {
	tone := map[string]paint{revert.DoInsert: good, revert.DoDelete: bad}[a.Do]
	if tone == plain {
		tone = warn
	}
	s := htmlSection{
		Title: fmt.Sprintf("%d · %s · %s · %s · trust %s", a.N, record(a.Key()), Visible(a.Do), count(len(a.Changes), "selected change"), leastTrust(a.Attrs)),
		Tone:  tone.tone(), Head: attributeHead,
	}
	if len(a.Decided) > 0 {
		s.Lines = append(s.Lines, "because it was decided: "+decidedWords(a.Decided))
	}
	s.Lines = append(s.Lines, noteWords(a.Notes)...)
	for _, w := range writes(a, v.Plan.Header.Policy) {
		s.Rows = append(s.Rows, htmlRow{w.paint.tone(), []string{w.sign, Visible(w.name), w.from, w.to, strings.Join(append([]string{w.why}, w.paths...), " · ")}})
	}
	s.Rows = append(s.Rows, keptHTML(a.Kept)...)
	s.Rows = append(s.Rows, blameHTML(v.Blame[a.Key()])...)
	s.blind(a.Blind)
	return s
}

func (v *PlanView) conflictSection(c *revert.Conflict) htmlSection {
	s := htmlSection{
		Title: fmt.Sprintf("%d · %s · CONFLICT %s", c.N, record(c.Key()), Visible(string(c.Class))), Tone: warn.tone(), Head: attributeHead,
		Lines: []string{decision(c)},
	}
	if c.Why != "" {
		s.Lines = append(s.Lines, Visible(c.Why))
	}
	if c.Record {
		s.Lines = append(s.Lines, "it concerns the record as a whole")
	}
	for _, e := range c.Evidence {
		s.Lines = append(s.Lines, "because of "+evidenceWords(e))
	}
	for _, n := range slices.Sorted(maps.Keys(c.Attrs)) {
		a := c.Attrs[n]
		s.Rows = append(s.Rows, htmlRow{warn.tone(), []string{"?", Visible(n), known(a, "current", a.Current, true), known(a, "target", a.Target, true), conflictWords(a)}})
	}
	s.Lines = append(s.Lines, withheldWords(c.Withheld)...)
	s.Rows = append(s.Rows, blameHTML(v.Blame[c.Key()])...)
	s.blind(c.Blind)
	return s
}

func keptHTML(kept map[string]revert.KeptValue) []htmlRow {
	var rows []htmlRow
	for _, n := range slices.Sorted(maps.Keys(kept)) {
		now := value(kept[n].Current)
		rows = append(rows, htmlRow{faint.tone(), []string{"=", Visible(n), now, now, "kept: " + keptWhy(kept[n])}})
	}
	return rows
}

func blameHTML(all revert.Blames) []htmlRow {
	var rows []htmlRow
	for _, n := range slices.Sorted(maps.Keys(all)) {
		list := all[n]
		for i := max(0, len(list)-maxBlames); i < len(list); i++ {
			rows = append(rows, htmlRow{faint.tone(), []string{"by", Visible(n), "", value(list[i].Value), blameWords(&list[i])}})
		}
	}
	return rows
}

func (s *htmlSection) blind(windows []revert.Window) {
	for _, w := range windows {
		s.Lines = append(s.Lines, blindWords(w))
	}
}
