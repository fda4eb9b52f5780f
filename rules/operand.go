package rules

import (
	"bytes"
	"math"

	"recourse/audit"
)

// A val is a value as conditions see it (see fromValue), without memory of its
// own.
type val struct {
	kind  valKind
	truth bool
	date  bool // a number that stands for a date
	float bool // bits are those of a float64, not of an int64
	bits  uint64
	s     []byte
}

type valKind uint8

const (
	nothing valKind = iota
	truthVal
	numberVal
	textVal
	otherVal // bytes, a list, an object, or NaN: neither ordered nor equal to any of the above
)

func textOfBytes(s []byte) val { return val{kind: textVal, s: s} }
func textOfName(s string) val  { return val{kind: textVal, s: []byte(s)} }
func truthOf(b bool) val       { return val{kind: truthVal, truth: b} }
func whole(i int64) val        { return val{kind: numberVal, bits: uint64(i)} }

func numberVals(n number) val {
	if n.float {
		return val{kind: numberVal, float: true, bits: math.Float64bits(n.f)}
	}
	return whole(n.i)
}

func (v *val) number() number {
	if v.float {
		return number{f: math.Float64frombits(v.bits), float: true}
	}
	return number{i: int64(v.bits)}
}

// fraction is a float, or nothing if it is not finite.
func fraction(f float64) val {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return val{}
	}
	return numberVals(number{f: f, float: true})
}

// valOf is what fromValue makes of a value.
func valOf(v audit.Value) val {
	switch v.Kind() {
	case audit.KindMissing, audit.KindNull:
		return val{}
	case audit.KindBool:
		return truthOf(v.Bool())
	case audit.KindInt, audit.KindFloat:
		if i, ok := v.Int64(); ok {
			return whole(i)
		}
		f, _ := v.Float64()
		if math.IsNaN(f) {
			return val{kind: otherVal}
		}
		return numberVals(number{f: f, float: true})
	case audit.KindDate:
		ms, _ := v.DateMillis()
		out := val{}
		if !math.IsNaN(ms) {
			out = numberVals(number{f: ms, float: true})
		}
		out.date = true
		return out
	case audit.KindText:
		return textOfBytes(v.TextBytes())
	case audit.KindTagged:
		_, content := v.Tag()
		return valOf(content)
	}
	return val{kind: otherVal}
}

// valOfAny is a constant of a condition; false: none that is compared early.
func valOfAny(x any) (val, bool) {
	switch x := x.(type) {
	case nil:
		return val{}, true
	case bool:
		return truthOf(x), true
	case string:
		return textOfName(x), true
	case int, int64, float64:
		n, ok := numberOf(x)
		return numberVals(n), ok
	}
	return val{}, false
}

// equalVals is equal; false for two others, of which it does not know.
func equalVals(a, b val) (same, known bool) {
	if a.kind != b.kind {
		return false, true
	}
	switch a.kind {
	case truthVal:
		return a.truth == b.truth, true
	case numberVal:
		return a.number().cmp(b.number()) == 0, true
	case textVal:
		return bytes.Equal(a.s, b.s), true
	}
	return true, a.kind == nothing
}

// textTest is one of textTests.
func textTest(op string) func(s, t []byte) bool {
	switch op {
	case "contains":
		return bytes.Contains
	case "startsWith":
		return bytes.HasPrefix
	case "endsWith":
		return bytes.HasSuffix
	}
	return nil
}

// compareVals is compare: two numbers or two texts have an order.
func compareVals(a, b val) (int, bool) {
	switch {
	case a.kind == textVal && b.kind == textVal:
		return bytes.Compare(a.s, b.s), true
	case a.kind == numberVal && b.kind == numberVal:
		return a.number().cmp(b.number()), true
	}
	return 0, false
}

// An operand is a value in a quick condition. False: it cannot be had early.
type operand func(f *facts, el *element) (val, bool)

func constantly(v val) operand { return func(*facts, *element) (val, bool) { return v, true } }

// asVal is what one of the language's functions of numbers returned.
func asVal(x any) val {
	v, _ := valOfAny(x)
	return v
}

// of is a function of one operand, which is asked only of what it knows.
func of(a operand, call function1) operand {
	return func(f *facts, el *element) (val, bool) {
		v, ok := a(f, el)
		if !ok {
			return val{}, false
		}
		return call(f, v)
	}
}

// A function1 is a function of one value.
type function1 func(f *facts, v val) (val, bool)

// once is an operand of an element that is found once a change.
func once(a operand, value int) operand {
	return func(f *facts, el *element) (val, bool) {
		if el == nil {
			return a(f, el)
		}
		n := f.found(el, value)
		if n.turn != f.turn {
			v, known := a(f, el)
			n = f.found(el, value)
			*n = foundValue{f.turn, known, v}
		}
		return n.value, n.known
	}
}

// any is what fromValue made of it; nil for bytes, lists and objects.
func (v *val) any() any {
	switch v.kind {
	case truthVal:
		return v.truth
	case numberVal:
		if v.float {
			return math.Float64frombits(v.bits)
		}
		return int64(v.bits)
	case textVal:
		return string(v.s)
	}
	return nil
}

// calculate is arithmetic; on what is neither two numbers nor, for +, two texts
// it makes nothing.
func calculate(op string, a, b operand) operand {
	return func(f *facts, el *element) (val, bool) {
		x, ok := a(f, el)
		y, also := b(f, el)
		switch {
		case !ok || !also:
			return val{}, false
		case x.kind == textVal && y.kind == textVal && op == "+":
			n := len(f.memory)
			f.memory = append(append(f.memory, x.s...), y.s...)
			return textOfBytes(f.memory[n:len(f.memory):len(f.memory)]), true
		case x.kind != numberVal || y.kind != numberVal:
			return val{}, true
		case x.float && y.float && op != "/":
			return calculateFloats(op, math.Float64frombits(x.bits), math.Float64frombits(y.bits)), true
		}
		out, err := arithmetic(op, x.any(), y.any())
		return asVal(out), err == nil
	}
}

func calculateFloats(op string, x, y float64) val {
	switch op {
	case "+":
		return fraction(x + y)
	case "-":
		return fraction(x - y)
	}
	return fraction(x * y)
}
