package report

import (
	"bytes"
	"fmt"
	"strings"
)

// A page is what a terminal shows. All text that is handed to it is visible
// already.
type page struct {
	b     *bytes.Buffer
	color bool
	width int
}

// A paint is a colour by its meaning. Words or signs always say the same.
type paint string

const (
	plain paint = ""
	faint paint = "2"
	bold  paint = "1"
	bad   paint = "31" // removed, deleted, failed
	good  paint = "32" // added, verified
	warn  paint = "33" // changed, unknown, conflict
)

func (g *page) paint(c paint, s string) string {
	if !g.color || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// line writes a line that is cut at the page's width.
func (g *page) line(c paint, format string, args ...any) {
	s := format
	if len(args) > 0 {
		s = fmt.Sprintf(format, args...)
	}
	g.b.WriteString(strings.TrimRight(g.paint(c, cut(s, g.width)), " ") + "\n")
}

// wrapped writes a text that may take several lines, each indented.
func (g *page) wrapped(c paint, indent int, s string) {
	margin := strings.Repeat(" ", indent)
	for _, l := range wrap(s, max(g.width-indent, 20)) {
		g.b.WriteString(strings.TrimRight(margin+g.paint(c, l), " ") + "\n")
	}
}

func (g *page) gap() { g.b.WriteString("\n") }

// A column of a table on a page.
type column struct {
	name  string
	flex  bool // is cut first when the page is too narrow
	keep  bool // is cut last
	right bool
}

// A cell of a table on a page.
type cell struct {
	text  string
	paint paint
}

// table writes rows below their columns' names, cut so that they fit the page.
func (g *page) table(cols []column, rows [][]cell) {
	widths := g.begin(cols, rows)
	for _, r := range rows {
		g.row(cols, widths, r)
	}
}

// begin writes the names of columns that are wide enough for rows, as far as the
// page is, and says how wide that is.
func (g *page) begin(cols []column, rows [][]cell) []int {
	for _, r := range rows {
		for i := range r {
			r[i].text = cut(r[i].text, g.width)
		}
	}
	widths := g.fit(cols, rows)
	head := make([]cell, len(cols))
	for i, c := range cols {
		head[i] = cell{c.name, bold}
	}
	g.row(cols, widths, head)
	return widths
}

// row writes one row, its cells cut to their columns.
func (g *page) row(cols []column, widths []int, r []cell) {
	var line strings.Builder
	for i, c := range r {
		s := pad(cut(c.text, widths[i]), widths[i], cols[i].right)
		if i == len(r)-1 {
			s = strings.TrimRight(s, " ")
		} else {
			s += "  "
		}
		line.WriteString(g.paint(c.paint, s))
	}
	g.b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// fit is the widths at which the table is no wider than the page, if it can be:
// always the widest column gives way, first of the flexible ones, last of those
// that are to be kept.
func (g *page) fit(cols []column, rows [][]cell) []int {
	widths := make([]int, len(cols))
	total := 2 * (len(cols) - 1)
	for i, c := range cols {
		widths[i] = columns(c.name)
		for _, r := range rows {
			widths[i] = max(widths[i], columns(r[i].text))
		}
		total += widths[i]
	}
	narrow := func(least int, may func(column) bool) {
		for total > g.width {
			widest := -1
			for i, c := range cols {
				if may(c) && widths[i] > least && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				return
			}
			widths[widest]--
			total--
		}
	}
	narrow(12, func(c column) bool { return c.flex })
	narrow(6, func(c column) bool { return !c.keep })
	narrow(1, func(column) bool { return true })
	return widths
}
