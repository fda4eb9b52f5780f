package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/revert"
)

// Account prints what became of a plan: each step with its proof, and all that was
// not taken back with the reason.
func (p *Printer) Account(a *revert.Account) error {
	return p.print(output{
		document: func() any { return a },
		page:     func(g *page) { g.account(a) },
		sheet:    func() sheet { return accountSheet(a) },
		notes:    func() []string { return becameNotes(a) },
		html:     func() htmlPage { return accountPage(a) },
	})
}

// proofWords are how a step ended, and what proves it.
func proofWords(s *revert.AccountStep) string {
	out := phaseWord(revert.Step{Phase: s.Phase, Class: s.Class})
	if s.Phase == "" {
		return "not tried"
	}
	if s.Version != 0 {
		out += ": our change of " + iso(s.Version, false) + " is in Harper's log, by " + user(s.By).text
	}
	if s.Why != "" {
		out += ": " + Visible(s.Why)
	}
	return out
}

func becameNotes(a *revert.Account) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if a.Begun == 0 {
		say("this plan was never applied")
	} else {
		say("applied from %s to %s, by %s", iso(a.Begun, false), iso(a.Ended, false), names(a.By))
	}
	if a.Aborted != "" {
		say("aborted: %s", Visible(a.Aborted))
	}
	if a.Coverage != nil {
		say("%s", Visible(a.Coverage.Note))
	}
	for _, w := range a.Warnings {
		say("warning: %s", Visible(w))
	}
	for _, t := range slices.Sorted(maps.Keys(a.External)) {
		say("outside of Harper, and not taken back: %s: %s", Visible(t), Visible(a.External[t]))
	}
	for _, b := range a.Blind {
		say("%s: %s", record(audit.Key(b.K)), blindWords(b.Window))
	}
	say("%s", accountCounts(a))
	return out
}

func names(list []string) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = user(n).text
	}
	return strings.Join(out, ", ")
}

func accountCounts(a *revert.Account) string {
	var parts []string
	for _, phase := range slices.Sorted(maps.Keys(a.Counts)) {
		word := Visible(string(phase))
		if phase == "" {
			word = "not tried"
		}
		parts = append(parts, fmt.Sprintf("%d %s", a.Counts[phase], word))
	}
	if len(parts) == 0 {
		parts = []string{"no steps"}
	}
	s := fmt.Sprintf("Report: %s · %d not taken back · %s · %s · digest %s", strings.Join(parts, ", "), len(a.NotReverted),
		count(len(a.Blind), "blind window"), selected(a.Selection), Visible(a.Plan))
	if v := a.Approvals; v != nil && (v.Required > 0 || len(v.List) > 0) {
		s += fmt.Sprintf(" · approvals %d/%d", v.Counted, v.Required)
	}
	return s
}

// attrWords are what a step was to change.
func attrWords(s *revert.AccountStep) []string {
	var out []string
	for _, n := range slices.Sorted(maps.Keys(s.Attrs)) {
		c := s.Attrs[n]
		to := value(c.To)
		if c.Add != nil {
			to = "add " + value(c.Add)
		}
		out = append(out, Visible(n)+"  "+value(c.From)+" → "+to)
	}
	return out
}

func stepPaint(s *revert.AccountStep) paint {
	switch s.Phase {
	case audit.PhaseVerified, audit.PhaseRepaired:
		return good
	case audit.PhaseSkipped, "":
		return warn
	}
	return bad
}

func missedWords(n *revert.NotReverted) string {
	s := record(audit.Key(n.K))
	if n.Attr != "" {
		s += "   " + Visible(n.Attr)
	}
	if n.Class != "" {
		s += "   " + Visible(string(n.Class))
	}
	return s + "   " + Visible(n.Why)
}

func decisionWords(d *revert.AccountDecision) string {
	return fmt.Sprintf("%s   %s   %s, by %s at %s: %s", record(audit.Key(d.K)), Visible(string(d.Class)), Visible(d.Option), user(d.By).text, Visible(d.At), Visible(d.Reason))
}

func approvalWords(c *revert.Counted) string {
	s := user(c.Approver).text + " (key " + Visible(c.Key) + ")"
	if c.Signed != "" {
		s += ", signed " + Visible(c.Signed)
	}
	if c.OK {
		return s + ": counts"
	}
	return s + ": does not count, " + Visible(c.Why)
}

