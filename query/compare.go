package query

import (
	"cmp"
	"math"
	"math/big"

	"recourse/audit"
)

// A Test is what a value in an image, or an id, must pass.
type Test struct {
	Op      Op
	Low     audit.Value // what Is, Less, AtMost, More and AtLeast compare with, and where Within begins
	High    audit.Value // where Within ends; nil is open, as is Low
	Pattern Pattern     // what Like holds the value's text against
	Set     *valueSet   // what Among looks the value up in
}

// An Op is how a value is compared.
type Op uint8

// The comparisons.
const (
	Is Op = iota
	Less
	AtMost
	More
	AtLeast
	Within // both ends belong to it
	Like
	Exists
	Among
)

var opSigns = [...]string{Is: ":", Less: "<", AtMost: "<=", More: ">", AtLeast: ">=", Within: ":", Like: ":", Exists: ":*", Among: ":"}

func (t Test) String() string {
	sign := opSigns[t.Op]
	switch t.Op {
	case Exists:
		return sign
	case Like:
		return sign + t.Pattern.String()
	case Among:
		return sign + t.Set.String()
	case Within:
		return sign + "[" + bound(t.Low) + ".." + bound(t.High) + "]"
	}
	return sign + valueString(t.Low)
}

func bound(v audit.Value) string {
	if v == nil {
		return ""
	}
	return valueString(v)
}

// valueString is a value as the language has it.
func valueString(v audit.Value) string {
	if v.Kind() != audit.KindText {
		return v.JSON()
	}
	s := v.Text()
	if _, typed := bareValue(s); typed {
		return quote(s)
	}
	return literal(s)
}

// bareValue is what s without quotes stands for, if that is no text.
func bareValue(s string) (audit.Value, bool) {
	v, err := audit.FromJSON([]byte(s))
	if err != nil {
		return nil, false
	}
	switch v.Kind() {
	case audit.KindNull, audit.KindBool, audit.KindInt:
		return v, true
	case audit.KindFloat:
		f, _ := v.Float64()
		return v, !math.IsInf(f, 0)
	}
	return nil, false
}

// holds says whether v, which is there, passes.
func (t Test) holds(v audit.Value) bool {
	switch t.Op {
	case Exists:
		return true
	case Is:
		return equal(v, t.Low)
	case Among:
		return t.Set.has(v)
	case Like:
		switch v.Kind() {
		case audit.KindArray, audit.KindObject, audit.KindTagged:
			return false
		}
		return t.Pattern.Match(textOf(v))
	case Within:
		return ordered(v, t.Low, AtLeast) && ordered(v, t.High, AtMost)
	default:
		return ordered(v, t.Low, t.Op)
	}
}

// equal says whether a value is the literal, or is of a type that has no
// literal and is written as this text.
func equal(v, lit audit.Value) bool {
	if v.Equal(lit) {
		return true
	}
	if lit.Kind() != audit.KindText {
		return false
	}
	switch v.Kind() {
	case audit.KindDate:
		if want, err := parseDate(lit.Text()); err == nil {
			ms, _ := v.DateMillis()
			return ms == want
		}
		return textOf(v) == lit.Text()
	case audit.KindBytes, audit.KindFloat:
		// A finite float has a literal of its own.
		f, number := v.Float64()
		return !(number && finite(f)) && textOf(v) == lit.Text()
	}
	return false
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// parseDate is a date written by a person, as milliseconds.
func parseDate(s string) (float64, error) {
	t, _, err := parseCalendar(s)
	return float64(audit.TimeOf(t)), err
}

// ordered compares values of one type: numbers by size, texts by their
// characters, dates with the text of a date. Others are in no order.
func ordered(v, lit audit.Value, op Op) bool {
	if lit == nil {
		return orderable(v)
	}
	c, ok := compare(v, lit)
	if !ok {
		return false
	}
	return op.admits(c)
}

func orderable(v audit.Value) bool {
	switch v.Kind() {
	case audit.KindInt, audit.KindFloat:
		f, _ := v.Float64()
		return !math.IsNaN(f)
	case audit.KindText, audit.KindDate:
		return true
	}
	return false
}

// admits says whether the operation holds of the outcome of a comparison.
func (o Op) admits(c int) bool {
	switch o {
	case Less:
		return c < 0
	case AtMost:
		return c <= 0
	case More:
		return c > 0
	case AtLeast:
		return c >= 0
	}
	return c == 0
}

func compare(v, lit audit.Value) (int, bool) {
	switch vk, lk := v.Kind(), lit.Kind(); {
	case isNumber(vk) && isNumber(lk):
		return compareNumbers(v, lit)
	case vk == audit.KindText && lk == audit.KindText:
		return cmp.Compare(v.Text(), lit.Text()), true
	case vk == audit.KindDate && lk == audit.KindText:
		want, err := parseDate(lit.Text())
		ms, _ := v.DateMillis()
		if err != nil || math.IsNaN(ms) {
			return 0, false
		}
		return cmp.Compare(ms, want), true
	}
	return 0, false
}

func isNumber(k audit.ValueKind) bool { return k == audit.KindInt || k == audit.KindFloat }

// compareNumbers is exact for numbers of any size; NaN is in no order.
func compareNumbers(v, w audit.Value) (int, bool) {
	a, exactA := v.Float64()
	b, exactB := w.Float64()
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return 0, false
	case exactA && exactB, exactA && math.IsInf(a, 0), exactB && math.IsInf(b, 0):
		// An infinity that is exact is the float; one that is not is an
		// integer which no float can hold, and smaller than that.
		switch {
		case exactA == exactB || a != b:
			return cmp.Compare(a, b), true
		case exactA == (a > 0):
			return 1, true
		}
		return -1, true
	}
	return rational(v).Cmp(rational(w)), true
}

func rational(v audit.Value) *big.Rat {
	if n := v.Big(); n != nil {
		return new(big.Rat).SetInt(n)
	}
	f, _ := v.Float64()
	r := new(big.Rat)
	r.SetFloat64(f)
	return r
}

// Words are words that the record's values surely have if one of them passes;
// none if nothing is sure.
func (t Test) Words() []string {
	if t.Op != Is {
		return nil
	}
	return sureWords(t.Low)
}

func sureWords(lit audit.Value) []string {
	switch lit.Kind() {
	case audit.KindText:
		// A date can be written in many ways.
		if _, err := parseDate(lit.Text()); err == nil {
			return nil
		}
	case audit.KindInt, audit.KindFloat:
		// Above 2^53 an integer and a float can be equal and print otherwise.
		if f, _ := lit.Float64(); math.Abs(f) > 1<<53 {
			return nil
		}
	case audit.KindArray:
		var words []string
		for e := range lit.Elems() {
			words = append(words, sureWords(e)...)
		}
		return words
	}
	return Tokens(textOf(lit))
}
