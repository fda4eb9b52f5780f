package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"recourse/audit"
)

// Shaped matches changes of the same shape as another: of the same user, in the same
// table, by the same operation, and of the same attributes.
type Shaped struct {
	Seq audit.Seq

	at    place
	model *audit.Change // nil: not looked up
	attrs []string
}

func (l Shaped) String() string { return "like:" + strconv.FormatUint(uint64(l.Seq), 10) }

func (l Shaped) match(s *subject) bool {
	if l.model == nil {
		return s.unbound()
	}
	c := s.c
	return c.User == l.model.User && c.Key.Table == l.model.Key.Table && c.Op == l.model.Op && slices.Equal(c.Attributes(), l.attrs)
}

func (l Shaped) might(g *audit.Gap) (yes, no bool) {
	return l.model == nil || g.Table == (audit.Table{}) || g.Table == l.model.Key.Table, true
}

func (l Shaped) bind(ctx context.Context, b *binding) (Node, error) {
	if b.Change == nil {
		return nil, l.at.fail(errors.New("there are no changes here"), "")
	}
	c, err := b.Change(ctx, l.Seq)
	if errors.Is(err, ErrUnknownName) {
		return nil, l.at.fail(fmt.Errorf("%w: there is no change %d", ErrUnknownName, l.Seq), "a search prints the numbers of changes first")
	}
	if err != nil {
		return nil, err
	}
	l.model, l.attrs = &c, c.Attributes()
	return l, nil
}

// part is what the sums know of the shape, before changes are read.
func (l Shaped) part() part {
	if l.model == nil {
		return perhaps{}
	}
	all := And{
		Field{FieldUser, Exactly(l.model.User)}, Field{FieldOp, Exactly(fold(string(l.model.Op)))},
		Field{FieldTable, Exactly(l.model.Key.Table.String())},
	}
	for _, name := range l.attrs {
		all = append(all, Field{FieldAttr, Exactly(name)})
	}
	return append(allOf(plans(all)), perhaps{})
}

// maxNested is how many saved queries may name one another.
const maxNested = 10

// Saved is a saved query, in place.
type Saved struct {
	Name  string
	at    place
	parse func(string) (Expr, error)
}

func (v Saved) String() string { return "@q:" + literal(v.Name) }

func (Saved) match(s *subject) bool { return s.unbound() }

func (Saved) might(*audit.Gap) (yes, no bool) { return true, true }

func (v Saved) bind(ctx context.Context, b *binding) (Node, error) {
	if b.Saved == nil {
		return nil, v.at.fail(errors.New("there are no saved queries here"), "")
	}
	if slices.Contains(b.within, v.Name) || len(b.within) >= maxNested {
		return nil, v.at.fail(fmt.Errorf("the saved query %q names itself, or others too deep", v.Name), "")
	}
	text, err := b.Saved(ctx, v.Name)
	if errors.Is(err, ErrUnknownName) {
		return nil, v.at.fail(err, "recourse queries list shows those that there are")
	}
	if err != nil {
		return nil, err
	}
	e, err := v.parse(text)
	if err != nil {
		return nil, v.fail(err)
	}
	inner := &binding{Names: b.Names, within: append(slices.Clone(b.within), v.Name)}
	n, err := bindNode(ctx, inner, e.Root())
	if err != nil {
		return nil, v.fail(err)
	}
	return n, nil
}

// fail is an error within the saved query, at the place where it is named.
func (v Saved) fail(err error) error {
	within, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		return v.at.fail(fmt.Errorf("the saved query %q: %w", v.Name, err), "")
	}
	reason := fmt.Sprintf("the saved query %q, column %d: %s", v.Name, within.column(), within.Reason)
	return &SyntaxError{Query: v.at.query, Offset: v.at.offset, Reason: reason, hint: within.hint, err: err}
}

// SavedNames are the saved queries that an expression names itself, as it stands.
func (e Expr) SavedNames() []string {
	var names []string
	_ = eachTerm(e.Root(), func(n Node) error {
		if v, ok := n.(Saved); ok {
			names = append(names, v.Name)
		}
		return nil // it collects, and does not fail
	})
	return names
}
