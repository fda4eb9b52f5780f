package rules

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// fireText is what fire says: at least a number, a spike, or the greater of the two.
var fireText = regexp.MustCompile(`^>=\s*(?:max\(\s*(\d{1,4})\s*,\s*baseline\.spike\s*\)|(\d{1,4})|baseline\.spike)$`)

func readWindow(d *document, n ast.Node, s *spec) {
	w := &s.rule.Window
	byGiven, decides := false, 0
	d.fields(n, "window", []field{
		{"size", true, func(what string, n ast.Node) { w.Size = d.duration(n, "window size", time.Second) }},
		{"by", false, func(what string, n ast.Node) { byGiven, w.By = true, readBy(d, n, what) }},
		{"each", false, func(what string, n ast.Node) { s.each = d.text(n, what) }},
		{"count", false, func(what string, n ast.Node) { decides++; w.Count = d.integer(n, "count", 1, maxCount) }},
		{"fire", false, func(what string, n ast.Node) { decides++; readFire(d, n, w) }},
		{"distinct", false, func(what string, n ast.Node) { w.Distinct = choice(d, n, what, fieldNames...) }},
		{"sum", false, func(what string, n ast.Node) {
			if s.form.sum = d.text(n, what); s.form.sum.exists {
				w.Sum = s.form.sum.text
			}
		}},
		{"gte", false, func(what string, n ast.Node) { decides++; w.Gte = d.number(n, what, 0, 1e300) }},
		{"fraction", false, func(what string, n ast.Node) { decides++; w.Fraction = readFraction(d, n) }},
	})
	at := start(n)
	switch {
	case decides != 1:
		d.fail(at, "window has one of count, fire, gte, fraction")
	case (w.Sum != "") != (w.Gte != 0):
		d.fail(at, "window has sum and gte together")
	case w.Sum != "" && w.Distinct != "":
		d.fail(at, "window has either sum or distinct")
	case w.Spike && (w.Distinct != "" || w.Size != 24*time.Hour && (time.Hour%w.Size != 0 || w.Size < time.Minute)):
		d.fail(at, "a baseline is of changes, in windows that are a day, or a whole part of an hour and a minute at least")
	case w.Fraction != nil && byGiven && !slices.Contains(w.By, "table"):
		d.fail(at, "a fraction is of one table; by has table")
	case w.Fraction != nil && s.each.exists:
		d.fail(at, "window has either fraction or each")
	}
}

func readFire(d *document, n ast.Node, w *Window) {
	s := d.text(n, "fire")
	if !s.exists {
		return
	}
	m := fireText.FindStringSubmatch(s.text)
	if m == nil {
		d.fail(s.at, "fire is %q; want \">= 20\", \">= baseline.spike\" or \">= max(20, baseline.spike)\"", s.text)
		return
	}
	w.Spike = m[2] == ""
	number := m[1] + m[2]
	if number == "" {
		return
	}
	count, err := strconv.Atoi(number)
	if err != nil || count < 1 || count > maxCount {
		d.fail(s.at, "fire has %s; want 1 to %d", number, maxCount)
		return
	}
	w.Count = count
}

func readFraction(d *document, n ast.Node) *Fraction {
	f := &Fraction{Gte: 1, Floor: 1}
	d.fields(n, "fraction", []field{
		{"of", true, func(what string, n ast.Node) { choice(d, n, what, "table_live_rows") }},
		{"gte", true, func(what string, n ast.Node) { f.Gte = d.number(n, what, 0, 1) }},
		{"floor", true, func(what string, n ast.Node) { f.Floor = d.integer(n, what, 1, mostFraction) }},
	})
	return f
}

func newBaseline() *Baseline {
	return &Baseline{Train: 14 * 24 * time.Hour, MinHistory: 3 * 24 * time.Hour}
}

func readBaseline(d *document, n ast.Node, s *spec) {
	b := newBaseline()
	s.rule.Baseline = b
	const whole = 24 * time.Hour
	d.fields(n, "baseline", []field{
		{"train", false, func(what string, n ast.Node) { b.Train = d.durationUpTo(n, what, 2*whole, 60*whole) }},
		{"min_history", false, func(what string, n ast.Node) { b.MinHistory = d.durationUpTo(n, what, whole, 60*whole) }},
		{"cold", false, func(what string, n ast.Node) { b.Cold = d.integer(n, what, 1, maxCount) }},
	})
	if b.Train%whole != 0 || b.MinHistory > b.Train {
		d.fail(start(n), "train is whole days, and min_history not longer")
	}
}
