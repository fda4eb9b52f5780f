package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/internal/querytest"
	"recourse/query"
	"recourse/store"
)

// soak says that a test may take long.
func soak() bool { return os.Getenv("RECOURSE_SOAK") != "" }

// A searched store is one that questions are asked of.
type searched struct{ *store.DB }

func (s searched) View(ctx context.Context) (query.View, error) { return s.DB.View(ctx) }

// A world is a store, an index that follows it when it likes, and a story.
type world struct {
	t     testing.TB
	r     *rand.Rand
	dir   string
	o     store.Options
	db    *store.DB
	x     *index.Index
	story *story
	hits  audit.Seq
	batch int // changes of a batch at most
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 12)), dir: t.TempDir(), story: newStory(seed), o: store.Options{Memory: 1, NoSync: true}}
	w.o.Chunks([]int{100, 8, 300, 256, 37}[seed%5], 2+w.r.IntN(4))
	w.batch = []int{60, 30, 80, 150, 5}[seed/2%5]
	w.open()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = store.Open(filepath.Join(w.dir, "store"), w.o)
	w.must(err)
	w.x, err = index.Open(filepath.Join(w.dir, "index"), index.Options{Memory: 1 << 16})
	w.must(err)
}

func (w *world) close() error { return errors.Join(w.x.Close(), w.db.Close()) }

// step lets something happen.
func (w *world) step() {
	w.t.Helper()
	switch n := w.r.IntN(40); {
	case n < 28:
		_, err := w.db.Append(w.t.Context(), w.story.batch(w.batch))
		w.must(err)
	case n < 34:
		_, err := w.x.Follow(w.t.Context(), w.db)
		w.must(err)
	case n < 37:
		w.resum()
	case n < 38:
		w.must(w.x.Refresh(w.t.Context(), w.db, []int{w.r.IntN(9), w.r.IntN(9)}))
	default:
		w.must(w.close())
		w.open()
	}
}

// resum sums up some of the chunks again of which more is known, as the daemon
// does: their words first.
func (w *world) resum() {
	w.t.Helper()
	doubts := w.doubts()
	v, err := w.db.View(w.t.Context())
	w.must(err)
	chunks := v.Chunks()
	v.Close()
	for _, chunk := range slices.Sorted(maps.Keys(doubts)) {
		if w.r.IntN(3) > 0 {
			continue
		}
		var blocks []int
		for _, off := range doubts[chunk].ToArray() {
			blocks = append(blocks, audit.BlockOf(chunks[chunk].First+audit.Seq(off)))
		}
		w.must(w.x.Refresh(w.t.Context(), w.db, blocks))
		if w.r.IntN(5) > 0 { // or it is cut off here
			w.must(w.db.Resum(w.t.Context(), chunk, doubts[chunk]))
		}
	}
}

// TestOracle holds every answer to random questions against a plain scan of what
// the store tells: the changes, their order, totals and pages, counts, facets and
// histograms, while the index lags, sums are doubtful and the store grows.
func TestOracle(t *testing.T) {
	seeds, steps, questions := uint64(3), 40, 4
	if soak() {
		seeds, steps, questions = 100, 80, 100
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			defer func() { w.must(w.close()) }()
			for i := range steps {
				w.step()
				if i%10 == 9 {
					w.ask(questions)
				}
			}
			w.ask(8 * questions)
			w.readings()
			w.showsMuch()
			whole(t, w.db)
		})
	}
}

// showsMuch makes sure that the story had of everything.
func (w *world) showsMuch() {
	w.t.Helper()
	changes := followed(w.t, w.db)
	seen := map[string]int{}
	for i := range changes {
		c := &changes[i]
		seen["before "+c.Before.State.String()+" "+c.Before.Source.String()]++
		if i > 0 && c.Time < changes[i-1].Time {
			seen["late"]++
		}
		if len(c.After.Body) > 16<<10 {
			seen["large"]++
		}
		if c.Cluster != "" {
			seen["another cluster"]++
		}
		d, err := w.db.Divergences(w.t.Context(), c.Seq)
		w.must(err)
		seen["divergences"] += len(d)
	}
	for _, err := range w.db.AmendedSince(w.t.Context(), 0) {
		w.must(err)
		seen["amended"]++
	}
	seen["indexed"] = int(w.x.Progress())
	for _, set := range w.doubts() {
		seen["doubtful"] += int(set.GetCardinality())
	}
	w.t.Logf("%d changes: %v", len(changes), seen)
	if len(changes) < 600 {
		return
	}
	for _, what := range []string{"late", "large", "another cluster", "divergences", "amended", "doubtful", "before present baseline", "before present folded", "before present logged"} {
		if seen[what] == 0 {
			w.t.Errorf("the story has nothing of: %s", what)
		}
	}
}

var questionsFrom = time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)

