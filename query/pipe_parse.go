package query

import (
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// maxPipes is how many pipes a query may have.
const maxPipes = 50

// A Language reads queries with pipes. The zero value is the language by itself,
// at the first of times.
type Language struct {
	Now time.Time // what -2h is reckoned from
	// Attributes are those that there are, to suggest in place of a wrong name.
	Attributes []string
	// Condition compiles what stands after | where: a condition of a rule. Nil: there
	// is none. Its error may have an Offset() int, in bytes of the text.
	Condition func(text string) (Expr, error)
}

// Parse reads a query with pipes. The error is a *SyntaxError.
func (l Language) Parse(s string) (*Pipeline, error) {
	p := &parser{s: s, now: l.Now, known: l.Attributes}
	n, err := p.filter()
	if err != nil {
		return nil, err
	}
	q := &pipeParser{parser: p, language: l, out: &Pipeline{Filter: Expr{n}}}
	for p.take("|") {
		if err := q.pipe(); err != nil {
			return nil, err
		}
	}
	if !p.eof() {
		return nil, p.fail(p.pos, "", "a parenthesis that was not opened")
	}
	q.out.Relative = p.relative
	return q.out, nil
}

// A pipeParser reads the pipes of one query.
type pipeParser struct {
	*parser
	language Language
	out      *Pipeline
	columns  []string // of the rows at this point; nil: they are changes
	last     string   // the pipe after which there may be none; empty for none
}

// A pipeReader reads what follows the name of a pipe.
type pipeReader struct {
	read func(*pipeParser, int) (Pipe, error)
	rows bool // it also takes rows
}

// pipeReaders are the pipes by their names.
func pipeReaders() map[string]pipeReader {
	return map[string]pipeReader{
		"where": {(*pipeParser).readWhere, true}, "fields": {(*pipeParser).readFields, true}, "sort": {(*pipeParser).readSort, true},
		"limit": {(*pipeParser).readLimit, true}, "stats": {(*pipeParser).readStats, true}, "top": {(*pipeParser).readTop, true},
		"save": {(*pipeParser).readSave, true},
		"hist": {(*pipeParser).readHist, false}, "facets": {(*pipeParser).readFacets, false},
		"first": {readEnds(false), false}, "last": {readEnds(true), false}, "context": {(*pipeParser).readContext, false},
		"sessions": {(*pipeParser).readSessions, false}, "seq": {(*pipeParser).readSeq, false}, "pivot": {(*pipeParser).readPivot, false},
		"history": {func(*pipeParser, int) (Pipe, error) { return PipeHistory{}, nil }, false}, "blame": {(*pipeParser).readBlame, false},
		"asof": {(*pipeParser).readAsOf, false}, "diff": {(*pipeParser).readDiff, false},
		"blast":   {func(*pipeParser, int) (Pipe, error) { return PipeBlast{}, nil }, false},
		"compare": {(*pipeParser).readCompare, false}, "plan": {(*pipeParser).readPlan, false},
	}
}

// absentPipes are pipes that one may look for and that there are not, with what to
// do instead.
var absentPipes = map[string]string{
	"prove": "recourse evidence export QUERY seals what a query finds",
	"near":  "write @alert:ID±10m or @txn:T±5m before the pipes",
	"join":  "write | pivot or | seq",
	"eval":  "there are no fields of your own; delta.x and ratio.x are how numbers changed",
	"dedup": "write | last by(FIELD)", "uniq": "write | last by(FIELD)", "head": "write | limit N", "tail": "write | sort time | limit N",
	"count": "write | stats count", "table": "write | fields A,B", "rare": "write | facets rare", "timechart": "write | hist",
	"baseline": "write | hist 1h vs 14d",
	"actor":    "there is a command: recourse actor USER", "pickaxe": "there is a command: recourse pickaxe VALUE --query QUERY",
	"coverage": "there is a command: recourse coverage", "hunt": "there is a command: recourse hunt RULE QUERY",
	"report": "there is a command: recourse report QUERY", "timeline": "there is a command: recourse report QUERY",
	"show": "there is a command: recourse show SEQ", "explain": "there is a flag: --explain",
	"rename": "write as NAME behind a figure of stats",
}

// pipe reads one pipe.
func (q *pipeParser) pipe() error {
	q.space()
	start := q.pos
	name := strings.ToLower(q.word())
	reader, known := pipeReaders()[name]
	switch {
	case name == "" && q.peek() == '|':
		return q.fail(start, "write or between alternatives", "the name of a pipe is missing")
	case name == "":
		return q.fail(start, "pipes are "+strings.Join(PipeNames(), ", "), "the name of a pipe is missing")
	case !known:
		hint := "pipes are " + strings.Join(PipeNames(), ", ")
		if instead := absentPipes[name]; instead != "" {
			hint = instead
		} else if like := suggest(name, PipeNames()); like != "" {
			hint = "did you mean " + like + "? " + hint
		}
		return q.fail(start, hint, "there is no pipe %q", name)
	case q.last != "":
		return q.fail(start, "", "%s is the last pipe", q.last)
	case q.columns != nil && !reader.rows:
		return q.fail(start, "put it before what makes rows of the changes", "%s takes changes, and these are rows", name)
	case len(q.out.Pipes) == maxPipes:
		return q.fail(start, "", "more than %d pipes", maxPipes)
	}
	q.space()
	pipe, err := reader.read(q, start)
	if err != nil {
		return err
	}
	q.space()
	if !q.eof() && q.peek() != '|' {
		hint := "a pipe begins with |"
		switch name {
		case "sort":
			hint = "fields are separated by commas, and a minus sign sorts the largest first: sort -count,user"
		case "fields":
			hint = "fields are separated by commas: fields time,user"
		}
		return q.fail(q.pos, hint, "%s takes no more than this", name)
	}
	q.out.Pipes = append(q.out.Pipes, pipe)
	q.columns = pipe.columns(q.columns)
	if name == "plan" || name == "save" {
		q.last = name
	}
	return nil
}

// PipeNames are the names of all pipes, sorted.
func PipeNames() []string {
	readers := pipeReaders()
	names := make([]string, 0, len(readers))
	for name := range readers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fields reads fields, commas between them.
func (q *pipeParser) fields() ([]PipeField, error) {
	var fields []PipeField
	for {
		q.space()
		start := q.pos
		f, err := q.pipeField(q.columns)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(fields, func(g PipeField) bool { return g.Name == f.Name }) {
			return nil, q.fail(start, "", "%s stands here twice", f.Name)
		}
		fields = append(fields, f)
		q.space()
		if !q.take(",") {
			return fields, nil
		}
	}
}

// by reads by(a,b) or by a,b, if that comes next.
func (q *pipeParser) by() (fields []PipeField, given bool, err error) {
	q.space()
	start := q.pos
	if !q.keyword("by") {
		return nil, false, nil
	}
	q.space()
	if !q.take("(") {
		fields, err = q.fields()
		return fields, true, err
	}
	if fields, err = q.fields(); err != nil {
		return nil, true, err
	}
	if !q.take(")") {
		return nil, true, q.fail(start, "write by(A,B)", "by( is not closed")
	}
	return fields, true, nil
}

// needBy is by, which must come next.
func (q *pipeParser) needBy(what string) ([]PipeField, error) {
	start := q.pos
	fields, given, err := q.by()
	if err == nil && !given {
		err = q.fail(start, "write "+what+" by(user)", "%s needs by(…)", what)
	}
	return fields, err
}

// facets reads names of facets in parentheses or one alone, after by.
func (q *pipeParser) facets(allowed ...audit.Facet) ([]audit.Facet, error) {
	closed := q.take("(")
	start := q.pos
	var out []audit.Facet
	for {
		q.space()
		at := q.pos
		name := strings.ToLower(q.word())
		f := facetNamed(name)
		if f == 0 || len(allowed) > 0 && !slices.Contains(allowed, f) {
			if len(allowed) == 0 {
				allowed = audit.Facets()
			}
			names := make([]string, len(allowed))
			for i, f := range allowed {
				names[i] = f.String()
			}
			return nil, q.fail(at, "want one of "+strings.Join(names, ", "), "by %q is not possible here", name)
		}
		out = append(out, f)
		q.space()
		if !q.take(",") {
			break
		}
	}
	if closed && !q.take(")") {
		return nil, q.fail(start, "write by(A,B)", "by( is not closed")
	}
	return out, nil
}

// facetNamed is the facet of that name; 0 if there is none.
func facetNamed(name string) audit.Facet {
	for _, f := range audit.Facets() {
		if f.String() == name {
			return f
		}
	}
	return 0
}
