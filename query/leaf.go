package query

import (
	"context"

	"recourse/audit"
)

// Leaf matches changes by a single value anywhere in their images: in the whole,
// not by its words.
type Leaf struct {
	Sense Sense
	Test  Test
}

// A Sense is in which of the images a value is looked for.
type Sense string

// The senses. A value appears if it is in the image after and nowhere in the one
// before, both being known, and vanishes the other way round.
const (
	SenseValue    Sense = "value"
	SenseAppears  Sense = "appears"
	SenseVanishes Sense = "vanishes"
)

func (l Leaf) String() string { return string(l.Sense) + l.Test.String() }

func (l Leaf) match(s *subject) bool {
	before, after := s.c.Before, s.c.After
	holds := func(v audit.Value) bool { return l.Test.holds(v) }
	if l.Sense == SenseValue {
		return anyLeaf(after.Body, holds) || anyLeaf(before.Body, holds)
	}
	if before.State == audit.Unknown || after.State == audit.Unknown || s.c.Op.Kind() == audit.KindMessage {
		return false
	}
	if l.Sense == SenseVanishes {
		before, after = after, before
	}
	return anyLeaf(after.Body, holds) && !anyLeaf(before.Body, holds)
}

func (Leaf) might(*audit.Gap) (yes, no bool) { return true, true }

// words are words that surely stand in the images of a change that matches.
func (l Leaf) words() (Words, bool) {
	tokens := l.Test.Words()
	return Words{Carries: l.Sense == SenseValue, Tokens: tokens}, len(tokens) > 0
}

func (l Leaf) bind(ctx context.Context, b *binding) (Node, error) {
	t, err := l.Test.bind(ctx, b)
	l.Test = t
	return l, err
}

// Delta matches changes by how a number changed: by how much, or to how many
// times of what it was. Both must be numbers, and for a ratio the old one not 0.
type Delta struct {
	Ratio bool
	Path  []string // as in Attribute, but that arrays are not entered
	Test  Test
}

func (d Delta) String() string {
	name := "delta"
	if d.Ratio {
		name = "ratio"
	}
	return name + pathString(d.Path) + d.Test.String()
}

func (d Delta) match(s *subject) bool {
	v := d.of(s.c)
	return v != nil && d.Test.holds(v)
}

func (Delta) might(*audit.Gap) (yes, no bool) { return true, true }

func (d Delta) bind(ctx context.Context, b *binding) (Node, error) {
	t, err := d.Test.bind(ctx, b)
	d.Test = t
	return d, err
}

// of is by how much the number changed, or to how many times of what it was;
// nil: it has no answer. Differences of integers up to 64 bits are exact.
func (d Delta) of(c *audit.Change) audit.Value {
	if c.Op.Kind() == audit.KindMessage {
		return nil
	}
	old, next := at(c.Before.Body, d.Path), at(c.After.Body, d.Path)
	if !isNumber(old.Kind()) || !isNumber(next.Kind()) {
		return nil
	}
	if a, ok := old.Int64(); ok && !d.Ratio {
		if b, ok := next.Int64(); ok {
			if diff := b - a; (diff < b) == (a > 0) {
				return audit.Int(diff)
			}
		}
	}
	a, _ := old.Float64()
	b, _ := next.Float64()
	f := b - a
	if d.Ratio {
		if a == 0 {
			return nil
		}
		f = b / a
	}
	if !finite(f) {
		return nil
	}
	return audit.Float(f)
}

// at is the value at a path of attributes; nil if there is none.
func at(v audit.Value, path []string) audit.Value {
	for _, name := range path {
		if v == nil || v.Kind() != audit.KindObject {
			return nil
		}
		v = v.Get(name)
	}
	return v
}

// still is whether the test holds of a number that did not change.
func (d Delta) still() bool {
	if d.Ratio {
		return d.Test.holds(audit.Float(1))
	}
	return d.Test.holds(audit.Int(0))
}
