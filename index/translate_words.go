package index

import (
	"math"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"

	"recourse/audit"
	lang "recourse/query"
)

// attribute narrows a test of an image to changes that have one, and in it the
// words that the value has.
func (t translator) attribute(a lang.Attribute) plan {
	name := factBefore
	if a.After {
		name = factAfter
	}
	plans := []plan{fact(name, audit.Present.String())}
	for _, w := range a.Test.Words() {
		plans = append(plans, t.carried(term, w))
	}
	found := allOf(plans...).loose()
	if a.After {
		return found
	}
	return t.before(found)
}

// carried finds a word in what a change wrote or in the rest of its images.
func (t translator) carried(find func(field, text string) plan, text string) plan {
	return anyOf(find(fieldWrote, text), find(fieldCarried, text))
}

// words translates words, a phrase by all of its words.
func (t translator) words(w lang.Words, negated bool) plan {
	plans := make([]plan, len(w.Tokens))
	for i, token := range w.Tokens {
		find, text := finder(token)
		if find == nil {
			plans[i] = perhaps
		} else if w.Carries {
			plans[i] = t.carried(find, text)
		} else {
			plans[i] = find(fieldWrote, text)
		}
	}
	found := allOf(plans...)
	if len(w.Tokens) > 1 {
		found = found.loose()
	}
	if w.Carries {
		return t.before(found)
	}
	return found
}

// finder is how a word, perhaps with wildcards, is looked up.
func finder(token string) (find func(field, text string) plan, text string) {
	wild := strings.IndexAny(token, "*?")
	switch {
	case wild < 0:
		return term, token
	case wild == len(token)-1 && token[wild] == '*' && wild > 0:
		return prefix, token[:wild]
	case wild > 0:
		return func(field, text string) plan { return prefix(field, text).loose() }, token[:wild]
	case strings.Trim(token, "*?") == "" || len(token) > maxTerm/2 || strings.Count(token, "*") > 4:
		return nil, "" // finds too much, or takes too long to prepare
	}
	return wildcard, token
}

// wildcard finds terms by the whole dictionary. A term that was cut may be any.
func wildcard(field, text string) plan {
	q := query.NewWildcardQuery(text)
	q.SetField(field)
	return anyOf(plan{q, true}, term(field, longTerm)).loose()
}

// when narrows a comparison of times to days and hours.
func when(w lang.When) plan {
	if w.Op == lang.Is && w.At != 0 { // 0 and -0 are one time with two names
		q := query.NewPrefixQuery(name(lang.Position{Time: w.At})[:16])
		q.SetField("_id")
		return plan{q, true}
	}
	return perhaps
}

// times narrows to the hours from one time to another, by whole days where
// possible; nil if these are too many to be named, or without end.
func times(from, to audit.Time) query.Query {
	const mostDays = 4000
	first, last := hourOf(from), hourOf(to)
	if math.IsInf(float64(from), 0) || math.IsInf(float64(to), 0) || last < first || last-first > mostDays*24 {
		return nil
	}
	var qs []query.Query
	for h := first; h <= last; {
		if dayOf(h)*24 == h && h+23 <= last {
			qs = append(qs, fact(factDay, strconv.FormatInt(dayOf(h), 10)).q)
			h += 24
		} else {
			qs = append(qs, fact(factHour, strconv.FormatInt(h, 10)).q)
			h++
		}
	}
	return query.NewDisjunctionQuery(qs)
}
