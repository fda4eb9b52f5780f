package report

import (
	"fmt"
	"strconv"
	"strings"

	"recourse/query"
)

// Compared prints how two sets of changes differ, or one from what is usual.
func (p *Printer) Compared(c *query.Comparison) error {
	return p.print(output{
		document: func() any { return c },
		lines:    func() []any { return linesOf(c.Facets, c.Summary) },
		page:     func(g *page) { g.compared(c) },
		sheet:    func() sheet { return comparedSheet(c) },
		notes:    func() []string { return append(comparedWords(c), footNotes(c.Summary.Footing)...) },
	})
}

func comparedWords(c *query.Comparison) []string {
	s := &c.Summary
	switch {
	case c.Windows != nil && s.Windows == 0:
		return []string{count(s.A, "change") + "; what is usual is unknown: of none of the " + strconv.Itoa(len(c.Windows)) + " earlier times was the log read whole"}
	case c.Windows != nil:
		out := fmt.Sprintf("%s, %s usually (the mean of %s)", count(s.A, "change"), number(s.Expected), count(s.Windows, "earlier time"))
		if left := len(c.Windows) - s.Windows; left > 0 {
			out += fmt.Sprintf("; %d others are left out: the log was not read whole there", left)
		}
		return []string{out}
	}
	out := []string{fmt.Sprintf("A: %s, B: %s", count(s.A, "change"), count(s.B, "change"))}
	if s.CoverageB != nil {
		out = append(out, "B is "+CoverageNote(s.CoverageB.Coverage), "A is below")
	}
	return out
}

// number is a float for a reader's eye; nil is unknown.
func number(f *float64) string {
	if f == nil {
		return "unknown"
	}
	return strings.TrimSuffix(strconv.FormatFloat(*f, 'f', 1, 64), ".0")
}

func liftCell(v *query.ComparedValue) cell {
	switch {
	case v.Expected == nil:
		return cell{"unknown", warn}
	case v.Lift == nil:
		return cell{"new", bad}
	case v.A == 0:
		return cell{"gone", faint}
	}
	return cell{text: strconv.FormatFloat(*v.Lift, 'g', 3, 64) + "×"}
}

func (g *page) compared(c *query.Comparison) {
	for i := range c.Facets {
		f := &c.Facets[i]
		if len(f.Values) == 0 {
			continue
		}
		cols := []column{{name: strings.ToUpper(f.Facet), flex: true, keep: true}, {name: "A", right: true}, {name: "B", right: true}, {name: "EXPECTED", right: true}, {name: "LIFT", right: true}, {name: "SCORE", right: true}}
		if c.Windows != nil {
			cols[1].name, cols[2].name = "NOW", "BEFORE"
		}
		rows := make([][]cell, len(f.Values))
		for j := range f.Values {
			v := &f.Values[j]
			tone := plain
			if v.Score >= 3 {
				tone = bad
			}
			rows[j] = []cell{
				facetCell(v.Value), {text: strconv.Itoa(v.A)}, {text: strconv.Itoa(v.B)}, {text: number(v.Expected)}, liftCell(v), {strconv.FormatFloat(v.Score, 'f', 1, 64), tone},
			}
		}
		g.table(cols, rows)
		if more := f.Distinct - len(f.Values); more > 0 {
			g.line(faint, "%s that differ less; --top 0 prints all", count(more, "value"))
		}
		g.gap()
	}
	for _, w := range comparedWords(c) {
		g.wrapped(plain, 0, w)
	}
	g.foot(c.Summary.Footing)
}

func comparedSheet(c *query.Comparison) sheet {
	s := sheet{names: []string{"facet", "value", "a", "b", "expected", "lift", "score"}}
	exact := func(f *float64) string {
		if f == nil {
			return ""
		}
		return strconv.FormatFloat(*f, 'g', -1, 64)
	}
	for i := range c.Facets {
		for j := range c.Facets[i].Values {
			v := &c.Facets[i].Values[j]
			s.rows = append(s.rows, []string{
				c.Facets[i].Facet, Visible(v.Value), strconv.Itoa(v.A), strconv.Itoa(v.B), exact(v.Expected), exact(v.Lift), strconv.FormatFloat(v.Score, 'g', -1, 64),
			})
		}
	}
	return s
}
