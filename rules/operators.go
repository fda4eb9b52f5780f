package rules

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
)

// The operators below take the place of expr's own wherever an operand's type
// is not known when the rule is compiled. expr's fail on nil, and a rule that
// fails on every record without an attribute would be a rule that is off.

var (
	anyType  = reflect.TypeFor[any]()
	boolType = reflect.TypeFor[bool]()
	listType = reflect.TypeFor[[]any]()
	oneToAny = reflect.TypeFor[func(any) any]()
	twoToAny = reflect.TypeFor[func(any, any) any]()
	operator = reflect.TypeFor[func(*run, ...any) any]()
	testOf   = reflect.TypeFor[func(*run, ...any) bool]()
	listOf   = reflect.TypeFor[func(*run, ...any) []any]()
)

// tests are the functions that say yes or no, and can stand as a condition.
var tests = map[string]reflect.Type{
	"glob": reflect.TypeFor[func(any, any) bool](), "secretlike": reflect.TypeFor[func(any) bool](),
}

// orderings are the comparisons that need an order.
func orderings() map[string]func(int) bool {
	return map[string]func(int) bool{
		"<":  func(c int) bool { return c < 0 },
		"<=": func(c int) bool { return c <= 0 },
		">":  func(c int) bool { return c > 0 },
		">=": func(c int) bool { return c >= 0 },
	}
}

// textTests are the comparisons of two texts.
func textTests() map[string]func(s, t string) bool {
	return map[string]func(s, t string) bool{
		"contains":   strings.Contains,
		"startsWith": strings.HasPrefix,
		"endsWith":   strings.HasSuffix,
	}
}

func registerOperators(c *conf.Config) {
	for op, holds := range orderings() {
		register(c, "$"+op, func(_ *run, a []any) (any, error) {
			if order, ok := compare(a[0], a[1]); ok {
				return holds(order), nil
			}
			return polarityOf(a[2]).missing()
		}, testOf)
	}
	for op, holds := range textTests() {
		register(c, "$"+op, func(_ *run, a []any) (any, error) {
			s, ok := a[0].(string)
			t, also := a[1].(string)
			if !ok || !also {
				return polarityOf(a[2]).missing()
			}
			return holds(s, t), nil
		}, testOf)
	}
	for _, op := range []string{"+", "-", "*", "/", "%", "**"} {
		register(c, "$"+op, func(_ *run, a []any) (any, error) { return arithmetic(op, a[0], a[1]) }, operator)
	}
	register(c, "$==", opEqual(true), testOf)
	register(c, "$!=", opEqual(false), testOf)
	register(c, "$in", opIn, testOf)
	register(c, "$matches", opMatches, testOf)
	register(c, "$negate", plain(negate), operator)
	register(c, "$truth", func(_ *run, a []any) (any, error) {
		if b, ok := a[0].(bool); ok {
			return b, nil
		}
		return polarityOf(a[1]).missing()
	}, testOf)
	register(c, "$list", opList, listOf)
	c.Functions["$field"] = &builtin.Function{Name: "$field", Types: []reflect.Type{twoToAny},
		Func: func(a ...any) (any, error) { return member(a[0], a[1]), nil }} // takes one step
}

func opEqual(want bool) fn {
	return func(r *run, a []any) (any, error) {
		// Only what has parts on both sides takes longer than it weighs.
		if shallow(a[0]) > 1 && shallow(a[1]) > 1 {
			if err := r.spend(weight(a[0])); err != nil {
				return nil, err
			}
		}
		return equal(a[0], a[1]) == want, nil
	}
}

func opIn(r *run, a []any) (any, error) {
	switch in := a[1].(type) {
	case *namedList:
		return in.has(a[0]), r.spend(len(in.items) - len(in.texts))
	case map[string]any:
		name, ok := a[0].(string)
		_, has := in[name]
		return ok && has, nil
	case []string:
		s, ok := a[0].(string)
		return ok && slices.Contains(in, s), nil
	case []int: // a range
		n, ok := numberOf(a[0])
		return ok && slices.ContainsFunc(in, func(i int) bool { return n.cmp(number{i: int64(i)}) == 0 }), nil
	case []any:
		if shallow(a[0]) > 1 { // each element may take as long as this one
			if err := r.spend(len(in) * weight(a[0])); err != nil {
				return nil, err
			}
		}
		return slices.ContainsFunc(in, func(x any) bool { return equal(a[0], x) }), nil
	}
	return polarityOf(a[2]).missing()
}

func opMatches(r *run, a []any) (any, error) {
	s, ok := a[0].(string)
	p, also := a[1].(*pattern)
	if !ok || !also {
		return polarityOf(a[2]).missing()
	}
	if err := r.spend(len(s) / 4); err != nil {
		return nil, err
	}
	return p.match([]byte(s)), nil
}

// opList makes a list of what any, all and the others go through. What is no
// list has no elements.
func opList(_ *run, a []any) (any, error) {
	e, ok := elements(a[0])
	if !ok {
		e = []any{}
	}
	return e, nil
}

// member is an attribute of an object or an element of a list.
func member(x, name any) any {
	switch x := x.(type) {
	case map[string]any:
		if s, ok := name.(string); ok {
			return x[s]
		}
		return nil
	case nil:
		return nil
	}
	i, ok := numberOf(name)
	e, list := elements(x)
	if !ok || !list || i.float {
		return nil
	}
	if i.i < 0 {
		i.i += int64(len(e))
	}
	if i.i < 0 || i.i >= int64(len(e)) {
		return nil
	}
	return e[i.i]
}

func negate(a []any) any {
	n, ok := numberOf(a[0])
	switch {
	case !ok:
		return nil
	case n.float:
		return -n.f
	case n.i == math.MinInt64:
		return -float64(n.i)
	}
	return -n.i
}

// arithmetic is nil when an operand is missing or there is no finite answer.
func arithmetic(op string, a, b any) (any, error) {
	if s, ok := a.(string); ok && op == "+" {
		t, ok := b.(string)
		if !ok {
			return nil, nil
		}
		const longest = 1 << 20
		if len(s)+len(t) > longest {
			return nil, errors.New("a text grows too long")
		}
		return s + t, nil
	}
	n, ok := numberOf(a)
	m, also := numberOf(b)
	if !ok || !also {
		return nil, nil
	}
	if !n.float && !m.float {
		if exact, ok := wholeArithmetic(op, n.i, m.i); ok {
			return exact, nil
		}
	}
	x, y := n.float64(), m.float64()
	switch op {
	case "+":
		return finite(x + y), nil
	case "-":
		return finite(x - y), nil
	case "*":
		return finite(x * y), nil
	case "/":
		return finite(x / y), nil // NaN and infinities for y = 0
	case "%":
		return finite(math.Mod(x, y)), nil
	}
	return finite(math.Pow(x, y)), nil
}

// wholeArithmetic says false when the answer is no int64.
func wholeArithmetic(op string, a, b int64) (int64, bool) {
	switch op {
	case "+":
		c := a + b
		return c, (c > a) == (b > 0)
	case "-":
		c := a - b
		return c, (c < a) == (b > 0)
	case "*":
		if a == 0 || b == 0 {
			return 0, true
		}
		c := a * b
		return c, c/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64)
	case "%":
		if b != 0 && b != -1 {
			return a % b, true
		}
	}
	return 0, false
}
