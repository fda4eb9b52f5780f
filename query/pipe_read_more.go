package query

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"recourse/audit"
)

// savedName is what a saved query or a list may be named.
var savedName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$`)

// The limits of pipes that look for more than was asked for.
const (
	maxNeighbours = 1000 // that context may have for one change
	maxDepthPivot = 5
)

func (q *pipeParser) readContext(int) (Pipe, error) {
	p := PipeContext{Before: 5, After: 5}
	var err error
	if q.digits() {
		if p.Before, err = q.number("context", 0); err != nil {
			return nil, err
		}
		p.After = p.Before
		if q.digits() {
			if p.After, err = q.number("context", 0); err != nil {
				return nil, err
			}
		}
	}
	if q.option("same") {
		p.Same, err = q.choice("same", contexts)
	}
	if err == nil && p.Before+p.After > maxNeighbours {
		err = q.fail(q.pos, "", "context: more than %d neighbours", maxNeighbours)
	}
	return p, err
}

// choice reads one of some words.
func (q *pipeParser) choice(what string, words []string) (string, error) {
	q.space()
	at := q.pos
	word := strings.ToLower(q.word())
	if !slices.Contains(words, word) {
		return "", q.fail(at, "", "%s is one of %s", what, strings.Join(words, ", "))
	}
	return word, nil
}

func (q *pipeParser) readSessions(int) (p Pipe, err error) {
	var s PipeSessions
	for {
		switch {
		case q.option("gap"):
			s.Options.Gap, err = q.duration("gap")
		case q.option("by"):
			s.Options.By, err = q.facets(audit.FacetUser, audit.FacetNode, audit.FacetTable)
		default:
			return s, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// maxSteps is how many steps a sequence may have.
const maxSteps = 10

func (q *pipeParser) readSeq(start int) (Pipe, error) {
	var p PipeSeq
	step, err := q.nested()
	if err != nil {
		return nil, err
	}
	p.Steps = []Expr{step}
	for {
		switch {
		case q.option("then"):
			if step, err = q.nested(); err == nil {
				p.Steps = append(p.Steps, step)
			}
		case q.option("not"):
			if p.But {
				return nil, q.fail(q.pos, "write not (A or B)", "not stands here twice")
			}
			p.But = true
			p.Not, err = q.nested()
		case q.option("within"):
			p.Within, err = q.duration("within")
		default:
			var given bool
			var by []PipeField
			if by, given, err = q.by(); given && err == nil {
				p.By = by
				continue
			}
			if err == nil {
				return p, q.checkSeq(start, p)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func (q *pipeParser) checkSeq(start int, p PipeSeq) error {
	switch {
	case len(p.Steps) < 2:
		return q.fail(q.pos, "write seq (op:insert) then (op:delete) within 1h by(user)", "seq needs a second step")
	case len(p.Steps) > maxSteps:
		return q.fail(start, "", "seq has more than %d steps", maxSteps)
	case p.Within == 0:
		return q.fail(q.pos, "write within 1h", "seq needs within")
	}
	for _, e := range append(slices.Clone(p.Steps), p.Not) {
		if asksTheStore(e.Root()) {
			return q.fail(start, "put them before the pipes", "rule:, first: and saved queries cannot stand in a step")
		}
	}
	for _, f := range p.By {
		if f.many {
			return q.fail(start, "", "%s has several values, which cannot be alike", f.Name)
		}
	}
	return nil
}

// asksTheStore says that no change by itself tells whether it matches.
func asksTheStore(n Node) bool {
	switch n := n.(type) {
	case And:
		return slices.ContainsFunc(n, asksTheStore)
	case Or:
		return slices.ContainsFunc(n, asksTheStore)
	case Not:
		return asksTheStore(n.Node)
	case Field:
		return n.Name == FieldRule
	case First, Saved:
		return true
	}
	return false
}

// nested reads a filter in parentheses.
func (q *pipeParser) nested() (Expr, error) {
	q.space()
	if q.peek() != '(' {
		hint := "write (op:delete)"
		if word, _, _ := strings.Cut(q.rest(), " "); word != "" && !strings.ContainsAny(word, "()|\"") {
			hint = "write (" + word + ")"
		}
		return Expr{}, q.fail(q.pos, hint, "a filter in parentheses belongs here")
	}
	n, err := q.group()
	return Expr{n}, err
}

func (q *pipeParser) readPivot(int) (Pipe, error) {
	to, err := q.choice("pivot", pivots)
	p := PipePivot{To: to}
	for err == nil {
		switch {
		case q.option("depth"):
			if p.Depth, err = q.number("depth", 1); err == nil && p.Depth > maxDepthPivot {
				err = q.fail(q.pos, "", "depth is %d at most", maxDepthPivot)
			}
		case q.option("hub"):
			p.Hub, err = q.number("hub", 1)
		default:
			return p, nil
		}
	}
	return nil, err
}

func (q *pipeParser) readBlame(int) (Pipe, error) {
	var p PipeBlame
	if p.Options.Strict = q.option("strict"); q.eof() || q.peek() == '|' {
		return p, nil
	}
	attr, err := q.text()
	if err != nil {
		return nil, err
	}
	p.Options.Attr = attr
	p.Options.Strict = p.Options.Strict || q.option("strict")
	return p, nil
}

func (q *pipeParser) readAsOf(int) (Pipe, error) {
	t, err := q.instant("asof")
	return PipeAsOf{t}, err
}

func (q *pipeParser) readDiff(start int) (Pipe, error) {
	from, err := q.instant("diff")
	if err != nil {
		return nil, err
	}
	to, err := q.instant("diff")
	if err == nil && from >= to {
		err = q.fail(start, "write diff EARLIER LATER", "the first time is not before the second")
	}
	return PipeDiff{from, to}, err
}

func (q *pipeParser) readCompare(int) (Pipe, error) {
	if q.option("vs") {
		if q.option("baseline") {
			return PipeCompare{Versus: 14}, nil
		}
		days, err := q.days()
		return PipeCompare{Versus: days}, err
	}
	with, err := q.nested()
	q.space()
	if at := q.pos; err == nil && q.option("vs") {
		err = q.fail(at, "the changes before the pipe are one set, those of the parentheses the other: user:bob | compare (user:alice)", "compare takes one filter")
	}
	return PipeCompare{With: with}, err
}

func (q *pipeParser) readPlan(int) (Pipe, error) {
	file, err := q.file("plan", "incident.json")
	return PipePlan{file}, err
}

// file reads a name that must be there.
func (q *pipeParser) file(what, example string) (string, error) {
	q.space()
	at := q.pos
	name := ""
	var err error
	if q.peek() == '"' {
		name, err = q.quoted()
	} else {
		for !q.eof() && !ends(q.peek()) {
			q.pos += len(string(q.peek()))
		}
		name = q.s[at:q.pos]
	}
	if err == nil && name == "" {
		err = q.fail(at, "write "+what+" "+example, "%s needs a name", what)
	}
	return name, err
}

func (q *pipeParser) readSave(start int) (Pipe, error) {
	before := strings.TrimRightFunc(q.s[:start], unicode.IsSpace)
	p := PipeSave{What: "query", Text: strings.TrimSpace(strings.TrimSuffix(before, "|"))}
	for _, what := range []string{"query", "list", "rule"} {
		if q.option(what) {
			p.What = what
			break
		}
	}
	at := q.pos
	if p.What == "query" && q.option("case") && !q.eof() {
		return nil, q.fail(at, absentNames["case"], "a case cannot be saved to")
	}
	q.pos = at
	var err error
	if p.Name, err = q.file("save", "night-deletes"); err != nil {
		return nil, err
	}
	if p.What != "rule" && !savedName.MatchString(p.Name) {
		return nil, q.fail(at, "letters, digits, - and _, at most 64", "%q is no name for a saved %s", p.Name, p.What)
	}
	if p.What == "list" {
		q.space()
		p.Field, err = q.pipeField(q.columns)
	}
	if p.What == "rule" && len(q.out.Pipes) > 0 {
		for _, pipe := range q.out.Pipes {
			if _, where := pipe.(PipeWhere); !where {
				return nil, q.fail(at, "put it after the filter, or after where", "a rule is a condition: of %q it has nothing", pipe.String())
			}
		}
	}
	return p, err
}

// SavedName says that a saved query or a list may have the name.
func SavedName(name string) bool { return savedName.MatchString(name) }