func (g *page) account(a *revert.Account) {
	for _, list := range [][]revert.AccountStep{a.Containment, a.Steps} {
		for i := range list {
			s := &list[i]
			g.line(stepPaint(s), "%s   %s", record(audit.Key(s.K)), Visible(s.Do))
			g.wrapped(stepPaint(s), 2, proofWords(s))
			for _, w := range attrWords(s) {
				g.wrapped(plain, 4, w)
			}
		}
	}
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		g.gap()
		g.line(bold, "%s", title)
		for _, l := range lines {
			g.wrapped(plain, 2, l)
		}
	}
	section("Not taken back", each(a.NotReverted, missedWords))
	section("Decisions", each(a.Decisions, decisionWords))
	if a.Approvals != nil {
		section("Approvals", each(a.Approvals.List, approvalWords))
	}
	g.gap()
	notes := becameNotes(a)
	for _, n := range notes[:len(notes)-1] {
		g.wrapped(warn, 0, n)
	}
	g.wrapped(bold, 0, notes[len(notes)-1])
}

func each[T any](list []T, words func(*T) string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = words(&list[i])
	}
	return out
}

func accountSheet(a *revert.Account) sheet {
	s := sheet{names: []string{"what", "record", "attribute", "class", "how"}}
	add := func(cells ...string) { s.rows = append(s.rows, cells) }
	for _, list := range [][]revert.AccountStep{a.Containment, a.Steps} {
		for i := range list {
			st := &list[i]
			add(Visible(st.Do), record(audit.Key(st.K)), strings.Join(attrWords(st), "; "), Visible(string(st.Class)), proofWords(st))
		}
	}
	for i := range a.NotReverted {
		n := &a.NotReverted[i]
		add("not taken back", record(audit.Key(n.K)), Visible(n.Attr), Visible(string(n.Class)), Visible(n.Why))
	}
	for i := range a.Decisions {
		d := &a.Decisions[i]
		add("decision", record(audit.Key(d.K)), "", Visible(string(d.Class)), decisionWords(d))
	}
	if a.Approvals != nil {
		for i := range a.Approvals.List {
			add("approval", "", "", "", approvalWords(&a.Approvals.List[i]))
		}
	}
	for _, t := range slices.Sorted(maps.Keys(a.Roots)) {
		add("root", "", "", Visible(t), Visible(a.Roots[t]))
	}
	return s
}

func accountPage(a *revert.Account) htmlPage {
	p := htmlPage{Title: "Report on plan " + Visible(a.Plan), Notes: becameNotes(a), Facts: []htmlFact{
		{"digest", Visible(a.Plan)}, {"author", Visible(a.Author)}, {"created", Visible(a.Created)}, {"instance", Visible(a.Instance.ID)}, {"selection", selected(a.Selection)},
	}}
	for _, t := range slices.Sorted(maps.Keys(a.Roots)) {
		p.Facts = append(p.Facts, htmlFact{"root of " + Visible(t), Visible(a.Roots[t])})
	}
	p.Facts = slices.DeleteFunc(p.Facts, func(f htmlFact) bool { return f.Value == "" })
	rows := func(list []revert.AccountStep) []htmlRow {
		var out []htmlRow
		for i := range list {
			s := &list[i]
			out = append(out, htmlRow{stepPaint(s).tone(), []string{strconv.Itoa(s.N), record(audit.Key(s.K)), Visible(s.Do), strings.Join(attrWords(s), " · "), proofWords(s)}})
		}
		return out
	}
	head := []string{"", "record", "write", "attributes", "proof"}
	if len(a.Containment) > 0 {
		p.Sections = append(p.Sections, htmlSection{Title: "Containment", Head: head, Rows: rows(a.Containment)})
	}
	p.Sections = append(p.Sections, htmlSection{Title: "Steps", Head: head, Rows: rows(a.Steps)},
		htmlSection{Title: "Not taken back", Tone: warn.tone(), Lines: each(a.NotReverted, missedWords)},
		htmlSection{Title: "Decisions", Lines: each(a.Decisions, decisionWords)})
	if a.Approvals != nil {
		p.Sections = append(p.Sections, htmlSection{Title: "Approvals", Lines: each(a.Approvals.List, approvalWords)})
	}
	return p
}
