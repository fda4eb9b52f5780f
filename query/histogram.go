package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// Histogram is the changes that match, counted by time.
type Histogram struct {
	Answer
	Step    time.Duration
	Buckets []Bucket // without a gap: from the first to the last that is asked for, or has a match
	// Series are what the buckets are parted into, the largest first; nil if they
	// are not. Others says that the last one is all other values together.
	Series []string
	Others bool
	// Outside is how many changes have a time that no calendar has; they are in no
	// bucket.
	Outside int
}

// A Bucket is the changes of a stretch of time.
type Bucket struct {
	From, To audit.Time // To does not belong to it
	N        int
	Parts    []int // by series; a change with several values counts for each
}

// HistogramOptions say how changes are counted by time. The zero value finds a
// step that makes a few dozen buckets.
type HistogramOptions struct {
	Step time.Duration // of the buckets, which begin at its multiples since 1970 in UTC; 0: one is chosen
	By   audit.Facet   // 0: they are not parted
	Top  int           // series at most, the others being one; 0 is 10
	// Named are the series to make, in this order, with one of all others behind them;
	// nil: the largest.
	Named []string
}

// maxBuckets is how many buckets a histogram may have.
const maxBuckets = 100_000

// ErrBuckets says that a histogram would have more buckets than anybody can look
// at.
var ErrBuckets error = &hinted{fmt.Sprintf("more than %d buckets", maxBuckets), "take a longer step, or ask for less time, such as @-24h"}

// The last time that a date of JavaScript can have, and the first, less.
const calendarEnd = audit.Time(8.64e15)

// Histogram counts the changes that match by time, exactly. If ctx ends first, those
// that were found until then are returned beside the error, and its Partial says so.
func (e *Engine) Histogram(ctx context.Context, expr Expr, o HistogramOptions) (*Histogram, error) {
	if o.Step < 0 || o.Step%time.Millisecond != 0 {
		return nil, errors.New("count by time: a step is whole milliseconds")
	}
	h := &Histogram{}
	var err error
	h.Answer, err = e.answer(ctx, expr, func(r *run, sections []*planned) (int, error) {
		b := &bucketing{run: r, facet: o.By, named: o.Named}
		return b.count(ctx, r.expr, sections, o, h)
	})
	if err != nil {
		err = fmt.Errorf("count by time: %w", err)
		if h.Partial == "" {
			return nil, err
		}
	}
	return h, err
}

// bucketing is a histogram in the making.
type bucketing struct {
	run   *run
	facet audit.Facet
	step  audit.Time // milliseconds
	first float64    // the number of the first bucket, counted from 1970
	n     []int
	parts map[string][]int
	named []string
	rest  []int // of the series that are not named
	out   int
}

// count tells all matches, decides on the buckets, and fills them.
func (b *bucketing) count(ctx context.Context, expr Expr, sections []*planned, o HistogramOptions, h *Histogram) (int, error) {
	total := 0
	told := make([]outcome, len(sections))
	type valued struct {
		at     audit.Time
		values []string
	}
	var seen []valued // those that the sums may be wrong about
	see := func(c *audit.Change) { seen = append(seen, valued{c.Time, valuesOf(c, b.facet)}) }
	if b.facet == 0 || b.facet == audit.FacetRule {
		see = nil
	}
	from, to := expr.Times()
	first, last := audit.Time(math.Inf(1)), audit.Time(math.Inf(-1))
	var ended error
	for i, p := range sections {
		var err error
		if told[i], err = b.run.tell(ctx, p, see); err != nil {
			if !interrupted(ctx, err) {
				return 0, err
			}
			ended, ctx, sections = err, context.WithoutCancel(ctx), sections[:i+1]
		}
		if !told[i].all.IsEmpty() {
			total += int(told[i].all.GetCardinality())
			low, high, err := b.run.ends(ctx, p.section, told[i].all)
			if err != nil {
				return 0, err
			}
			first, last = min(first, low), max(last, high)
		}
		if ended != nil {
			break
		}
	}
	if inCalendar(from) {
		first = from
	}
	if inCalendar(to) {
		last = to
	}
	if err := b.lay(first, last, o.Step); err != nil {
		return 0, err
	}
	for i, p := range sections {
		if err := b.fill(ctx, p.section, told[i]); err != nil {
			return 0, err
		}
	}
	for _, c := range seen {
		for _, value := range c.values {
			b.add(b.series(value), c.at)
		}
	}
	b.finish(h, o)
	return total, ended
}

