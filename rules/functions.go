package rules

import (
	"errors"
	"math"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
)

// Why a condition could not be decided on a change.
var (
	errUndecided = errors.New("a value that the condition turns on is missing")
	errTooMuch   = errors.New("the condition takes too many steps on this change")
)

// maxSteps bounds the work of one condition on one change. expr has no
// timeout, so everything that walks a value asks for its steps first.
const maxSteps = 2_000_000

// A run is one evaluation of one condition.
type run struct {
	view  *view
	steps int
}

func (r *run) spend(n int) error {
	r.steps += n
	if r.steps > maxSteps {
		return errTooMuch
	}
	return nil
}

// A polarity says what a comparison is when it cannot be made, because an
// operand is missing or of another type: whatever keeps the whole condition
// from holding. So a missing value never makes a match, not under "not" either.
type polarity int

const (
	negative polarity = iota - 1 // under an odd number of "not": true
	mixed                        // where neither is safe: the change is not decided
	positive                     // false
)

func (p polarity) missing() (any, error) {
	if p == mixed {
		return nil, errUndecided
	}
	return p == negative, nil
}

func polarityOf(x any) polarity {
	n, _ := x.(int)
	return polarity(n)
}

// A fn is a function or operator of conditions. Its work has been paid for as
// far as it grows with the size of its arguments.
type fn func(r *run, args []any) (any, error)

// plain makes a function of one that cannot fail.
func plain(f func(args []any) any) fn {
	return func(_ *run, args []any) (any, error) { return f(args), nil }
}

// onText makes a function that is nil for what is no text.
func onText(f func(string) any) fn {
	return plain(func(args []any) any {
		if s, ok := args[0].(string); ok {
			return f(s)
		}
		return nil
	})
}

func onNumber(f func(number) any) fn {
	return plain(func(args []any) any {
		if n, ok := numberOf(args[0]); ok {
			return f(n)
		}
		return nil
	})
}

func rounding(f func(float64) float64) fn {
	return onNumber(func(n number) any {
		if !n.float {
			return n.i
		}
		return finite(f(n.f))
	})
}

// weight is about how many steps it takes to look at all of x.
func weight(x any) int {
	switch x := x.(type) {
	case string:
		return 1 + len(x)/16
	case []byte:
		return 1 + len(x)/16
	case []string:
		return 1 + len(x)
	case []any:
		n := 1
		for _, e := range x {
			n += weight(e)
		}
		return n
	case map[string]any:
		n := 1
		for _, e := range x {
			n += 16 + weight(e)
		}
		return n
	}
	return 1
}

// shallow is the same for what does not look into the elements.
func shallow(x any) int {
	switch x := x.(type) {
	case []any:
		return 1 + len(x)
	case map[string]any:
		return 1 + 16*len(x)
	}
	return weight(x)
}

// A function is what conditions can call.
type function struct {
	args  int
	call  fn
	reads demand // beside its arguments
}

// functions is the language's functions. All of them are pure, and nil for
// arguments that they have no answer for.
func functions() map[string]function {
	old, next := demand{before: true, index: true}, demand{after: true, index: true}
	both := demand{before: true, after: true, index: true}
	return map[string]function{
		"list":        {args: 1}, // replaced when compiled
		"old":         {1, ofAttribute(func(o, _ any) any { return o }), old},
		"new":         {1, ofAttribute(func(_, n any) any { return n }), next},
		"delta":       {1, ofNumbers(difference), both},
		"ratio":       {1, ofNumbers(func(n, o number) any { return quotient(n, o, true) }), both},
		"growth":      {1, ofAttribute(growth), both},
		"texts":       {args: 1, call: callTexts},
		"trues":       {args: 1, call: callTrues},
		"split":       {args: 2, call: callSplit},
		"glob":        {args: 2, call: callGlob},
		"entropy":     {args: 1, call: callEntropy},
		"from":        {args: 2}, // put in other words when compiled
		"to":          {args: 2},
		"get":         {args: 2, call: plain(func(a []any) any { return within(a[0], a[1]) })},
		"format":      {args: 1, call: onText(func(s string) any { return formatOf(s) })},
		"secretlike":  {args: 1, call: callSecretLike},
		"fingerprint": {args: 1, call: callFingerprint},
		"len":         {args: 1, call: plain(func(a []any) any { return length(a[0]) })},
		"type":        {args: 1, call: plain(func(a []any) any { return typeName(a[0]) })},
		"lower":       {args: 1, call: onText(func(s string) any { return strings.ToLower(s) })},
		"upper":       {args: 1, call: onText(func(s string) any { return strings.ToUpper(s) })},
		"trim":        {args: 1, call: onText(func(s string) any { return strings.TrimSpace(s) })},
		"text":        {args: 1, call: plain(func(a []any) any { return textOf(a[0]) })},
		"number":      {args: 1, call: plain(func(a []any) any { return parseNumber(a[0]) })},
		"abs":         {args: 1, call: onNumber(absolute)},
		"round":       {args: 1, call: rounding(math.Round)},
		"floor":       {args: 1, call: rounding(math.Floor)},
		"ceil":        {args: 1, call: rounding(math.Ceil)},
		"min":         {args: 2, call: extreme(-1)},
		"max":         {args: 2, call: extreme(1)},
		"first":       {args: 1, call: plain(func(a []any) any { return at(a[0], 0) })},
		"last":        {args: 1, call: plain(func(a []any) any { return at(a[0], -1) })},
		"keys":        {args: 1, call: plain(func(a []any) any { return keysOf(a[0]) })},
		"values":      {args: 1, call: plain(func(a []any) any { return valuesOf(a[0]) })},
	}
}

func ofAttribute(f func(old, next any) any) fn {
	return func(r *run, args []any) (any, error) {
		name, _ := args[0].(string)
		old, next := r.view.before[name], r.view.after[name]
		if err := r.spend(1 + (len(old)+len(next))/4); err != nil {
			return nil, err
		}
		return f(fromValue(old), fromValue(next)), nil
	}
}

func ofNumbers(f func(next, old number) any) fn {
	return func(r *run, args []any) (any, error) {
		name, _ := args[0].(string)
		o, ok := numericValue(r.view.before[name])
		n, also := numericValue(r.view.after[name])
		if !ok || !also {
			return nil, nil
		}
		return f(n, o), nil
	}
}

// register adds f to a compiler's configuration. Its first argument is the
// run, which pays for looking at the others.
func register(c *conf.Config, name string, f fn, typ reflect.Type) {
	c.Functions[name] = &builtin.Function{Name: name, Types: []reflect.Type{typ}, Func: func(args ...any) (any, error) {
		r, ok := args[0].(*run)
		if !ok {
			return nil, errors.New("no run") // unreachable: the compiler puts it there
		}
		n := 0
		for _, x := range args[1:] {
			n += shallow(x)
		}
		if err := r.spend(n); err != nil {
			return nil, err
		}
		return f(r, args[1:])
	}}
}

// declare lets conditions say a function's name; what they say is replaced by
// the function that register added under the name with a dollar sign.
func declare(c *conf.Config, name string, typ reflect.Type) {
	c.Functions[name] = &builtin.Function{Name: name, Types: []reflect.Type{typ},
		Func: func(...any) (any, error) { return nil, errors.New("not compiled") }}
}
