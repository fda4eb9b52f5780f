package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"recourse/audit"
)

// CompareOptions say by what two sets of changes are compared. The zero value
// compares user, op, table, node, attr and rule.
type CompareOptions struct {
	By  []audit.Facet
	Top int // values of each facet, those that differ most; 0 is all
}

// A Comparison is how two sets of changes differ, or one and what is usual.
type Comparison struct {
	Facets  []ComparedFacet   `json:"facets"`
	Windows []BaselineWindow  `json:"windows,omitempty"` // of a comparison with what is usual
	Summary ComparisonSummary `json:"summary"`
}

// A ComparedFacet is the values of one facet, those first that differ most.
type ComparedFacet struct {
	Facet    string          `json:"facet"`
	Distinct int             `json:"distinct"` // how many values there are in both
	Values   []ComparedValue `json:"values"`
}

// A ComparedValue is how often a value was found in both sets.
type ComparedValue struct {
	Value string `json:"value"`
	A     int    `json:"a"` // changes of the first set
	B     int    `json:"b"` // and of the second, or of all windows together
	// Expected is how many there would be in the first set if it were like the
	// second: by the share there or, against what is usual, the mean of the windows.
	// Null: there is nothing to compare with.
	Expected *float64 `json:"expected"`
	Lift     *float64 `json:"lift"`  // A for each that is expected; null where none is
	Score    float64  `json:"score"` // standard deviations from what is expected; 0 where that is not known
}

// A BaselineWindow is an earlier time of the same hours.
type BaselineWindow struct {
	From    *audit.Time `json:"from"`
	FromISO *string     `json:"from_iso"`
	To      *audit.Time `json:"to"`
	ToISO   *string     `json:"to_iso"`
	Changes int         `json:"changes"`
	Used    bool        `json:"used"` // the log was read whole there; the others say nothing of what is usual
}

// A ComparisonSummary is of both sets. The coverage is that of the first.
type ComparisonSummary struct {
	A         int      `json:"a"`
	B         int      `json:"b"`
	Windows   int      `json:"windows,omitempty"` // that were used
	Expected  *float64 `json:"expected"`
	CoverageB *Stated  `json:"coverage_b,omitempty"` // of the second set
	Footing
}

// Found says that there is something to compare.
func (c *Comparison) Found() bool { return c.Summary.A+c.Summary.B > 0 }

// Compare says by which values two sets of changes differ, a change that is in both
// counting for both.
func (e *Engine) Compare(ctx context.Context, a, b Expr, o CompareOptions) (*Comparison, error) {
	began := time.Now()
	a, err := e.Names.Bind(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	by := o.facets()
	first, err := e.Facets(ctx, a, by, 0)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	second, err := e.Facets(ctx, b, by, 0)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	out := &Comparison{}
	out.Summary.A, out.Summary.B = first.Total, second.Total
	out.Summary.CoverageB = &Stated{second.Coverage}
	if second.Total > 0 {
		share := float64(first.Total) / float64(second.Total)
		out.Summary.Expected = new(float64(second.Total) * share)
	}
	for i := range by {
		out.add(first.Facets[i], countsOf(second.Facets[i]), o.Top, func(v *ComparedValue) {
			v.bySets(first.Total, second.Total)
		})
	}
	return out, e.foot(ctx, &out.Summary.Footing, began, nil, exprScope(a))
}

func (o CompareOptions) facets() []audit.Facet {
	if o.By != nil {
		return o.By
	}
	return []audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable, audit.FacetNode, audit.FacetAttribute, audit.FacetRule}
}

func countsOf(f FacetCounts) map[string]int {
	out := make(map[string]int, len(f.Top))
	for _, v := range f.Top {
		out[v.Value] = v.N
	}
	return out
}

// add compares one facet's values.
func (c *Comparison) add(a FacetCounts, b map[string]int, top int, judge func(*ComparedValue)) {
	values := maps.Clone(b)
	for _, v := range a.Top {
		values[v.Value] += 0
	}
	first := countsOf(a)
	out := ComparedFacet{Facet: a.Facet.String(), Distinct: len(values), Values: []ComparedValue{}}
	for name := range values {
		v := ComparedValue{Value: name, A: first[name], B: b[name]}
		judge(&v)
		out.Values = append(out.Values, v)
	}
	slices.SortFunc(out.Values, func(x, y ComparedValue) int {
		return cmp.Or(cmp.Compare(math.Abs(y.Score), math.Abs(x.Score)), cmp.Compare(y.A, x.A), cmp.Compare(x.Value, y.Value))
	})
	if top > 0 {
		out.Values = out.Values[:min(top, len(out.Values))]
	}
	c.Facets = append(c.Facets, out)
}

// bySets compares shares of two sets of so many changes: the score is that of two
// proportions.
func (v *ComparedValue) bySets(a, b int) {
	if b == 0 {
		return
	}
	v.expect(float64(v.B) / float64(b) * float64(a))
	if a == 0 {
		return
	}
	p := float64(v.A+v.B) / float64(a+b)
	v.score(float64(a) * math.Sqrt(p*(1-p)*(1/float64(a)+1/float64(b))))
}

// byWindows compares with the mean of so many windows: the score is that of a
// count whose variance is its mean, but for that the mean is itself only known from
// so many.
func (v *ComparedValue) byWindows(n int) {
	if n == 0 {
		return
	}
	mean := float64(v.B) / float64(n)
	v.expect(mean)
	v.score(math.Sqrt(max(mean, 1) * (1 + 1/float64(n))))
}

func (v *ComparedValue) expect(n float64) {
	v.Expected = &n
	if n > 0 {
		v.Lift = new(float64(v.A) / n)
	}
}

func (v *ComparedValue) score(deviation float64) {
	if deviation > 0 {
		v.Score = (float64(v.A) - *v.Expected) / deviation
	}
}
