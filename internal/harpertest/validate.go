package harpertest

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"recourse/audit"
)

// validate checks v against the attributes, and returns it as it is stored.
// patch looks only at what was sent.
func (t *table) validate(v audit.Value, patch bool) (audit.Value, error) {
	if !t.defined {
		return v, nil
	}
	var wrong []string
	for _, a := range t.attrs {
		got := v.Get(a.Name)
		if got == nil || got.Kind() == audit.KindNull {
			continue
		}
		inner := got
		if patch && isOp(got) {
			inner = got.Get("value")
		}
		coerced, complaint := coerce(inner, a.Type, a.Elem)
		if complaint != "" {
			wrong = append(wrong, fmt.Sprintf("Value %s in property %s %s", plainJSON(inner), a.Name, complaint))
		} else if coerced != nil && (!patch || !isOp(got)) {
			v = v.With(a.Name, coerced)
		}
	}
	if wrong != nil {
		return nil, clientError(400, "%s", strings.Join(wrong, ". "))
	}
	return v, nil
}

func coerce(v audit.Value, typ, elem string) (audit.Value, string) {
	f, _ := v.Float64()
	kind := v.Kind()
	number := kind == audit.KindInt || kind == audit.KindFloat
	whole := number && f == math.Trunc(f)
	switch typ {
	case "Int":
		if !whole || f < math.MinInt32 || f > math.MaxInt32 {
			return nil, "must be an integer (from -2147483648 to 2147483647)"
		}
	case "Long":
		if !whole || math.Abs(f) > 1<<53 {
			return nil, "must be an integer (from -9007199254740992 to 9007199254740992)"
		}
	case "Float":
		if !number {
			return nil, "must be a number"
		}
	case "ID":
		texts := kind == audit.KindArray && v.Len() > 0
		for e := range v.Elems() {
			texts = texts && e.Kind() == audit.KindText
		}
		if kind != audit.KindText && !texts {
			return nil, "must be a string, or an array of strings"
		}
	case "String":
		if kind != audit.KindText {
			return nil, "must be a string"
		}
	case "Boolean":
		if kind != audit.KindBool {
			return nil, "must be a boolean"
		}
	case "Date":
		return coerceDate(v)
	case "BigInt":
		return coerceBig(v)
	case "Bytes":
		if kind == audit.KindText {
			return audit.BytesValue([]byte(v.Text())), ""
		}
		if kind != audit.KindBytes {
			return nil, "must be a Buffer or Uint8Array"
		}
	case "array":
		if kind != audit.KindArray {
			return nil, "must be an Array"
		}
		for e := range v.Elems() {
			if _, complaint := coerce(e, elem, ""); complaint != "" {
				return nil, complaint
			}
		}
	}
	return nil, ""
}

func coerceDate(v audit.Value) (audit.Value, string) {
	switch v.Kind() {
	case audit.KindDate:
		return nil, ""
	case audit.KindText:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02"} {
			if t, err := time.Parse(layout, v.Text()); err == nil {
				return audit.Date(t), ""
			}
		}
		return audit.DateOf(math.NaN()), ""
	case audit.KindInt, audit.KindFloat:
		f, _ := v.Float64()
		return audit.DateOf(f), ""
	}
	return nil, "must be a Date"
}

func coerceBig(v audit.Value) (audit.Value, string) {
	switch v.Kind() {
	case audit.KindInt:
		return nil, ""
	case audit.KindText:
		if n, ok := new(big.Int).SetString(v.Text(), 10); ok {
			return audit.BigInt(n), ""
		}
	case audit.KindFloat:
		f, _ := v.Float64()
		if n, acc := big.NewFloat(f).Int(nil); acc == big.Exact {
			return audit.BigInt(n), ""
		}
	}
	return nil, "must be a bigint"
}
