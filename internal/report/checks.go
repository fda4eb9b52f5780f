package report

import (
	"slices"
	"strconv"
	"strings"
)

// A CheckState is how a check came out.
type CheckState string

// The outcomes of checks.
const (
	CheckOK      CheckState = "ok"
	CheckWarn    CheckState = "warn"    // works, and should be better
	CheckFail    CheckState = "fail"    // does not work
	CheckUnknown CheckState = "unknown" // could not be found out
)

// A Check is one thing that was looked at.
type Check struct {
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	Seen  string     `json:"seen"` // what was found
	Fix   string     `json:"fix"`  // what to do: a command or a line of configuration where there is one; empty when there is nothing to do
}

// ChecksOK says that nothing failed.
func ChecksOK(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.State == CheckFail })
}

// Checks prints what was looked at, in the order given.
func (p *Printer) Checks(checks []Check) error {
	if checks == nil {
		checks = []Check{}
	}
	return p.print(output{
		document: func() any {
			return struct {
				Checks []Check `json:"checks"`
				OK     bool    `json:"ok"`
			}{checks, ChecksOK(checks)}
		},
		page: func(g *page) { g.checks(checks) },
		sheet: func() sheet {
			s := sheet{names: []string{"name", "state", "seen", "fix"}}
			for _, c := range checks {
				s.rows = append(s.rows, []string{Visible(c.Name), Visible(string(c.State)), Visible(c.Seen), Visible(c.Fix)})
			}
			return s
		},
		notes: func() []string { return []string{checkCounts(checks)} },
	})
}

// checks writes each check with what to do below it.
func (g *page) checks(checks []Check) {
	width := 0
	for _, c := range checks {
		width = max(width, columns(Visible(c.Name)))
	}
	tones := map[CheckState]paint{CheckOK: good, CheckWarn: warn, CheckFail: bad, CheckUnknown: warn}
	width = min(width, max(g.width/3, 4))
	margin := 7 + 2 + width + 2
	narrow := g.width-margin < 20
	if narrow {
		margin = 2
	}
	for _, c := range checks {
		state := pad(cut(Visible(string(c.State)), 7), 7, false)
		head := g.paint(tones[c.State], state) + "  " + pad(cut(Visible(c.Name), width), width, false) + "  "
		if narrow {
			g.b.WriteString(strings.TrimRight(head, " ") + "\n")
			head = "  "
		}
		for _, l := range wrap(Visible(c.Seen), g.width-margin) {
			g.b.WriteString(strings.TrimRight(head+l, " ") + "\n")
			head = strings.Repeat(" ", margin)
		}
		g.fix(c.Fix, margin)
	}
	g.gap()
	g.line(plain, "%s", checkCounts(checks))
}

// fix writes what to do. Its lines are never cut: they are there to be copied.
func (g *page) fix(text string, margin int) {
	lead := "→ "
	for l := range strings.Lines(text) {
		g.b.WriteString(strings.Repeat(" ", margin) + g.paint(bold, lead+Visible(strings.TrimSuffix(l, "\n"))) + "\n")
		lead = "  "
	}
}

func checkCounts(checks []Check) string {
	n := map[CheckState]int{}
	for _, c := range checks {
		n[c.State]++
	}
	return strings.Join([]string{
		count(len(checks), "check"), count(n[CheckFail], "failure"), count(n[CheckWarn], "warning"), strconv.Itoa(n[CheckUnknown]) + " not known",
	}, ", ")
}
