package query

import (
	"context"
	"fmt"
	"runtime"
	"sort"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A run is one question at work on one view.
type run struct {
	view     View
	sieve    Sieve      // nil: the view has none
	sketcher Sketcher   // nil likewise
	words    WordFinder // nil for none
	indexed  audit.Seq  // up to here words are known
	expr     Expr
	word     word                // that all changes have that match
	found    map[uint32][]string // by block the words of the index that word begins; nil: not known
	part     part
	after    Position
	parallel int
	notes    *notes
	sections []*section // all chunks
	rules    []ruleSet
	first    map[string]map[int]*roaring.Bitmap // of each First, by chunk
	ruled    func(Pattern, audit.Seq) bool      // nil: no rule is asked for
}

// ruleSet is the changes that a pattern of rules has as evidence, by chunk.
type ruleSet struct {
	pattern string
	sets    map[int]*roaring.Bitmap
}

// open begins a run. The caller closes it.
func (e *Engine) open(ctx context.Context, expr Expr, after Position) (*run, error) {
	expr, err := e.Names.Bind(ctx, expr)
	if err != nil {
		return nil, err
	}
	r := &run{expr: expr, word: wordOf(expr.Root()), part: plan(expr.Root()), after: after, parallel: e.Parallel, notes: &notes{}}
	if r.parallel <= 0 {
		r.parallel = runtime.GOMAXPROCS(0)
	}
	opener, late := e.Words.(WordOpener)
	if e.Words != nil && (!late || looksUp(r.part)) {
		if late {
			if err := opener.Open(); err != nil {
				return nil, err
			}
		}
		// In this order: what is indexed meanwhile is then found twice.
		r.words, r.indexed = e.Words, e.Words.Progress()
	}
	began := time.Now()
	view, err := e.Store.View(ctx)
	if err != nil {
		return nil, err
	}
	r.view = watched{view, r.notes}
	r.sieve, _ = view.(Sieve)
	r.sketcher, _ = view.(Sketcher)
	if r.indexed > view.Last() {
		view.Close()
		return nil, ErrIndexAhead
	}
	chunks := view.Chunks()
	for _, c := range chunks {
		r.sections = append(r.sections, newSection(c))
	}
	r.notes.add(Step{What: StepView, Chunks: len(chunks), Changes: int(view.Last()), Took: time.Since(began)})
	return r, nil
}

func (r *run) close() { r.view.Close() }

// A planned section has changes that match or may.
type planned struct {
	*section
	verdict
	alone bool // no other's times reach into those of this one
}

// plan judges all chunks, and gives those with something in them, the one with
// the latest time first.
func (r *run) plan(ctx context.Context) ([]*planned, error) {
	began := time.Now()
	limits := limitsOf(r.expr.Root())
	if err := r.findRules(ctx); err != nil {
		return nil, err
	}
	var out []*planned
	var left, sure, may int
	for _, s := range r.sections {
		if limits.outside(s.Chunk) {
			left++
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := r.part.judge(ctx, r, s, s.full)
		if err != nil {
			return nil, err
		}
		if v.may.IsEmpty() {
			continue
		}
		out = append(out, &planned{section: s, verdict: v})
		sure += int(v.sure.GetCardinality())
		may += int(v.may.GetCardinality())
	}
	inOrder(out)
	if left > 0 {
		r.notes.add(Step{What: StepLimits, Chunks: left})
	}
	r.notes.add(Step{What: StepPlan, Chunks: len(out), Changes: may, Matched: sure, Took: time.Since(began)})
	return out, nil
}

// findRules gathers what the sums know of the rules and the firsts that the
// expression asks for, so that changes which are read can be held against it.
func (r *run) findRules(ctx context.Context) error {
	return eachTerm(r.expr.Root(), func(n Node) error {
		switch n := n.(type) {
		case Field:
			if n.Name == FieldRule {
				return r.addRules(ctx, n)
			}
		case First:
			_, err := r.firsts(ctx, n)
			return err
		}
		return nil
	})
}

// eachTerm calls do with each node that And, Or and Not join, from left to right, until
// an error.
func eachTerm(n Node, do func(Node) error) error {
	var joined []Node
	switch n := n.(type) {
	case And:
		joined = n
	case Or:
		joined = n
	case Not:
		return eachTerm(n.Node, do)
	default:
		return do(n)
	}
	for _, n := range joined {
		if err := eachTerm(n, do); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) addRules(ctx context.Context, f Field) error {
	set := ruleSet{f.Pattern.String(), map[int]*roaring.Bitmap{}}
	p := planField(f)
	for _, s := range r.sections {
		v, err := p.judge(ctx, r, s, s.full)
		if err != nil {
			return err
		}
		set.sets[s.Index] = v.may
	}
	r.rules, r.ruled = append(r.rules, set), r.hasRule
	return nil
}

// hasRule says whether the sums have a change as evidence for a rule.
func (r *run) hasRule(p Pattern, seq audit.Seq) bool {
	for _, set := range r.rules {
		if set.pattern == p.String() {
			s := r.sectionOf(seq)
			return s != nil && set.sets[s.Index].Contains(uint32(seq-s.First))
		}
	}
	return false
}

// decide says whether a change that was read matches.
func (r *run) decide(s *subject, c *audit.Change) (bool, error) {
	*s = subject{c: c, ruled: r.ruled, run: r}
	ok := r.expr.Root().match(s)
	return ok, s.err
}

// sectionOf is the section that a change is in; nil if there is none.
func (r *run) sectionOf(seq audit.Seq) *section {
	i := sort.Search(len(r.sections), func(i int) bool { return r.sections[i].last() >= seq })
	if i == len(r.sections) || seq < r.sections[i].First {
		return nil
	}
	return r.sections[i]
}

// errMissing says that the store names a change that it cannot give.
func errMissing(seq audit.Seq) error {
	return fmt.Errorf("read change %d: the store did not give it", seq)
}
