package query

import (
	"slices"
	"strings"

	"recourse/audit"
)

func (q *pipeParser) readFields(int) (Pipe, error) {
	fields, err := q.fields()
	return PipeFields{fields}, err
}

func (q *pipeParser) readSort(int) (Pipe, error) {
	var keys []SortKey
	for {
		q.space()
		desc := q.take("-")
		f, err := q.pipeField(q.columns)
		if err != nil {
			return nil, err
		}
		if f.many {
			return nil, q.fail(q.pos, "", "%s has several values, by which nothing can be sorted", f.Name)
		}
		keys = append(keys, SortKey{f, desc})
		q.space()
		if !q.take(",") {
			return PipeSort{keys}, nil
		}
	}
}

func (q *pipeParser) readLimit(int) (Pipe, error) {
	n, err := q.number("limit", 1)
	return PipeLimit{n}, err
}

func (q *pipeParser) readStats(start int) (Pipe, error) {
	var p PipeStats
	for {
		q.space()
		if q.eof() || q.peek() == '|' {
			break
		}
		at := q.pos
		fields, given, err := q.by()
		if err != nil {
			return nil, err
		}
		if given {
			if p.By != nil {
				return nil, q.fail(at, "", "by stands here twice")
			}
			p.By = fields
			continue
		}
		f, err := q.figure()
		if err != nil {
			return nil, err
		}
		p.Figures = append(p.Figures, f)
		q.space()
		q.take(",")
	}
	if len(p.Figures) == 0 {
		p.Figures = []Figure{{Func: "count"}}
	}
	names := p.columns(nil)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, q.fail(start, "give one of them another name: sum(x) as total", "two columns are named %q", name)
		}
	}
	return p, nil
}

// figure reads count, or another function of a field.
func (q *pipeParser) figure() (Figure, error) {
	start := q.pos
	for !q.eof() && isNameRune(q.peek()) {
		q.pos += len(string(q.peek()))
	}
	f := Figure{Func: strings.ToLower(q.s[start:q.pos])}
	takes, known := figureFuncs[f.Func]
	if !known {
		hint := "write count, distinct(F), sum(F), min(F), max(F), avg(F), p50(F), p95(F) or p99(F), and by(F,G)"
		return f, q.fail(start, hint, "stats has no %q", f.Func)
	}
	if takes {
		if !q.take("(") {
			return f, q.fail(q.pos, "write "+f.Func+"(after.total)", "%s needs a field", f.Func)
		}
		var err error
		if f.Field, err = q.pipeField(q.columns); err != nil {
			return f, err
		}
		if f.Field.many && f.Func != "distinct" {
			return f, q.fail(start, "", "%s has several values, of which there is no %s", f.Field.Name, f.Func)
		}
		if !q.take(")") {
			return f, q.fail(q.pos, "", "%s( is not closed", f.Func)
		}
	} else {
		q.take("()")
	}
	if q.option("as") {
		name, err := q.pathName()
		if err != nil {
			return f, err
		}
		f.As = name
	}
	return f, nil
}

func (q *pipeParser) readHist(int) (p Pipe, err error) {
	var h PipeHist
	for {
		switch {
		case q.option("auto"):
		case q.option("by"):
			var by []audit.Facet
			if by, err = q.facets(); err == nil {
				h.By = by[0]
				if len(by) > 1 {
					err = q.fail(q.pos, "", "hist is parted by one field")
				}
			}
		case q.option("top"):
			h.Top, err = q.number("top", 1)
		case q.option("vs"):
			h.Versus, err = q.days()
		case q.digits():
			h.Step, err = q.duration("hist")
		default:
			return h, q.checkHist(h)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (q *pipeParser) checkHist(h PipeHist) error {
	switch {
	case h.Versus > 0 && (h.Step == 0 || day%h.Step != 0):
		return q.fail(q.pos, "write hist 1h vs 14d", "hist vs needs a step of which a day is whole")
	case h.Top > 0 && h.By == 0:
		return q.fail(q.pos, "write by user top 5", "top needs by")
	}
	return nil
}

// days reads how many days, as 14d.
func (q *pipeParser) days() (int, error) {
	at := q.pos
	d, err := q.duration("vs")
	if err == nil && (d%day != 0 || d/day > 366) {
		err = q.fail(at, "write vs 14d", "vs: want whole days, 366 at most")
	}
	return int(d / day), err
}

func (q *pipeParser) readFacets(int) (p Pipe, err error) {
	var f PipeFacets
	for {
		switch {
		case q.option("rare"):
			f.Rare = true
		case q.option("by"):
			f.By, err = q.facets()
		case q.digits():
			f.N, err = q.number("facets", 1)
		default:
			return f, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (q *pipeParser) readTop(int) (Pipe, error) {
	t := PipeTop{N: 10}
	var err error
	if q.digits() {
		if t.N, err = q.number("top", 1); err != nil {
			return nil, err
		}
		q.space()
	}
	q.option("by")
	q.space()
	at := q.pos
	if t.Field, err = q.pipeField(q.columns); err != nil {
		return nil, err
	}
	if names := t.columns(nil); slices.Contains(names[1:], names[0]) {
		return nil, q.fail(at, "write stats by("+names[0]+") count as n", "two columns are named %q", names[0])
	}
	return t, nil
}

func readEnds(last bool) func(*pipeParser, int) (Pipe, error) {
	return func(q *pipeParser, _ int) (Pipe, error) {
		what := "first"
		if last {
			what = "last"
		}
		by, err := q.needBy(what)
		return PipeEnds{last, by}, err
	}
}
