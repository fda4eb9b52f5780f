package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"recourse/internal/report"
	"recourse/store"
)

// An evidenceHeld is evidence that is held against a store.
type evidenceHeld struct {
	store                 *store.DB // nil: it is not
	same, differ, missing int
	altered               int              // of those that differ, how many do so in what is never learned later
	seen                  roaring64.Bitmap // the numbers of the changes that were there
	problems              []string
	more                  int   // problems beside those
	failed                error // of the store, not of the file
}

// change looks a change up.
func (h *evidenceHeld) change(ctx context.Context, of *report.EvidenceChange, line []byte) error {
	if h.store == nil {
		return ctx.Err()
	}
	seq, found, err := h.store.Lookup(ctx, of.ID)
	if err != nil {
		h.failed = err
		return err
	}
	if !found {
		h.missing++
		return nil
	}
	c, err := h.store.Get(ctx, seq)
	var now []byte
	if err == nil {
		now, err = report.EvidenceLine(&c)
	}
	if err != nil {
		h.failed = err
		return err
	}
	if !h.seen.CheckedAdd(uint64(seq)) {
		h.problem("change %d stands there more than once", seq)
	}
	if bytes.Equal(now, line) {
		h.same++
		return nil
	}
	h.differ++ // as after a late change or a later reading
	what, err := report.AlteredEvidence(line, now)
	if err != nil {
		return err
	}
	if what != "" {
		h.altered++
		h.problem("change %d: its %q is not what is stored, and nothing that is learned later alters that", seq, what)
	}
	return nil
}

func (h *evidenceHeld) problem(format string, args ...any) {
	if len(h.problems) == report.MostProblems {
		h.more++
		return
	}
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// end holds the checkpoint against the store's chain.
func (h *evidenceHeld) end(ctx context.Context, check *report.EvidenceCheck) error {
	if h.store == nil {
		return nil
	}
	for _, p := range h.problems {
		check.Problem("%s", p)
	}
	check.Left += h.more
	if h.missing > 0 {
		check.Problem("%s of it are not in the store", changesWord(h.missing))
	}
	then := check.Head.Store
	if then.Changes == 0 {
		return nil
	}
	now, err := h.store.CheckpointAt(ctx, then.Changes)
	switch {
	case errors.Is(err, store.ErrNotFound):
		check.Problem("the store has fewer than the %d changes that it had then, or is another", then.Changes)
	case err != nil:
		return err
	case hex.EncodeToString(now.Digest[:]) != then.Digest:
		check.Problem("the first %d changes of the store are not what they were then, or it is another", then.Changes)
	}
	return nil
}
