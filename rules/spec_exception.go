package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	yaml "github.com/goccy/go-yaml/ast"
)

// An Exception is harmless work that a rule would take for what it looks for. A
// change that the rule matches and one of its exceptions holds of counts for
// nothing but the exception.
type Exception struct {
	ID      string
	Fields  []string
	Comps   []string // how each field is compared; as many as Fields
	Values  int      // rows of values, one of which has to hold
	Reason  string
	Owner   string    // who answers for it
	Expires time.Time // from when on it no longer holds; zero: never
	File    string    // where it stands
	Line    int

	place *LintError
	holds *expression
}

// Expired says that the exception does not hold at that time.
func (x *Exception) Expired(at time.Time) bool { return !x.Expires.IsZero() && !at.Before(x.Expires) }

// An exceptionSpec is an exception as it was written.
type exceptionSpec struct {
	at     place
	x      Exception
	rules  []string // patterns of rule ids, of one that stands outside of a rule
	field  []scalar
	rows   []yaml.Node
	values place

	compiled *Exception // nil: not yet, or it has a mistake
}

// The ways to compare a field with a value.
const (
	compEq, compIn, compGlob                  = "eq", "in", "glob"
	compStarts, compEnds, compContains        = "startswith", "endswith", "contains"
	compLess, compMost, compMore, compAtLeast = "lt", "le", "gt", "ge"
)

var comps = []string{compEq, compIn, compGlob, compStarts, compEnds, compContains, compLess, compMost, compMore, compAtLeast}

func readException(d *document, n yaml.Node, free bool) *exceptionSpec {
	s := &exceptionSpec{at: start(n), x: Exception{File: d.name, Line: start(n).line, place: d.here(start(n))}}
	fields := []field{
		{"id", true, func(what string, n yaml.Node) {
			t := d.text(n, what)
			if s.x.ID = t.text; t.exists && !exceptionID.MatchString(t.text) {
				d.fail(t.at, "id is %q; want letters, digits, dots, dashes", t.text)
			}
		}},
		{"fields", true, func(what string, n yaml.Node) { s.field = d.oneOrMore(n, what) }},
		{"comps", false, func(what string, n yaml.Node) {
			for _, t := range d.oneOrMore(n, what) {
				if !slices.Contains(comps, t.text) {
					d.fail(t.at, "comps has %q; want %s%s", t.text, strings.Join(comps, ", "), didYouMean(t.text, comps))
				}
				s.x.Comps = append(s.x.Comps, t.text)
			}
		}},
		{"values", true, func(what string, n yaml.Node) {
			s.values = start(n)
			d.list(n, what, func(v yaml.Node) { s.rows = append(s.rows, v) })
		}},
		{"reason", true, func(what string, n yaml.Node) { s.x.Reason = d.line(n, what) }},
		{"owner", true, func(what string, n yaml.Node) { s.x.Owner = d.line(n, what) }},
		{"expires", false, func(what string, n yaml.Node) { s.x.Expires = d.expiry(n, what) }},
	}
	what := "an exception"
	if free {
		what = "an exception of other rules"
		fields = append(fields, field{"rules", true, func(what string, n yaml.Node) { s.rules = d.patterns(n, what) }})
	}
	failed := len(d.errs)
	d.fields(n, what, fields)
	if len(d.errs) == failed {
		s.fits(d)
	}
	return s
}

// fits checks that there are as many comps and values as fields.
func (s *exceptionSpec) fits(d *document) {
	for _, f := range s.field {
		s.x.Fields = append(s.x.Fields, f.text)
	}
	if s.x.Comps == nil {
		s.x.Comps = slices.Repeat([]string{compEq}, len(s.field))
	}
	s.x.Values = len(s.rows)
	switch {
	case len(s.field) == 0:
		d.fail(s.at, "exception %s names no fields", s.x.ID)
	case len(s.x.Comps) != len(s.field):
		d.fail(s.at, "exception %s has %d fields and %d comps", s.x.ID, len(s.field), len(s.x.Comps))
	case len(s.rows) == 0:
		d.fail(s.values, "exception %s has no values, and so never holds", s.x.ID)
	}
}

// oneOrMore reads a text or a list of them.
func (d *document) oneOrMore(n yaml.Node, what string) []scalar {
	if s, one := scalarOf(n); one {
		return []scalar{s}
	}
	return d.texts(n, what)
}

// expiry reads a day, which still counts, or a moment.
func (d *document) expiry(n yaml.Node, what string) time.Time {
	s := d.text(n, what)
	if day, err := time.Parse(time.DateOnly, s.text); err == nil {
		return day.AddDate(0, 0, 1)
	}
	at, err := time.Parse(time.RFC3339, s.text)
	if s.exists && err != nil {
		d.fail(s.at, "%s is %q; want a day such as 2026-12-31, or a time such as 2026-12-31T12:00:00Z", what, s.text)
	}
	return at
}

// exception compiles what the exception says into a condition: one of the rows
// holds, and so all of its values. It is nil when there is a mistake.
func (c *compilation) exception(s *exceptionSpec) *Exception {
	if len(s.x.Fields) == 0 || s.x.Values == 0 || len(s.x.Comps) != len(s.field) {
		return nil // said already
	}
	failed := len(c.doc.errs)
	var any ast.Node
	for _, row := range s.rows {
		any = joined("or", any, c.exceptionRow(s, row))
	}
	if len(c.doc.errs) > failed {
		return nil
	}
	x := s.x
	at := scalar{text: s.field[0].text, at: s.at, exists: true}
	if x.holds = c.compileTree(at, &parser.Tree{Node: any}, mustBeTruth); x.holds == nil {
		return nil
	}
	return &x
}

func (c *compilation) exceptionRow(s *exceptionSpec, row yaml.Node) ast.Node {
	cells := []yaml.Node{row}
	if list, ok := row.(*yaml.SequenceNode); ok && (len(s.field) > 1 || s.x.Comps[0] != compIn || nested(list)) {
		cells = list.Values
	}
	if len(cells) != len(s.field) {
		c.doc.fail(start(row), "a row of values of exception %s has %d values; it has %d fields", s.x.ID, len(cells), len(s.field))
		return &ast.BoolNode{}
	}
	var all ast.Node
	for i, cell := range cells {
		all = joined("and", all, c.exceptionTest(s, i, cell))
	}
	return all
}

// nested says that a row of one field has its list of values within it.
func nested(n *yaml.SequenceNode) bool {
	if len(n.Values) != 1 {
		return false
	}
	_, list := n.Values[0].(*yaml.SequenceNode)
	_, named := n.Values[0].(*yaml.MappingNode)
	return list || named
}

func joined(op string, a, b ast.Node) ast.Node {
	if a == nil {
		return b
	}
	return &ast.BinaryNode{Operator: op, Left: a, Right: b}
}
