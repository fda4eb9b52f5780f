package audit

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
)

// UnmarshalJSON reads what JSON printed.
func (v *Value) UnmarshalJSON(data []byte) error {
	plain, err := fromJSON(data, 3*MaxDepth) // {"$tag":[n,…]} nests twice for one level
	if err != nil {
		return err
	}
	got, err := typed(plain, 0)
	if err != nil {
		return err
	}
	*v = got
	return nil
}

// typed replaces the dollar objects in v by what they stand for.
func typed(v Value, depth int) (Value, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("read JSON: %w", ErrTooDeep)
	}
	switch v.Kind() {
	case KindArray:
		elems := make([]Value, 0, v.Len())
		for e := range v.Elems() {
			t, err := typed(e, depth+1)
			if err != nil {
				return nil, err
			}
			elems = append(elems, t)
		}
		return Array(elems...), nil
	case KindObject:
		if names := v.Names(); len(names) == 1 && strings.HasPrefix(names[0], "$") {
			return typedDollar(names[0], v.Get(names[0]), depth)
		}
		return typedFields(v, depth)
	}
	return v, nil
}

func typedFields(v Value, depth int) (Value, error) {
	fields := make(map[string]Value, v.Len())
	for k, e := range v.Fields() {
		t, err := typed(e, depth+1)
		if err != nil {
			return nil, err
		}
		fields[k] = t
	}
	return Object(fields), nil
}

func typedDollar(name string, v Value, depth int) (Value, error) {
	switch name {
	case "$object":
		if v.Kind() == KindObject {
			return typedFields(v, depth)
		}
	case "$bytes":
		if v.Kind() != KindText {
			break
		}
		b, err := base64.StdEncoding.DecodeString(v.Text())
		if err != nil {
			return nil, fmt.Errorf("read JSON: $bytes: %w", err)
		}
		return BytesValue(b), nil
	case "$date":
		if v.Kind() == KindNull {
			return DateOf(math.NaN()), nil
		}
		t, err := parseISO(v.Text())
		if err != nil {
			return nil, fmt.Errorf("read JSON: $date: %w", err)
		}
		return Date(t), nil
	case "$number":
		if i := slices.Index([]string{"NaN", "Infinity", "-Infinity"}, v.Text()); i >= 0 {
			return Float([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i]), nil
		}
	case "$tag":
		parts := slices.Collect(v.Elems())
		if len(parts) == 2 && parts[0].Kind() == KindInt && parts[0].Big().IsUint64() {
			content, err := typed(parts[1], depth+1)
			if err != nil {
				return nil, err
			}
			return Decode(append(appendHead(nil, majorTag, parts[0].Big().Uint64()), content...))
		}
	}
	return nil, fmt.Errorf("read JSON: {%q:…} is not a type of ours", name)
}
