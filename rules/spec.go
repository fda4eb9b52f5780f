package rules

import (
	"fmt"
	"regexp"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// apiVersion is what a rule file must say of itself.
const apiVersion = "rules/v1"

// A fileSpec is one rule file as it was written.
type fileSpec struct {
	doc        *document
	open       func(path string) ([]byte, error) // reads a file beside it
	lists      map[string]*namedList
	macros     map[string]*macro
	labels     labels
	exceptions []*exceptionSpec // of rules that may stand in other files
	rules      []*spec
}

// A spec is one rule as it was written; its expressions are still text.
type spec struct {
	at    place
	rule  Rule // what needs no compiling
	where scalar
	each  scalar
	title scalar
	id    scalar
	form  formSpec
	doc   *document

	groupBy, riskOn, inhibits []scalar
	exceptions                []*exceptionSpec
}

// A macro is a named part of a condition.
type macro struct {
	text scalar
	bad  bool // it has a mistake of its own, which its users need not repeat
}

var (
	ruleID    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,79}$`)
	partName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	technique = regexp.MustCompile(`^(?:TA\d{4}/)?(T\d{4}(?:\.\d{3})?)$`)
)

// readFile reads what can be read of a file; the document has the mistakes.
func readFile(d *document, root ast.Node, open func(string) ([]byte, error)) *fileSpec {
	f := &fileSpec{doc: d, open: open, lists: map[string]*namedList{}, macros: map[string]*macro{}}
	d.fields(root, "a rule file", append(d.readLabels(&f.labels), []field{
		{"apiVersion", true, func(what string, n ast.Node) {
			if s := d.text(n, what); s.exists && s.text != apiVersion {
				d.fail(s.at, "apiVersion is %q; want %q", s.text, apiVersion)
			}
		}},
		{"lists", false, f.readLists},
		{"macros", false, f.readMacros},
		{"exceptions", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { f.exceptions = append(f.exceptions, readException(d, v, true)) })
		}},
		{"rules", true, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { f.rules = append(f.rules, readRule(d, v)) })
		}},
	}...))
	return f
}

func (f *fileSpec) readMacros(what string, n ast.Node) {
	d := f.doc
	for _, p := range d.pairs(n, what) {
		name, _ := keyOf(p)
		switch {
		case !partName.MatchString(name):
			d.fail(start(p.Key), "%q is no name for a macro", name)
		case reserved(name):
			d.fail(start(p.Key), "%s is a name of the language, not free for a macro", name)
		default:
			if s := d.text(p.Value, "macro "+name); s.exists {
				f.macros[name] = &macro{text: s}
			}
		}
	}
}

func readRule(d *document, n ast.Node) *spec {
	s := &spec{at: start(n), doc: d}
	r := &s.rule
	*r = Rule{Version: 1, Status: Stable, OnUnknown: Skip, File: d.name, Line: s.at.line}
	r.Window = Window{Size: 10 * time.Minute, By: []string{"user", "table"}, Count: 1}
	r.Alerting = Alerting{Missing: MissingGroup}
	d.fields(n, "a rule", append(formFields(d, s), []field{
		{"id", true, func(what string, n ast.Node) {
			s.id = d.text(n, what)
			r.ID = s.id.text
			if s.id.exists && !ruleID.MatchString(r.ID) {
				d.fail(s.id.at, "id is %q; want small letters, digits, dots, dashes", r.ID)
			}
			if r.ID == QuarantineRule {
				d.fail(s.id.at, "%s is the id of the engine's own alerts", r.ID)
			}
		}},
		{"name", true, func(what string, n ast.Node) { r.Name = d.line(n, what) }},
		{"version", false, func(what string, n ast.Node) { r.Version = d.integer(n, what, 1, 1e6) }},
		{"status", false, func(what string, n ast.Node) { r.Status = choice(d, n, what, Stable, Experimental) }},
		{"severity", true, func(what string, n ast.Node) {
			r.Severity = choice(d, n, what, Info, Low, Medium, High, Critical)
		}},
		{"risk", false, func(_ string, n ast.Node) { readRisk(d, n, s) }},
		{"attack", false, func(what string, n ast.Node) { readAttack(d, n, r) }},
		{"match", false, func(what string, n ast.Node) { r.match = readMatch(d, n) }},
		{"where", false, func(what string, n ast.Node) { s.where = d.text(n, what) }},
		{"on_unknown_before", false, func(what string, n ast.Node) {
			r.OnUnknown = choice(d, n, what, Skip, Flag, Evaluate)
		}},
		{"alert", true, func(_ string, n ast.Node) { readAlert(d, n, s) }},
		{"inhibits", false, func(what string, n ast.Node) {
			for _, t := range d.texts(n, what) {
				r.Inhibits = append(r.Inhibits, t.text)
				s.inhibits = append(s.inhibits, t)
			}
		}},
		{"exceptions", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { s.exceptions = append(s.exceptions, readException(d, v, false)) })
		}},
		{"false_positives", false, func(what string, n ast.Node) {
			for _, t := range d.texts(n, what) {
				r.FalsePositives = append(r.FalsePositives, t.text)
			}
		}},
		{"runbook", false, func(what string, n ast.Node) { r.Runbook = d.line(n, what) }},
		{"tests", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { r.tests = append(r.tests, readTest(d, v)) })
		}},
	}...))
	d.checkForm(s)
	return s
}

// line reads a text of one line that says something.
func (d *document) line(n ast.Node, what string) string {
	s := d.text(n, what)
	if s.exists && (s.text == "" || printable(s.text) != s.text || len(s.text) > 200) {
		d.fail(s.at, "%s is not one line of 1 to 200 characters", what)
	}
	return s.text
}

func readAttack(d *document, n ast.Node, r *Rule) {
	d.fields(n, "attack", []field{
		{"version", true, func(what string, n ast.Node) { r.AttackVersion = d.line(n, "attack version") }},
		{"ids", true, func(what string, n ast.Node) {
			for _, s := range d.texts(n, "attack ids") {
				m := technique.FindStringSubmatch(s.text)
				if m == nil {
					d.fail(s.at, "%q is no ATT&CK technique; want T1485, T1098.001 or TA0040/T1485", s.text)
					continue
				}
				r.Attack = append(r.Attack, m[1])
			}
		}},
	})
}

func readMatch(d *document, n ast.Node) match {
	var m match
	globs := func(to *[]string) func(string, ast.Node) {
		return func(what string, n ast.Node) {
			for _, s := range d.texts(n, what) {
				if s.text == "" {
					d.fail(s.at, "%s has an empty pattern; the user of a change without one is matched by where: user == \"\"", what)
				}
				*to = append(*to, s.text)
			}
			if *to == nil {
				*to = []string{}
			}
		}
	}
	d.fields(n, "match", []field{
		{"ops", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { m.ops = append(m.ops, choice(d, v, "an op", opNames...)) })
		}},
		{"tables", false, globs(&m.tables)},
		{"not_tables", false, globs(&m.notTables)},
		{"users", false, globs(&m.users)},
		{"not_users", false, globs(&m.notUsers)},
	})
	return m
}

// String is the window in words, such as "30 key in 5m0s by user, table".
func (w Window) String() string {
	what := "changes"
	if w.Distinct != "" {
		what = "distinct " + w.Distinct
	}
	return fmt.Sprintf("%d %s in %s by %s", w.Count, what, shortDuration(w.Size), w.By)
}
