package index

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"recourse/audit"
	"recourse/query"
)

// The fields of a document.
const (
	fieldFacts   = "f"
	fieldWrote   = "w"
	fieldCarried = "c"
)

// The names of facts. After a change here, or to anything else that a document
// holds, formatVersion must change as well.
const (
	factUser   = "u="
	factOp     = "o=" // folded
	factKind   = "k="
	factNode   = "n="
	factDB     = "d="
	factTable  = "t=" // DATABASE.TABLE
	factName   = "m=" // the table without its database
	factID     = "i=" // JSON
	factRecord = "r=" // DATABASE.TABLE/ID
	factAttr   = "a="
	factSet    = "s="
	factUnset  = "x="
	factBefore = "b=" // the state of the image before; not for messages
	factAfter  = "e="
	factLate   = "l="
	factLossy  = "y="
	factHour   = "h=" // hours since 1970, from hourKey
	factDay    = "g=" // days since 1970, from hourKey
)

// longTerm marks a document's field in which a term was cut. No word and no
// fact begins with a space.
const longTerm = " long"

// maxTerm is how many bytes of a term are kept: hostile values must not make
// the dictionary as large as themselves. A term that was cut has at least
// sureTerm bytes, as it is not cut within a character.
const (
	maxTerm  = 128
	sureTerm = maxTerm - utf8.UTFMax
)

// cutTerm is a term as it is indexed, and whether it had to be cut.
func cutTerm(s string) (string, bool) {
	if len(s) <= maxTerm {
		return s, false
	}
	n := maxTerm
	for n > sureTerm && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], true
}

// facts are the terms of what a change is.
func facts(c *audit.Change, t query.Terms) []string {
	f := []string{
		factUser + c.User,
		factOp + foldOp(c.Op),
		factKind + string(c.Op.Kind()),
		factNode + c.Node,
		factDB + c.Key.Table.Database,
		factTable + c.Key.Table.String(),
		factName + c.Key.Table.Name,
		factID + string(c.Key.ID),
		factRecord + c.Key.String(),
		factAfter + c.After.State.String(),
		factLate + strconv.FormatBool(c.Late),
		factLossy + strconv.FormatBool(c.Lossy),
	}
	// The store tells which write follows a change that comes late, but not
	// which messages do; so nothing is indexed of the image before a message.
	if c.Op.Kind() != audit.KindMessage {
		f = append(f, factBefore+c.Before.State.String())
	}
	hour := hourOf(c.Time)
	f = append(f, factHour+strconv.FormatInt(hour, 10), factDay+strconv.FormatInt(dayOf(hour), 10))
	for _, list := range []struct {
		name   string
		values []string
	}{{factAttr, t.Attributes}, {factSet, t.Set}, {factUnset, t.Unset}} {
		for _, v := range list.values {
			f = append(f, list.name+v)
		}
	}
	return f
}

// foldOp is an operation as op: compares it.
func foldOp(op audit.Op) string { return query.Fold(string(op)) }

// hourOf is the hour that a time lies in, counted from 1970; times that no
// calendar has share the last ones.
func hourOf(t audit.Time) int64 {
	const limit = 1 << 40
	h := math.Floor(float64(t) / 3_600_000)
	return int64(max(-limit, min(limit, h)))
}

func dayOf(hour int64) int64 { return int64(math.Floor(float64(hour) / 24)) }

// name is a document's name: the place of its change, in an order in which the
// newest comes last.
func name(p query.Position) string {
	b := make([]byte, 0, 32)
	b = appendHex(b, p.TimeKey())
	return string(appendHex(b, uint64(p.Seq)))
}

func appendHex(b []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

func placeOf(name string) (query.Position, bool) {
	if len(name) != 32 {
		return query.Position{}, false
	}
	key, err := strconv.ParseUint(name[:16], 16, 64)
	seq, err2 := strconv.ParseUint(name[16:], 16, 64)
	if err != nil || err2 != nil {
		return query.Position{}, false
	}
	return query.Position{Time: query.TimeOfKey(key), Seq: audit.Seq(seq)}, true
}

// documentOf is a change as bleve has it.
func documentOf(c *audit.Change) *document.Document {
	seen := *c
	if c.Op.Kind() == audit.KindMessage {
		seen.Before = audit.Image{}
	}
	t := query.TermsOf(&seen)
	d := document.NewDocument(name(query.PositionOf(c)))
	d.AddIDField()
	addField(d, fieldFacts, facts(c, t))
	addField(d, fieldWrote, t.Wrote)
	addField(d, fieldCarried, t.Carried)
	return d
}

// addField adds terms. They are handed over as one list, each with its length
// before it, because bleve wants a field's value as bytes.
func addField(d *document.Document, field string, terms []string) {
	if len(terms) == 0 {
		return
	}
	size := 0
	for _, t := range terms {
		size += len(t) + 8
	}
	list := make([]byte, 0, size)
	for _, t := range terms {
		list = strconv.AppendInt(list, int64(len(t)), 10)
		list = append(append(list, ' '), t...)
	}
	const options = bleveindex.IndexField | bleveindex.SkipFreqNorm
	d.AddField(document.NewTextFieldCustom(field, nil, list, options, splitter{}))
}

// A splitter takes a list of terms apart, cut to their size.
type splitter struct{}

// Analyze implements bleve's analyzer.
func (splitter) Analyze(list []byte) analysis.TokenStream {
	var stream analysis.TokenStream
	add := func(term string) {
		stream = append(stream, &analysis.Token{Term: []byte(term), Position: len(stream) + 1})
	}
	anyCut := false
	for s := string(list); s != ""; {
		size, rest, _ := strings.Cut(s, " ")
		n, err := strconv.Atoi(size)
		if err != nil || n > len(rest) {
			break // unreachable: addField made the list
		}
		term, cut := cutTerm(rest[:n])
		add(term)
		anyCut = anyCut || cut
		s = rest[n:]
	}
	if anyCut {
		add(longTerm)
	}
	return stream
}
