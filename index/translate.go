package index

import (
	"strconv"

	"github.com/blevesearch/bleve/v2/search/query"

	"recourse/audit"
	lang "recourse/query"
)

// A plan is an expression as bleve has it. It finds all changes that match;
// if exact it finds no others.
type plan struct {
	q     query.Query // nil finds everything
	exact bool
}

var (
	everything = plan{nil, true}
	perhaps    = plan{nil, false} // the index cannot say
	nothing    = plan{query.NewMatchNoneQuery(), true}
)

func (p plan) query() query.Query {
	if p.q == nil {
		return query.NewMatchAllQuery()
	}
	return p.q
}

func (p plan) loose() plan { return plan{p.q, false} }

// A translator turns expressions into plans.
type translator struct {
	messages bool // the index has messages, of whose image before it knows nothing
}

// node translates a node, or its negation. Negations are pushed inwards, where
// they can be answered for each test whose own answer is exact.
func (t translator) node(n lang.Node, negated bool) plan {
	switch n := n.(type) {
	case lang.All:
		if negated {
			return nothing
		}
		return everything
	case lang.Not:
		return t.node(n.Node, !negated)
	case lang.And:
		return t.list(n, negated, negated)
	case lang.Or:
		return t.list(n, !negated, negated)
	}
	p := t.test(n, negated)
	if !negated {
		return p
	}
	switch {
	case !p.exact:
		return perhaps
	case p.q == nil:
		return nothing
	}
	return plan{query.NewBooleanQuery([]query.Query{query.NewMatchAllQuery()}, nil, []query.Query{p.q}), true}
}

func (t translator) list(nodes []lang.Node, either, negated bool) plan {
	plans := make([]plan, len(nodes))
	for i, n := range nodes {
		plans[i] = t.node(n, negated)
	}
	if either {
		return anyOf(plans...)
	}
	return allOf(plans...)
}

func allOf(plans ...plan) plan {
	exact := true
	var qs []query.Query
	for _, p := range plans {
		exact = exact && p.exact
		if p.q != nil {
			qs = append(qs, p.q)
		}
	}
	switch len(qs) {
	case 0:
		return plan{nil, exact}
	case 1:
		return plan{qs[0], exact}
	}
	return plan{query.NewConjunctionQuery(qs), exact}
}

func anyOf(plans ...plan) plan {
	exact := true
	var qs []query.Query
	for _, p := range plans {
		if p.q == nil {
			return p
		}
		exact = exact && p.exact
		qs = append(qs, p.q)
	}
	switch len(qs) {
	case 0:
		return nothing
	case 1:
		return plan{qs[0], exact}
	}
	return plan{query.NewDisjunctionQuery(qs), exact}
}

// test translates what is no combination.
func (t translator) test(n lang.Node, negated bool) plan {
	switch n := n.(type) {
	case lang.Words:
		return t.words(n, negated)
	case lang.Field:
		return field(n)
	case lang.ID:
		return id(n.Test)
	case lang.Record:
		return fact(factRecord, n.Key.String())
	case lang.Attribute:
		return t.attribute(n)
	case lang.State:
		if n.After {
			return fact(factAfter, n.Is.String())
		}
		return t.before(fact(factBefore, n.Is.String()))
	case lang.Flag:
		name := factLossy
		if n.Name == lang.FlagLate {
			name = factLate
		}
		return fact(name, strconv.FormatBool(n.Want))
	case lang.When:
		return when(n)
	}
	return perhaps
}

// before widens what rests on the image before by all messages.
func (t translator) before(p plan) plan {
	if !t.messages {
		return p
	}
	return anyOf(p, fact(factKind, string(audit.KindMessage))).loose()
}

func fact(name, value string) plan { return term(fieldFacts, name+value) }

// term finds documents with a term; not exactly if the term had to be cut.
func term(field, text string) plan {
	text, _ = cutTerm(text)
	q := query.NewTermQuery(text)
	q.SetField(field)
	return plan{q, len(text) < sureTerm}
}

func prefix(field, text string) plan {
	exact := len(text) <= sureTerm
	if !exact {
		text = text[:sureTerm]
	}
	q := query.NewPrefixQuery(text)
	q.SetField(field)
	return plan{q, exact}
}

// field translates a test of a field that holds text.
func field(f lang.Field) plan {
	var name string
	switch f.Name {
	case lang.FieldUser:
		name = factUser
	case lang.FieldOp:
		// Held against the operation as it is and folded: only a text that is
		// folded itself tells both.
		literal, ok := f.Pattern.Literal()
		if !ok || literal != lang.Fold(literal) {
			return perhaps
		}
		name = factOp
	case lang.FieldKind:
		name = factKind
	case lang.FieldNode:
		name = factNode
	case lang.FieldDB:
		name = factDB
	case lang.FieldTable:
		name = factName
		if f.Qualified() {
			name = factTable
		}
	case lang.FieldAttr:
		name = factAttr
	case lang.FieldSet:
		name = factSet
	case lang.FieldUnset:
		name = factUnset
	default:
		return perhaps
	}
	return pattern(name, f.Pattern)
}

func pattern(name string, p lang.Pattern) plan {
	if text, ok := p.Literal(); ok {
		return fact(name, text)
	}
	start := p.Prefix()
	if start == "" {
		return perhaps
	}
	found := prefix(fieldFacts, name+start)
	if !p.Prefixed() {
		found = found.loose()
	}
	return found
}

func id(t lang.Test) plan {
	switch t.Op {
	case lang.Exists:
		return everything
	case lang.Is:
		if key, err := audit.IDOf(t.Low); err == nil {
			return fact(factID, string(key))
		}
		return nothing
	}
	return perhaps
}
