package query

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// An outcome is the changes of a section that match, all told.
type outcome struct {
	all     *roaring.Bitmap
	trusted *roaring.Bitmap // those of them that the sums are right about
}

// tell reads what may match. It shows, one at a time, the changes that match and
// that the sums may be wrong about, if there is somebody to see them. If ctx ends
// first, the outcome is of what was told until then, beside the error.
func (r *run) tell(ctx context.Context, p *planned, see func(*audit.Change)) (outcome, error) {
	doubt, err := p.doubtful(ctx, r.view)
	if err != nil {
		return outcome{p.empty, p.empty}, err
	}
	m := outcome{all: p.sure}
	var mu sync.Mutex
	if !p.exact() {
		unsure := roaring.AndNot(p.may, p.sure)
		var found []uint32
		err := r.scan(ctx, p.section, unsure, true, func(offset uint32, c *audit.Change) {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, offset)
			if see != nil && doubt.Contains(offset) {
				see(c)
			}
		})
		slices.Sort(found)
		m.all = roaring.Or(p.sure, roaring.BitmapOf(found...))
		if err != nil {
			m.trusted = roaring.AndNot(m.all, doubt)
			return m, err
		}
	}
	m.trusted = m.all
	if doubt.IsEmpty() || see == nil {
		return m, nil
	}
	m.trusted = roaring.AndNot(m.all, doubt)
	return m, r.scan(ctx, p.section, roaring.And(p.sure, doubt), false, func(_ uint32, c *audit.Change) {
		mu.Lock()
		defer mu.Unlock()
		see(c)
	})
}

// scan reads changes of a section and hands over those that match, several at
// once; or all of them, if they are not to be held against the expression.
func (r *run) scan(ctx context.Context, s *section, set *roaring.Bitmap, hold bool, keep func(offset uint32, c *audit.Change)) error {
	if set.IsEmpty() {
		return nil
	}
	began := time.Now()
	offsets := set.ToArray()
	seqs := make([]audit.Seq, len(offsets))
	for i, o := range offsets {
		seqs[i] = s.First + audit.Seq(o)
	}
	subjects, matched := make([]subject, r.parallel), make([]int, r.parallel)
	var w wanted
	if hold {
		w.word = r.word
	}
	blocks, err := r.look(ctx, seqs, w, func(worker, i int, c *audit.Change) error {
		ok, err := true, error(nil)
		if hold {
			ok, err = r.decide(&subjects[worker], c)
		}
		if ok && err == nil {
			matched[worker]++
			keep(offsets[i], c)
		}
		return err
	})
	step := Step{What: StepRead, Blocks: blocks, Changes: len(seqs), Took: time.Since(began)}
	if hold {
		step.What = StepScan
	}
	for _, n := range matched {
		step.Matched += n
	}
	r.notes.add(step)
	return err
}

// An Answer is what all answers that are counts have in common.
type Answer struct {
	Total int // changes that match
	// Partial says why this is not all: the question was interrupted. Empty: it is all.
	Partial string
	Coverage
	Took time.Duration
	Explanation
}

// answer opens a run for an expression, has each of its sections with a match
// counted, and says what can be said of every answer. If ctx ends first, what was
// counted until then is the answer, beside the error.
func (e *Engine) answer(ctx context.Context, expr Expr, count func(*run, []*planned) (int, error)) (Answer, error) {
	began := time.Now()
	var a Answer
	r, err := e.open(ctx, expr, Position{})
	if err != nil {
		return a, err
	}
	defer r.close()
	sections, err := r.plan(ctx)
	if err != nil {
		return a, err
	}
	var ended error
	if a.Total, ended = count(r, sections); ended != nil {
		if !interrupted(ctx, ended) {
			return a, ended
		}
		a.Partial = Interrupted
	}
	if a.Coverage, err = e.coverage(context.WithoutCancel(ctx), r.expr); err != nil {
		return a, err
	}
	a.Took, a.Explanation = time.Since(began), r.notes.explanation()
	return a, ended
}
