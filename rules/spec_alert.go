package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// An Alerting says how a rule's alerts are told of. The zero value is what a rule
// has that says nothing but a title: every alert is told of once.
type Alerting struct {
	GroupBy []string      // fields of the window's by: alerts alike in them are one to whom is told; nil: all fields
	Dedupe  time.Duration // so long after an alert, others alike are not told of anew; 0: each is
	ReAlert float64       // an alert is told of again when it has grown so many times; 0: ten times
	Missing Missing       // what becomes of a change without a value in one of by
	Listed  int           // changes that an alert lists; 0: as many as the engine has room for. The others are counted
}

// Missing is what a rule does with a change that has no value in a field that
// makes its group, such as one that names no user.
type Missing string

// What becomes of a change without a group.
const (
	MissingGroup Missing = "group" // those without a value are a group of their own
	MissingOwn   Missing = "own"   // each record is a group of its own
	MissingSkip  Missing = "skip"  // it does not count; counted in RuleStats.Missing
)

func readAlert(d *document, n ast.Node, s *spec) {
	a := &s.rule.Alerting
	d.fields(n, "alert", []field{
		{"title", true, func(what string, n ast.Node) { s.title = d.text(n, what) }},
		{"group_by", false, func(what string, n ast.Node) {
			a.GroupBy = []string{}
			d.list(n, what, func(v ast.Node) {
				t := d.text(v, "a field of group_by")
				a.GroupBy = append(a.GroupBy, t.text)
				s.groupBy = append(s.groupBy, t)
			})
		}},
		{"dedupe", false, func(what string, n ast.Node) { a.Dedupe = d.duration(n, what, 0) }},
		{"re_alert", false, func(what string, n ast.Node) { a.ReAlert = d.growth(n, what) }},
		{"missing", false, func(what string, n ast.Node) {
			a.Missing = choice(d, n, what, MissingGroup, MissingOwn, MissingSkip)
		}},
		{"evidence", false, func(what string, n ast.Node) { readEvidence(d, n, a) }},
	})
}

func readEvidence(d *document, n ast.Node, a *Alerting) {
	const most = 100_000
	d.fields(n, "evidence", []field{
		{"events", false, func(what string, n ast.Node) {
			if s, ok := scalarOf(n); !ok || s.text != "all" {
				a.Listed = d.integer(n, what, 1, most)
			}
		}},
	})
}

// growth reads x10: ten times as many.
func (d *document) growth(n ast.Node, what string) float64 {
	s := d.text(n, what)
	x, times := strings.CutPrefix(s.text, "x")
	f, err := strconv.ParseFloat(x, 64)
	if s.exists && (!times || err != nil || !(f > 1 && f <= 1e6)) {
		d.fail(s.at, "%s is %q; want x and a number above 1, such as x10", what, s.text)
	}
	return f
}

// riskFields are whom a rule's risk can be put on.
var riskFields = []string{"user", "table", "db", "key", "node"}

// readScore reads a score and whom it is put on.
func readScore(d *document, n ast.Node, s *spec) {
	r := &s.rule
	d.fields(n, "a risk with a score", []field{
		{"score", true, func(what string, n ast.Node) { r.Risk = d.integer(n, what, 0, 100) }},
		{"on", false, func(what string, n ast.Node) {
			r.RiskOn = []string{}
			d.list(n, what, func(v ast.Node) {
				t := d.text(v, "a field of on")
				r.RiskOn = append(r.RiskOn, t.text)
				s.riskOn = append(s.riskOn, t)
			})
		}},
	})
}

// checkFields are mistakes that show only when the whole rule is known: whom the
// alerts are about has to be among what makes a group.
func (s *spec) checkFields(d *document) {
	by := s.rule.Window.By
	for _, t := range s.groupBy {
		if !slices.Contains(by, t.text) {
			d.fail(t.at, "group_by has %q; want a field that makes a group, which are %s%s", t.text, strings.Join(by, ", "), didYouMean(t.text, by))
		}
	}
	for _, t := range s.riskOn {
		switch {
		case !slices.Contains(riskFields, t.text):
			d.fail(t.at, "on has %q; want %s", t.text, strings.Join(riskFields, ", "))
		case !slices.Contains(by, t.text):
			d.fail(t.at, "on has %s, which is none of the fields that make a group (by); those are %s", t.text, strings.Join(by, ", "))
		}
	}
}
