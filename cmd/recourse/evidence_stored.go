package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/store"
)

// An evidenceHeld is what evidence is found to be beside the store.
type evidenceHeld struct {
	store                 *store.DB     // nil: it is not held against it
	engine                *query.Engine // asks the store
	same, differ, missing int
	altered               int              // of those that differ, how many do so in what is never learned later
	seen                  roaring64.Bitmap // the numbers of the changes that were there
	again                 askedAgain       // the query
	problems              []string
	more                  int   // problems beside those
	failed                error // of the store, not of the file

	waiting []heldLine // to be held against the store
	bytes   int        // of them
}

// A heldLine is the line of a change.
type heldLine struct {
	seq  audit.Seq // as it says itself
	id   audit.ChangeID
	line []byte
}

// So many lines, or bytes of them, are held against the store at once: read one by
// one, each took the block that it is in to be looked up and unpacked.
const (
	mostHeldLines = 4096
	mostHeldBytes = 32 << 20
)

func (h *evidenceHeld) change(ctx context.Context, of *report.EvidenceChange, line []byte) error {
	if h.store == nil {
		return ctx.Err()
	}
	h.waiting = append(h.waiting, heldLine{of.Seq, of.ID, bytes.Clone(line)})
	if h.bytes += len(line); len(h.waiting) < mostHeldLines && h.bytes < mostHeldBytes {
		return nil
	}
	return h.hold(ctx)
}

// hold holds the lines that wait against the store.
func (h *evidenceHeld) hold(ctx context.Context) error {
	stored, err := h.read(ctx)
	if err != nil {
		h.failed = err
		return err
	}
	for _, w := range h.waiting {
		c, there := stored[w.seq]
		if !there || c.ID != w.id {
			if c, there, err = h.lookUp(ctx, w.id); err != nil {
				h.failed = err
				return err
			}
		}
		if !there {
			h.missing++
			continue
		}
		if err := h.compare(&c, w.line); err != nil {
			return err
		}
	}
	h.waiting, h.bytes = h.waiting[:0], 0
	return nil
}

// read is what is stored under the numbers that the waiting lines name, a block at
// a time.
func (h *evidenceHeld) read(ctx context.Context) (map[audit.Seq]audit.Change, error) {
	v, err := h.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	var seqs []audit.Seq
	for _, w := range h.waiting {
		if w.seq > 0 && w.seq <= v.Last() {
			seqs = append(seqs, w.seq)
		}
	}
	slices.Sort(seqs)
	changes, err := v.Read(ctx, slices.Compact(seqs))
	if err != nil {
		return nil, err
	}
	stored := make(map[audit.Seq]audit.Change, len(changes))
	for _, c := range changes {
		stored[c.Seq] = c
	}
	return stored, nil
}

// lookUp is a change that is not stored under the number that its line says.
func (h *evidenceHeld) lookUp(ctx context.Context, id audit.ChangeID) (c audit.Change, found bool, err error) {
	seq, found, err := h.store.Lookup(ctx, id)
	if err == nil && found {
		c, err = h.store.Get(ctx, seq)
	}
	return c, found, err
}

// compare holds a line against the change that is stored.
func (h *evidenceHeld) compare(c *audit.Change, line []byte) error {
	now, err := report.EvidenceLine(c)
	if err != nil {
		h.failed = err
		return err
	}
	if !h.seen.CheckedAdd(uint64(c.Seq)) {
		h.problem("change %d stands there more than once", c.Seq)
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
		h.problem("change %d: its %q is not what is stored, and nothing that is learned later alters that", c.Seq, what)
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
	if err := h.hold(ctx); err != nil {
		return err
	}
	if err := h.askAgain(ctx, check); err != nil {
		return err
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