// ask asks so many questions.
func (w *world) ask(questions int) {
	w.t.Helper()
	w.hits = hit(w.t, w.db, w.hits)
	changes := followed(w.t, w.db)
	e := &query.Engine{Store: searched{w.db}, Words: w.x, Parallel: w.r.IntN(3), Names: querytest.Names(changes)}
	g := querytest.NewCorpus(uint64(len(changes))) // its own, so that what is asked does not change the story
	for range questions {
		text := g.Query(w.r.IntN(4))
		expr, err := query.Parse(text, questionsFrom)
		if err != nil {
			w.t.Fatalf("%s: %v", text, err)
		}
		o := oracle{w: w, e: e, expr: expr, want: querytest.Scan(changes, expr)}
		o.pages([]int{1, 7, 50, 700}[w.r.IntN(4)])
		o.skip(w.r.IntN(60), w.r.IntN(60))
		o.counts(w.r.IntN(4))
	}
}

// An oracle knows what a question's answer must be.
type oracle struct {
	w    *world
	e    *query.Engine
	expr query.Expr
	want []audit.Change // newest first
}

func (o *oracle) fail(format string, args ...any) {
	o.w.t.Helper()
	o.w.t.Fatalf("%s: %s", o.expr, fmt.Sprintf(format, args...))
}

// same compares changes with their images.
func (o *oracle) same(got, want []audit.Change) {
	o.w.t.Helper()
	if len(got) != len(want) {
		o.fail("%v, want %v", numbers(got), numbers(want))
	}
	for i := range got {
		if !alike(&got[i], &want[i]) {
			o.fail("change %d at place %d is %+v, want %+v", got[i].Seq, i, got[i], want[i])
		}
	}
}

func numbers(changes []audit.Change) []audit.Seq {
	var all []audit.Seq
	for i := range changes {
		all = append(all, changes[i].Seq)
	}
	return all
}

// alike says that two changes are the same in everything.
func alike(a, b *audit.Change) bool {
	return a.Seq == b.Seq && a.ID == b.ID && a.Op == b.Op && a.User == b.User && a.Node == b.Node && a.Cluster == b.Cluster && a.Time == b.Time && a.Key == b.Key &&
		a.Late == b.Late && a.Lossy == b.Lossy && a.Note == b.Note && a.Group == b.Group && a.Sent.Equal(b.Sent) && sameImage(a.Before, b.Before) && sameImage(a.After, b.After)
}

func sameImage(a, b audit.Image) bool {
	return a.State == b.State && a.Source == b.Source && a.Trust == b.Trust && a.Body.Equal(b.Body)
}

// pages turns over some pages.
func (o *oracle) pages(limit int) {
	o.w.t.Helper()
	q := query.Query{Expr: o.expr, Limit: limit}
	var got []audit.Change
	for range 3 {
		r, err := o.e.Search(o.w.t.Context(), q)
		if err != nil {
			o.fail("%v", err)
		}
		got = append(got, r.Changes...)
		if s := r.Summary; s.TotalExact && s.Total != len(o.want) || s.Total > len(o.want) || q.After == "" && !s.TotalExact {
			o.fail("total %d, exact %v, want %d", s.Total, s.TotalExact, len(o.want))
		}
		if q.After = r.Summary.Next; q.After == "" {
			o.same(got, o.want)
			return
		}
	}
	o.same(got, o.want[:min(3*limit, len(o.want))])
}

func (o *oracle) skip(skip, limit int) {
	o.w.t.Helper()
	r, err := o.e.Search(o.w.t.Context(), query.Query{Expr: o.expr, Limit: limit, Skip: skip})
	if err != nil {
		o.fail("skipping %d: %v", skip, err)
	}
	want := o.want[min(skip, len(o.want)):]
	if limit > 0 {
		want = want[:min(limit, len(want))]
	}
	o.same(r.Changes, want)
}

// readings compares the other ways to read changes with Follow.
func (w *world) readings() {
	w.t.Helper()
	changes := followed(w.t, w.db)
	o := oracle{w: w}
	histories := map[audit.Key][]audit.Change{}
	for _, c := range sortedByPlace(changes) {
		histories[c.Key] = append(histories[c.Key], c)
	}
	for k, want := range histories {
		var got []audit.Change
		for c, err := range w.db.History(w.t.Context(), k) {
			w.must(err)
			got = append(got, c)
		}
		o.same(got, want)
	}
	v, err := w.db.View(w.t.Context())
	w.must(err)
	defer v.Close()
	var blocks []audit.Change
	for n := 0; len(blocks) < len(changes); n++ {
		block, err := v.Block(w.t.Context(), n)
		w.must(err)
		blocks = append(blocks, block...)
	}
	o.same(blocks, changes)
	read, err := v.Read(w.t.Context(), numbers(changes))
	w.must(err)
	o.same(read, changes)
	for i := range changes {
		c := &changes[i]
		if seq, found, err := w.db.Lookup(w.t.Context(), c.ID); err != nil || !found || seq != c.Seq {
			w.t.Fatalf("change %d is found as %d, %v, %v", c.Seq, seq, found, err)
		}
	}
}
