package harper

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"recourse/audit"
)

// A keyRange is a stretch of a table's keys that one request can read.
type keyRange struct {
	condition audit.Value
	alone     audit.ID // a key that is read apart, in place of the condition
}

var one = big.NewInt(1)

// The keys that Harper's $id fails at, for JavaScript takes them for false.
const (
	zeroID audit.ID = "0"
	noText audit.ID = `""`
)

// keyRanges are the stretches behind a key, or all where it is empty, in order.
func keyRanges(info TableInfo, after audit.ID) ([]keyRange, error) {
	than := after.Value()
	if after != "" && than == nil {
		return nil, fmt.Errorf("id %q: %w", string(after), audit.ErrNoID)
	}
	key, _ := info.Attribute(info.PrimaryKey)
	k := keySpace{attribute: info.PrimaryKey, kind: key.Type, after: than}
	switch key.Type {
	case "ID", "String":
		return k.texts(), nil
	case "Int", "Long", "BigInt", "Float":
		return k.numbers(), nil
	case "", "Any":
		return append(k.numbers(), k.texts()...), nil
	}
	if than == nil {
		return []keyRange{k.search("greater_than_equal", audit.Float(-math.MaxFloat64))}, nil
	}
	return []keyRange{k.search("greater_than", than)}, nil
}

// A keySpace is the keys of a table behind one of them.
type keySpace struct {
	attribute string
	kind      string      // the key's type
	after     audit.Value // nil: from the first on
}

func (k keySpace) search(is string, than audit.Value) keyRange {
	return keyRange{condition: audit.Object(map[string]audit.Value{
		"search_attribute": audit.Text(k.attribute), "search_type": audit.Text(is), "search_value": than,
	})}
}

func (k keySpace) between(from, to audit.Value) keyRange {
	return k.search("between", audit.Array(from, to)) // both inclusive
}

// texts are the ranges of texts, and of compound keys that begin with one.
func (k keySpace) texts() []keyRange {
	from := audit.Text("")
	var ranges []keyRange
	switch head := firstPart(k.after); {
	case head.Kind() == audit.KindText:
		from = k.after
	default:
		ranges = append(ranges, keyRange{alone: noText})
	}
	if k.kind == "String" {
		return append(ranges, k.search("greater_than", from))
	}
	// A part that reads like a number would be taken for one, and "" for null. Two
	// brackets deep they are not, and their place is the same.
	return append(ranges, k.search("greater_than_equal", audit.Array(k.next(from))))
}

// numbers are the ranges of numbers, and of compound keys that begin with one.
func (k keySpace) numbers() []keyRange {
	after, first := firstPart(k.after), k.after.Kind() == audit.KindMissing
	f, _ := after.Float64()
	var ranges []keyRange
	switch after.Kind() {
	case audit.KindText:
		return nil
	case audit.KindNull, audit.KindBool:
		f = math.Inf(-1)
	}
	if first || f < 0 {
		lowest, highest := k.limits()
		if !first {
			lowest = k.next(k.after)
		}
		ranges = append(ranges, k.between(lowest, highest))
	}
	if first || f < 0 {
		ranges = append(ranges, keyRange{alone: zeroID})
	}
	from := audit.Int(0)
	if f >= 0 && !first {
		from = k.after
	}
	if k.kind == "" || k.kind == "Any" {
		return append(ranges, k.between(k.next(from), audit.Float(math.Inf(1))))
	}
	return append(ranges, k.search("greater_than", from))
}

// limits are the first key, and the last before 0. Compound keys may begin with
// a truth value, which comes before all numbers.
func (k keySpace) limits() (lowest, highest audit.Value) {
	switch k.kind {
	case "Int", "Long": // the text of the number has to be one of an integer
		return audit.Float(-maxSafe), audit.Int(-1)
	case "BigInt": // it has to be finite
		return audit.Float(-math.MaxFloat64), audit.Int(-1)
	case "Float":
		return audit.Float(math.Inf(-1)), audit.Float(-math.SmallestNonzeroFloat64)
	}
	return audit.Bool(false), audit.Float(-math.SmallestNonzeroFloat64)
}

// next is the first key behind one that there can be.
func (k keySpace) next(v audit.Value) audit.Value {
	f, _ := v.Float64()
	switch k.kind {
	case "Int", "Long":
		return audit.Float(f + 1)
	case "BigInt":
		n := v.Big()
		if n == nil {
			return audit.Float(f) // such a key is a float, which Harper keeps apart
		}
		return audit.BigInt(n.Add(n, one))
	case "Float":
		return audit.Float(math.Nextafter(f, math.Inf(1)))
	}
	// A key comes just before the compound ones that begin with it, and null
	// before any other part.
	return audit.Array(append(parts(v), audit.Null())...)
}

// parts are those of a compound key; any other is one.
func parts(v audit.Value) []audit.Value {
	if v.Kind() != audit.KindArray {
		return []audit.Value{v}
	}
	return slices.Collect(v.Elems())
}

// firstPart is what a compound key begins with, and any other key itself.
func firstPart(v audit.Value) audit.Value {
	if v.Kind() != audit.KindArray {
		return v
	}
	for e := range v.Elems() {
		return e
	}
	return nil
}
