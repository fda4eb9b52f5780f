package main

import (
	"context"
	"iter"
	"sync"

	"recourse/audit"
	"recourse/ingest"
	"recourse/rules"
	"recourse/store"
)

// mostBehind is how many changes the index and the rules may be behind an import
// before it waits: two of the batches that it stores, which are still in memory.
const mostBehind = 8192

// A keepingUp brings what is derived from a store up to its newest change while an
// import stores changes, so that those are read where they are still in memory, and
// not unpacked again. It is the archive of that import. Nothing goes on before begin,
// and nothing if the index or the rules are behind as it is, or apart.
type keepingUp struct {
	ingest.Archive
	w   *workspace
	set *rules.Set

	mu      sync.Mutex
	on      bool
	from    audit.Seq // up to where everything was derived
	stored  audit.Seq
	read    audit.Seq     // by those who follow
	over    bool          // no more is stored, or nobody follows any more
	changed chan struct{} // closed when something of these changes
	result  chan caughtUp // nil: nobody began to follow
}

// A caughtUp is what workspace.catchUp returns.
type caughtUp struct {
	alerts []audit.Alert
	err    error
}

func newKeepingUp(w *workspace, set *rules.Set) *keepingUp {
	return &keepingUp{Archive: w.store, w: w, set: set, changed: make(chan struct{})}
}

// begin has what is derived follow what is stored from now on.
func (k *keepingUp) begin(ctx context.Context) {
	last := k.w.store.Last()
	if k.w.beside != nil || k.w.index == nil || k.set == nil {
		return
	}
	judged, err := k.w.store.Progress(ctx, rulesProgress)
	if err != nil || judged != last || k.w.index.Progress()/audit.BlockSize != last/audit.BlockSize {
		return // catching up will say what is wrong
	}
	k.on, k.from, k.stored, k.read = true, k.w.index.Progress(), last, last
}

// Append stores a batch once those who follow are not far behind.
func (k *keepingUp) Append(ctx context.Context, b audit.Batch) (audit.Appended, error) {
	if err := k.wait(ctx, func() bool { return k.over || k.result == nil || k.stored-k.read <= mostBehind }); err != nil {
		return audit.Appended{}, err
	}
	got, err := k.Archive.Append(ctx, b)
	if err == nil {
		k.note(func() { k.stored = k.w.store.Last() })
		k.follow(ctx)
	}
	return got, err
}

// follow begins to follow once there is something for everybody.
func (k *keepingUp) follow(ctx context.Context) {
	if !k.on || k.result != nil || k.stored < k.from+2*audit.BlockSize {
		return
	}
	k.result = make(chan caughtUp, 1)
	go func() {
		var c caughtUp
		c.err = audit.Guarded(func() (err error) {
			c.alerts, err = k.w.catchUpWith(ctx, k.set, growing{roomyReader{k.w.store}, k})
			return err
		})
		k.note(func() { k.over = true })
		k.result <- c
	}()
}

// end catches up with what is left.
func (k *keepingUp) end(ctx context.Context) ([]audit.Alert, error) {
	k.note(func() { k.over = true })
	if k.result == nil {
		return k.w.catchUp(ctx, k.set)
	}
	c := <-k.result
	return c.alerts, c.err
}

// stop is end where the import failed: what follows it already ends with what is
// stored, which is good whatever becomes of the import.
func (k *keepingUp) stop(ctx context.Context) error {
	if k.result == nil {
		return nil
	}
	_, err := k.end(ctx)
	return err
}

// note changes something and tells those who wait.
func (k *keepingUp) note(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	close(k.changed)
	k.changed = make(chan struct{})
}

// wait waits until something is so.
func (k *keepingUp) wait(ctx context.Context, so func() bool) error {
	for {
		k.mu.Lock()
		done, changed := so(), k.changed
		k.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A growing is a store that an import adds to: whoever follows it waits for more
// whole blocks until there will be none.
type growing struct {
	roomyReader
	k *keepingUp
}

// Follow yields the changes after a number up to the newest of the import.
func (g growing) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return store.Each(g.pages(ctx, after))
}

func (g growing) pages(ctx context.Context, after audit.Seq) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) {
		for {
			to, more, err := g.k.more(ctx, after)
			if err != nil {
				yield(nil, err)
				return
			}
			if to > after && !g.upTo(ctx, &after, to, yield) || !more {
				return
			}
		}
	}
}

// more waits until there is a whole block after a number, or no more comes, and says up
// to where to read.
func (k *keepingUp) more(ctx context.Context, after audit.Seq) (to audit.Seq, more bool, err error) {
	err = k.wait(ctx, func() bool {
		if more = !k.over; !more {
			to = k.w.store.Last()
			return true
		}
		to = k.stored - k.stored%audit.BlockSize
		return to > after
	})
	return to, more, err
}

// upTo yields the changes up to a number, and says whether more are wanted.
func (g growing) upTo(ctx context.Context, after *audit.Seq, to audit.Seq, yield func([]audit.Change, error) bool) bool {
	for page, err := range g.roomyReader.pages(ctx, *after) {
		if n := len(page); n > 0 {
			*after = page[n-1].Seq
			g.k.note(func() { g.k.read = *after })
		}
		if !yield(page, err) || err != nil {
			return false
		}
		if *after >= to {
			return true
		}
	}
	return true
}
