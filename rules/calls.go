package rules

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// numericValue is a number of a record; a date is none here.
func numericValue(v audit.Value) (number, bool) {
	if k := v.Kind(); k != audit.KindInt && k != audit.KindFloat {
		return number{}, false
	}
	return numberOf(fromValue(v))
}

func callTexts(r *run, args []any) (any, error) {
	if err := r.spend(weight(args[0])); err != nil {
		return nil, err
	}
	var out []any
	collectTexts(args[0], func(s string) { out = append(out, s) })
	return out, nil
}

func collectTexts(x any, yield func(string)) {
	switch x := x.(type) {
	case string:
		yield(x)
	case []any:
		for _, e := range x {
			collectTexts(e, yield)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			collectTexts(x[k], yield)
		}
	}
}

// callTrues counts what is true within a value, however deep: the rights that a set of
// permissions gives. Of nothing it is nothing.
func callTrues(r *run, args []any) (any, error) {
	if err := r.spend(weight(args[0])); err != nil || args[0] == nil {
		return nil, err
	}
	return truesIn(args[0]), nil
}

func truesIn(x any) int64 {
	n := int64(0)
	switch x := x.(type) {
	case bool:
		if x {
			n = 1
		}
	case []any:
		for _, e := range x {
			n += truesIn(e)
		}
	case map[string]any:
		for _, e := range x {
			n += truesIn(e)
		}
	}
	return n
}

func callSplit(r *run, args []any) (any, error) {
	s, ok := args[0].(string)
	sep, also := args[1].(string)
	if !ok || !also || sep == "" {
		return nil, nil
	}
	if err := r.spend(len(s)); err != nil {
		return nil, err
	}
	parts, _ := elements(strings.Split(s, sep))
	return parts, nil
}

// longestGlob is the length of the longest pattern of glob, alternatives and all.
const longestGlob = 4096

// callGlob matches a text against a pattern, the alternatives in a pattern
// (separated by |), or a list of patterns.
func callGlob(r *run, args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok {
		return false, nil
	}
	patterns, many := elements(args[1])
	if !many {
		patterns = []any{args[1]}
	}
	for _, p := range patterns {
		alternatives, _ := p.(string)
		if len(alternatives) > longestGlob {
			return nil, errTooMuch
		}
		if err := r.spend(1 + len(s)*(1+strings.Count(alternatives, "*"))/8); err != nil {
			return nil, err
		}
		for p := range strings.SplitSeq(alternatives, "|") {
			if p != "" && glob(p, s) {
				return true, nil
			}
		}
	}
	return false, nil
}

func callEntropy(r *run, args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok || s == "" {
		return nil, nil
	}
	if err := r.spend(len(s)); err != nil {
		return nil, err
	}
	return entropy(s), nil
}

func callSecretLike(r *run, args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok {
		return nil, nil
	}
	return secretLike([]byte(s)), r.spend(len(s) / 4)
}

func callFingerprint(r *run, args []any) (any, error) {
	if err := r.spend(weight(args[0])); err != nil {
		return nil, err
	}
	return fingerprint(args[0]), nil
}

func length(x any) any {
	switch x := x.(type) {
	case string:
		return utf8.RuneCountInString(x)
	case []byte:
		return len(x)
	case map[string]any:
		return len(x)
	case []string:
		return len(x)
	}
	if e, ok := elements(x); ok {
		return len(e)
	}
	return nil
}

func typeName(x any) any {
	switch x.(type) {
	case nil:
		return "nothing"
	case bool:
		return "boolean"
	case int, int64, float64:
		return "number"
	case string:
		return "text"
	case []byte:
		return "bytes"
	case map[string]any:
		return "object"
	}
	return "list"
}

func textOf(x any) any {
	switch x := x.(type) {
	case string:
		return x
	case bool, int, int64, float64:
		if v, err := audit.Of(x); err == nil {
			return v.JSON()
		}
	}
	return nil
}

func parseNumber(x any) any {
	switch x := x.(type) {
	case int, int64, float64:
		return x
	case string:
		if i, err := strconv.ParseInt(x, 10, 64); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(x, 64); err == nil {
			return finite(f)
		}
	}
	return nil
}

func absolute(n number) any {
	switch {
	case n.float:
		return math.Abs(n.f)
	case n.i == math.MinInt64:
		return -float64(n.i)
	case n.i < 0:
		return -n.i
	}
	return n.i
}

func extreme(sign int) fn {
	return plain(func(a []any) any {
		c, ok := compare(a[0], a[1])
		switch {
		case !ok:
			return nil
		case c*sign >= 0:
			return a[0]
		}
		return a[1]
	})
}

func at(x any, i int) any {
	e, ok := elements(x)
	if !ok || len(e) == 0 {
		return nil
	}
	if i < 0 {
		i += len(e)
	}
	return e[i]
}

// keysOf sorts, because a map's own order differs from run to run.
func keysOf(x any) any {
	m, ok := x.(map[string]any)
	if !ok {
		return nil
	}
	names, _ := elements(slices.Sorted(maps.Keys(m)))
	return names
}

func valuesOf(x any) any {
	m, ok := x.(map[string]any)
	if !ok {
		return nil
	}
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
