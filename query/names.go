package query

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"recourse/audit"
)

// Names tell what a query's names of other things stand for. Each may be nil:
// then a query that has such a name is refused.
type Names struct {
	// List is the items of in(list:NAME), as they would stand in in(…).
	List func(ctx context.Context, name string) ([]string, error)
	// Alerts are all alerts, for alert:, risk: and @alert:.
	Alerts func(ctx context.Context) iter.Seq2[audit.Alert, error]
	// Label is the patterns of the tables with a label, as DATABASE.TABLE.
	Label func(ctx context.Context, label string) ([]string, error)
	// Change is the change of a number, for like:.
	Change func(ctx context.Context, seq audit.Seq) (audit.Change, error)
	// Saved is the text of a saved query, for @q:NAME.
	Saved func(ctx context.Context, name string) (string, error)
}

// ErrUnknownName says that a query names what there is not.
var ErrUnknownName = errors.New("unknown name")

// A place is where in a query a name stands.
type place struct {
	query  string
	offset int
}

func (p *parser) place(at int) place { return place{p.s, at} }

// fail is an error at the place.
func (p place) fail(err error, hint string) error {
	return &SyntaxError{Query: p.query, Offset: p.offset, Reason: err.Error(), hint: hint, err: err}
}

// A binder is a node that has names in it.
type binder interface {
	// bind is the node with what the names stand for. Its String is the same.
	bind(context.Context, *binding) (Node, error)
}

// A binding is names being bound.
type binding struct {
	*Names
	within []string // the saved queries that are being read
}

// Bind finds out what the names in an expression stand for: lists, alerts,
// labels, saved queries. An Engine does it for every expression. The error is a
// *SyntaxError where a name is unknown.
func (n *Names) Bind(ctx context.Context, e Expr) (Expr, error) {
	if e.root == nil {
		return e, nil
	}
	if n == nil {
		n = &Names{}
	}
	root, err := bindNode(ctx, &binding{Names: n}, e.root)
	return Expr{root}, err
}

func bindNode(ctx context.Context, b *binding, n Node) (Node, error) {
	switch n := n.(type) {
	case And:
		nodes, err := bindNodes(ctx, b, n)
		return And(nodes), err
	case Or:
		nodes, err := bindNodes(ctx, b, n)
		return Or(nodes), err
	case Not:
		inner, err := bindNode(ctx, b, n.Node)
		return Not{inner}, err
	case binder:
		return n.bind(ctx, b)
	}
	return n, nil
}

func bindNodes(ctx context.Context, b *binding, nodes []Node) ([]Node, error) {
	out := make([]Node, len(nodes))
	for i, n := range nodes {
		var err error
		if out[i], err = bindNode(ctx, b, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// texts are the items of a list.
func (b *binding) texts(ctx context.Context, l listName) ([]string, error) {
	if b.List == nil {
		return nil, l.at.fail(fmt.Errorf("there are no lists here: %q", l.name), "")
	}
	items, err := b.List(ctx, l.name)
	if errors.Is(err, ErrUnknownName) {
		return nil, l.at.fail(err, "make it with recourse lists set "+l.name)
	}
	return items, err
}

func (f Field) bind(ctx context.Context, b *binding) (Node, error) {
	p, err := f.Pattern.bind(ctx, b)
	f.Pattern = p
	return f, err
}

func (p Pattern) bind(ctx context.Context, b *binding) (Pattern, error) {
	if p.kind != among || p.set.list.name == "" {
		return p, nil
	}
	items, err := b.texts(ctx, p.set.list)
	if err != nil {
		return p, err
	}
	s := newTextSet(items)
	s.list = p.set.list
	p.set = s
	return p, nil
}

func (t Test) bind(ctx context.Context, b *binding) (Test, error) {
	if t.Op != Among || t.Set.list.name == "" {
		return t, nil
	}
	items, err := b.texts(ctx, t.Set.list)
	if err != nil {
		return t, err
	}
	values := make([]audit.Value, 0, 2*len(items))
	for _, item := range items {
		v := setItem{item, true}.value()
		if values = append(values, v); v.Kind() != audit.KindText {
			values = append(values, audit.Text(item)) // the list does not say which is meant
		}
	}
	s := newValueSet(values)
	s.list = t.Set.list
	t.Set = s
	return t, nil
}

func (i ID) bind(ctx context.Context, b *binding) (Node, error) {
	t, err := i.Test.bind(ctx, b)
	return ID{t}, err
}

func (a Attribute) bind(ctx context.Context, b *binding) (Node, error) {
	t, err := a.Test.bind(ctx, b)
	a.Test = t
	return a, err
}
