package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
	"recourse/store"
)

// A held store is asked at one moment while it grows.
type held struct {
	*store.DB
	view *store.View
}

// heldView is closed by who holds it.
type heldView struct{ *store.View }

func (heldView) Close() {}

func (h held) View(context.Context) (query.View, error) { return heldView{h.view}, nil }

// TestOracleWhileWriting has two ask while a third appends, follows with the
// index and sums up again: each of their answers is what a plain scan of the
// same moment finds.
func TestOracleWhileWriting(t *testing.T) {
	rounds := 6
	if soak() {
		rounds = 300
	}
	w := newWorld(t, 3)
	defer func() { w.must(w.close()) }()
	for range 5 {
		_, err := w.db.Append(t.Context(), w.story.batch(w.batch))
		w.must(err)
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	// An index that is told of a later reading forgets the earlier one, which a
	// moment before it still has.
	var forgets sync.RWMutex
	for i := range 2 {
		all.Go(func() {
			g := querytest.NewCorpus(uint64(100 + i))
			for range rounds {
				forgets.RLock()
				err := askMoment(t.Context(), w, g)
				forgets.RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() {
		all.Wait()
		close(done)
	}()
	// The first world's steps without opening again.
	for i := 0; ; i++ {
		select {
		case <-done:
			whole(t, w.db)
			return
		default:
		}
		switch {
		case i%9 == 8:
			forgets.Lock()
			w.resum()
			forgets.Unlock()
		case i%5 == 4:
			_, err := w.x.Follow(t.Context(), w.db)
			w.must(err)
		case w.db.Last() < 3000:
			_, err := w.db.Append(t.Context(), w.story.batch(w.batch))
			w.must(err)
		default:
			_, err := w.db.Append(t.Context(), audit.Batch{Changes: []audit.Change{w.story.again(w.story.known[i%len(w.story.known)])}})
			w.must(err)
		}
	}
}

// askMoment asks some questions of one moment.
func askMoment(ctx context.Context, w *world, g *querytest.Corpus) error {
	v, err := w.db.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	var changes []audit.Change
	for n := 0; len(changes) < int(v.Last()); n++ {
		block, err := v.Block(ctx, n)
		if err != nil {
			return err
		}
		changes = append(changes, block...)
	}
	// The index may be ahead of the moment, and is not asked then.
	e := &query.Engine{Store: held{w.db, v}, Parallel: 2, Names: querytest.Names(changes)}
	if w.x.Progress() <= v.Last() {
		e.Words = w.x
	}
	for range 6 {
		expr, err := query.Parse(g.Query(2), questionsFrom)
		if err != nil {
			return err
		}
		if querytest.AsksForRules(expr.Root()) {
			continue // it was told of no evidence
		}
		want := querytest.Scan(changes, expr)
		r, err := e.Search(ctx, query.Query{Expr: expr})
		if errors.Is(err, query.ErrIndexAhead) {
			return nil
		}
		if err != nil || !slices.Equal(numbers(r.Changes), numbers(want)) {
			return fmt.Errorf("%s: %v, %v, want %v", expr, r, err, numbers(want))
		}
		for i := range want {
			if !alike(&r.Changes[i], &want[i]) {
				return fmt.Errorf("%s: %+v, want %+v", expr, r.Changes[i], want[i])
			}
		}
	}
	return nil
}
