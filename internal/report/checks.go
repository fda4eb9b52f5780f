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

// checks writes each check with what to do below it. What is to be done is never
// cut: it is there to be copied.
func (g *page) checks(checks []Check) {
	width := 0
	for _, c := range checks {
		width = max(width, columns(Visible(c.Name)))
	}
	tones := map[CheckState]paint{CheckOK: good, CheckWarn: warn, CheckFail: bad, CheckUnknown: warn}
	margin := 7 + 2 + width + 2
	for _, c := range checks {
		head := g.paint(tones[c.State], pad(Visible(string(c.State)), 7, false)) + "  " + pad(Visible(c.Name), width, false) + "  "
		for i, l := range wrap(Visible(c.Seen), max(g.width-margin, 20)) {
			if i > 0 {
				head = strings.Repeat(" ", margin)
			}
			g.b.WriteString(strings.TrimRight(head+l, " ") + "\n")
		}
		for i, l := range strings.Split(c.Fix, "\n") {
			if l == "" {
				continue
			}
			lead := "→ "
			if i > 0 {
				lead = "  "
			}
			g.b.WriteString(strings.Repeat(" ", margin) + g.paint(bold, lead+Visible(l)) + "\n")
		}
	}
	g.gap()
	g.line(plain, "%s", checkCounts(checks))
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
