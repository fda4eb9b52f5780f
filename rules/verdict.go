package rules

import (
	"recourse/audit"
)

// Most conditions are false of most changes, and what makes them false is cheap
// to see: the operation, an attribute that did not change, a number that is too
// small. A quick condition is the part of a condition that is decided so, on the
// encoded images, before anything is made of them for expr. What it decides is
// what expr would have decided, without an error; all else it leaves to expr.
//
// It is made from the condition's text as it was checked, not from what the
// safer makes of it, and follows the same rules for what is missing.

// A verdict is what a quick condition says of a change.
type verdict int8

const (
	ask verdict = iota // not decided: expr is to say
	no
	yes
)

func verdictOf(holds bool) verdict {
	if holds {
		return yes
	}
	return no
}

func (v verdict) not() verdict {
	switch v {
	case yes:
		return no
	case no:
		return yes
	}
	return ask
}

// A trial decides a part of a condition; el is what # stands for in it.
type trial func(f *facts, el *element) verdict

// An element is what # stands for: an attribute's name, or a text.
type element struct {
	name      *attrName // nil for a text
	text      []byte
	old, next audit.Value
	at        int    // its number among all elements of the change
	patterns  uint32 // that may match a text; see facts.mayMatch
}

// A quick is the quick condition of an expression.
type quick struct {
	test trial
	// most is how many bytes two images may have together for no evaluation of the
	// condition to come near maxSteps, so that there is no error to be missed.
	most int
	// stays is the number of an attribute, and 1: of a change that leaves it as it was the
	// condition is false; 0: there is none such.
	stays int
}

// decide is ask for images that are large.
func (q *quick) decide(f *facts) verdict {
	if f.size() > q.most {
		return ask
	}
	if q.stays > 0 && f.stayed(q.stays-1) {
		return no
	}
	return q.test(f, nil)
}

func both(a, b trial) trial {
	return func(f *facts, el *element) verdict {
		if v := a(f, el); v != yes {
			return v
		}
		return b(f, el)
	}
}

func either(a, b trial) trial {
	return func(f *facts, el *element) verdict {
		if v := a(f, el); v != no {
			return v
		}
		return b(f, el)
	}
}

func asking(*facts, *element) verdict { return ask }

// anyOf holds if a test holds for one of a change's elements.
func anyOf(of elementsOf, t trial) trial {
	return func(f *facts, _ *element) verdict {
		out := no
		els := of(f)
		for i := range els {
			switch t(f, &els[i]) {
			case ask:
				return ask
			case yes:
				out = yes
			}
		}
		return out
	}
}

// atLeast holds if a test holds for so many of a change's elements.
func atLeast(n int, of elementsOf, t trial) trial {
	return func(f *facts, _ *element) verdict {
		els := of(f)
		hits := 0
		for i := range els {
			switch t(f, &els[i]) {
			case ask:
				return ask
			case yes:
				hits++
			}
		}
		return verdictOf(hits >= n)
	}
}

// perName remembers what a test says that depends on an attribute's name alone.
func perName(id int, t trial) trial {
	return func(f *facts, el *element) verdict {
		if el.name == nil {
			return t(f, el)
		}
		v := &el.name.memo[id]
		if !v.known {
			v.known, v.verdict = true, t(f, el)
		}
		return v.verdict
	}
}