func inCalendar(t audit.Time) bool { return -calendarEnd <= t && t <= calendarEnd }

// ends are the earliest and the latest time within the calendar among a
// section's changes.
func (r *run) ends(ctx context.Context, s *section, set *roaring.Bitmap) (first, last audit.Time, err error) {
	first, last = audit.Time(math.Inf(1)), audit.Time(math.Inf(-1))
	times, err := r.view.Times(ctx, s.Index)
	if err != nil {
		return first, last, err
	}
	if s.Ordered && inCalendar(s.Min) && inCalendar(s.Max) {
		return times[set.Minimum()], times[set.Maximum()], nil
	}
	set.Iterate(func(o uint32) bool {
		if t := times[o]; inCalendar(t) {
			first, last = min(first, t), max(last, t)
		}
		return true
	})
	return first, last, nil
}

// steps are those that are chosen from.
var steps = []time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour, 364 * 24 * time.Hour, 3640 * 24 * time.Hour, 36400 * 24 * time.Hour,
}

// lay makes empty buckets for the time from first to last.
func (b *bucketing) lay(first, last audit.Time, step time.Duration) error {
	const chosen = 60 // buckets at most, if the step may be chosen
	if step == 0 {
		step = steps[len(steps)-1]
		for _, s := range steps {
			if ms := audit.Time(s / time.Millisecond); last < first || last-first < chosen*ms {
				step = s
				break
			}
		}
		if last < first {
			step = time.Hour
		}
	}
	b.step = audit.Time(step / time.Millisecond)
	b.parts = map[string][]int{}
	if last < first {
		return nil
	}
	b.first = math.Floor(float64(first / b.step))
	n := math.Floor(float64(last/b.step)) - b.first + 1
	if n > maxBuckets {
		return ErrBuckets
	}
	b.n = make([]int, int(n))
	if b.named != nil {
		b.rest = make([]int, int(n))
	}
	return nil
}

// bucketOf is the place of a time's bucket; -1 if it has none.
func (b *bucketing) bucketOf(t audit.Time) int {
	if !inCalendar(t) {
		return -1
	}
	i := math.Floor(float64(t/b.step)) - b.first
	if i < 0 || i >= float64(len(b.n)) {
		return -1 // unreachable: all matches lie within
	}
	return int(i)
}

func (b *bucketing) add(to []int, t audit.Time) {
	if i := b.bucketOf(t); i >= 0 {
		to[i]++
	}
}

func (b *bucketing) series(value string) []int {
	if b.named != nil && !slices.Contains(b.named, value) {
		return b.rest
	}
	s := b.parts[value]
	if s == nil {
		s = make([]int, len(b.n))
		b.parts[value] = s
	}
	return s
}

// finish makes the histogram of what was counted.
func (b *bucketing) finish(h *Histogram, o HistogramOptions) {
	h.Step, h.Outside = time.Duration(b.step)*time.Millisecond, b.out
	var columns [][]int
	switch {
	case b.facet == 0:
	case b.named != nil:
		for _, value := range b.named {
			columns = append(columns, b.series(value))
		}
		h.Series, columns, h.Others = b.named, append(columns, b.rest), true
	default:
		h.Series, columns, h.Others = b.topSeries(o.Top)
	}
	for i, n := range b.n {
		from := audit.Time(b.first+float64(i)) * b.step
		bucket := Bucket{From: from, To: from + b.step, N: n}
		for _, c := range columns {
			bucket.Parts = append(bucket.Parts, c[i])
		}
		h.Buckets = append(h.Buckets, bucket)
	}
}

func (b *bucketing) topSeries(top int) (names []string, columns [][]int, others bool) {
	if top <= 0 {
		top = 10
	}
	sums := map[string]int{}
	for value, s := range b.parts {
		for _, n := range s {
			sums[value] += n
		}
	}
	ranked := topOf(b.facet, sums, 0).Top
	names = []string{}
	for i, v := range ranked {
		s := b.parts[v.Value]
		if i < top {
			names, columns = append(names, v.Value), append(columns, s)
			continue
		}
		if !others {
			others = true
			columns = append(columns, slices.Clone(s))
			continue
		}
		for j, n := range s {
			columns[top][j] += n
		}
	}
	return names, columns, others
}
