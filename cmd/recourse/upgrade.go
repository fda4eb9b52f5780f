package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"recourse/audit"
	"recourse/index"
	"recourse/store"
)

// openStore opens the store. One of an earlier format is made one of this format,
// which may take minutes, so it is said; an interrupt ends it, and the next
// opening goes on.
func (w *workspace) openStore(ctx context.Context, e *env) (err error) {
	bar := newProgress(e, "changes")
	defer bar.done()
	o := store.Options{Memory: w.cfg.Memory.store(), Bulk: w.cfg.bulk, Converting: func(done, total audit.Seq) error {
		if bar.total == 0 {
			bar.total = int(total)
			fmt.Fprintf(e.stderr, "the store is of an earlier format: its %d changes are written anew; an earlier recourse cannot read them then\n", total)
		}
		bar.set(int(done))
		return ctx.Err()
	}}
	if w.cfg.alone {
		o.Spare = w.cfg.Memory.spare
	}
	w.store, err = store.Open(filepath.Join(w.dir, "store"), o)
	return err
}

// openIndex opens the index. One of an earlier format holds nothing that the
// store does not, so an empty one takes its place.
func (w *workspace) openIndex(e *env) (err error) {
	o := index.Options{Memory: w.cfg.Memory.index()}
	w.index, err = index.Open(w.indexDir(), o)
	if !errors.Is(err, index.ErrEarlier) {
		return err
	}
	if err := index.Reset(w.indexDir()); err != nil {
		return err
	}
	fmt.Fprintln(e.stderr, "the index was of an earlier format and is empty now: watch, import and reindex fill it; until then a word is looked for in every change")
	w.index, err = index.Open(w.indexDir(), o)
	return err
}
