package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"recourse/audit"
)

// ErrUsual says that a query cannot be compared with what is usual.
var ErrUsual = errors.New("it cannot be compared with what is usual")

// notUsual says why.
type notUsual struct{ hinted }

func (*notUsual) Unwrap() error { return ErrUsual }

const day = 24 * time.Hour

// CompareUsual compares the changes that match with those of the same hours in the
// days before, as far back as is said. The expression must say from when on.
// Windows of which the log was not read whole are left out.
func (e *Engine) CompareUsual(ctx context.Context, expr Expr, back time.Duration, o CompareOptions) (*Comparison, error) {
	began := time.Now()
	expr, err := e.Names.Bind(ctx, expr)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	shifts, bounded, err := e.windows(expr, back)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	by := o.facets()
	first, err := e.Facets(ctx, expr, by, 0)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	out := &Comparison{}
	out.Summary.A = first.Total
	counts := make([]map[string]int, len(by))
	for i := range counts {
		counts[i] = map[string]int{}
	}
	for _, shift := range shifts {
		if err := e.window(ctx, shifted(bounded, shift), by, counts, out); err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
	}
	n := out.Summary.Windows
	if n > 0 {
		out.Summary.Expected = new(float64(out.Summary.B) / float64(n))
	}
	for i := range by {
		out.add(first.Facets[i], counts[i], o.Top, func(v *ComparedValue) { v.byWindows(n) })
	}
	return out, e.foot(ctx, &out.Summary.Footing, began, nil, exprScope(expr))
}

// windows are how far back the windows lie, and the expression with an end.
func (e *Engine) windows(expr Expr, back time.Duration) (shifts []audit.Time, bounded Expr, err error) {
	from, to := expr.Times()
	if back < day {
		return nil, expr, &notUsual{hinted{"a time to compare with that is less than a day", "take a longer time, such as 14d"}}
	}
	switch {
	case math.IsInf(float64(from), 0):
		return nil, expr, &notUsual{hinted{"the query sets no begin", "say what time is to be compared, such as @-2h or @2026-11-23"}}
	case hasTimes(expr.Root(), true):
		return nil, expr, &notUsual{hinted{"a time within or, or not", "set the time for the whole query, such as @-2h"}}
	}
	if math.IsInf(float64(to), 1) {
		now := time.Now
		if e.Now != nil {
			now = e.Now
		}
		to = audit.TimeOf(now())
		expr = Conjunction(expr, Of(When{Op: AtMost, At: to}))
	}
	const dayMS = audit.Time(day / time.Millisecond)
	step := audit.Time(math.Ceil(float64((to-from)/dayMS))) * dayMS
	step = max(step, dayMS)
	for shift := step; shift <= audit.Time(back/time.Millisecond); shift += step {
		shifts = append(shifts, shift)
	}
	if shifts == nil {
		return nil, expr, &notUsual{hinted{"the time that is asked for is longer than that to compare with", "take a longer time to compare with, or ask for less"}}
	}
	return shifts, expr, nil
}

// window counts the changes of one window, if its log was read whole.
func (e *Engine) window(ctx context.Context, expr Expr, by []audit.Facet, counts []map[string]int, out *Comparison) error {
	f, err := e.Facets(ctx, expr, by, 0)
	if err != nil {
		return err
	}
	from, to := expr.Times()
	w := BaselineWindow{From: Number(from), FromISO: ISO(from), To: Number(to), ToISO: ISO(to), Changes: f.Total, Used: f.Complete}
	out.Windows = append(out.Windows, w)
	if !w.Used {
		return nil
	}
	out.Summary.Windows++
	out.Summary.B += f.Total
	for i := range by {
		for _, v := range f.Facets[i].Top {
			counts[i][v.Value] += v.N
		}
	}
	return nil
}

// shifted is an expression about an earlier time: the times that it sets are moved
// back.
func shifted(e Expr, by audit.Time) Expr {
	var move func(Node) Node
	move = func(n Node) Node {
		switch n := n.(type) {
		case And:
			out := make(And, len(n))
			for i, part := range n {
				out[i] = move(part)
			}
			return out
		case When:
			return When{n.Op, n.At - by}
		}
		return n
	}
	return Of(move(e.Root()))
}

// hasTimes says that a test of times is within or or not; above says that the node
// itself is in neither.
func hasTimes(n Node, above bool) bool {
	some := func(nodes []Node, above bool) bool {
		return slices.ContainsFunc(nodes, func(n Node) bool { return hasTimes(n, above) })
	}
	switch n := n.(type) {
	case And:
		return some(n, above)
	case Or:
		return some(n, false)
	case Not:
		return hasTimes(n.Node, false)
	case When:
		return !above
	}
	return false
}
