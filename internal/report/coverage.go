package report

import (
	"fmt"
	"strconv"

	"recourse/audit"
)

// Gaps prints what could not be read of the log.
func (p *Printer) Gaps(gaps []audit.Gap) error {
	return p.print(output{
		document: func() any {
			return struct {
				Gaps []gapDoc `json:"gaps"`
			}{gapDocs(gaps)}
		},
		lines: func() []any {
			lines := make([]any, len(gaps))
			for i, d := range gapDocs(gaps) {
				lines[i] = d
			}
			return lines
		},
		page: func(g *page) {
			if len(gaps) == 0 {
				g.line(plain, "no gap is known")
				return
			}
			cols := []column{{name: "TABLE", flex: true}, {name: "NODE"}, {name: "FROM"}, {name: "TO"}, {name: "ENTRIES", right: true}, {name: "REASON", flex: true}}
			rows := make([][]cell, len(gaps))
			for i, gap := range gaps {
				rows[i] = []cell{
					{text: Visible(gap.Table.String())}, {text: Visible(gap.Node)}, {text: iso(gap.From, false)}, {text: iso(gap.To, false)},
					{text: entries(gap)}, {Visible(gap.Reason), warn},
				}
			}
			g.table(cols, rows)
		},
		sheet: func() sheet {
			s := sheet{names: []string{"database", "table", "node", "from", "to", "entries", "reason"}}
			for _, gap := range gaps {
				s.rows = append(s.rows, []string{
					Visible(gap.Table.Database), Visible(gap.Table.Name), Visible(gap.Node), gap.From.String(), gap.To.String(), entries(gap), Visible(gap.Reason),
				})
			}
			return s
		},
	})
}

func entries(g audit.Gap) string {
	if g.Entries <= 0 {
		return "unknown"
	}
	return strconv.Itoa(g.Entries)
}

// maxGaps is how many gaps stand below an answer on a page; the rest are
// counted.
const maxGaps = 10

// coverage writes how far an answer can be relied on to be whole.
func (g *page) coverage(c Coverage) {
	tone := warn
	if c.complete() {
		tone = faint
	}
	for i, n := range c.notes() {
		if i == 0 {
			g.line(tone, "%s", n)
			continue
		}
		g.wrapped(tone, 2, n)
	}
}

// notes are the same as lines of text.
func (c Coverage) notes() []string {
	switch {
	case c.complete():
		return []string{"covered: no known gap touches this answer"}
	case len(c.Gaps) == 0:
		return []string{"covered: not known to be complete"}
	}
	notes := []string{"covered: incomplete, " + count(len(c.Gaps), "gap") + " in the log may hide changes:"}
	for i, gap := range c.Gaps {
		if i == maxGaps {
			return append(notes, fmt.Sprintf("and %s more", count(len(c.Gaps)-i, "gap")))
		}
		notes = append(notes, gapLine(gap))
	}
	return notes
}

func gapLine(g audit.Gap) string {
	s := "gap in " + Visible(g.Table.String())
	if g.Node != "" {
		s += " on " + Visible(g.Node)
	}
	n := "an unknown number of entries"
	if g.Entries == 1 {
		n = "1 entry"
	} else if g.Entries > 1 {
		n = strconv.Itoa(g.Entries) + " entries"
	}
	return fmt.Sprintf("%s from %s to %s, %s: %s", s, iso(g.From, false), iso(g.To, false), n, Visible(g.Reason))
}
