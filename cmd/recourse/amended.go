package main

import (
	"context"
	"encoding/binary"

	"recourse/audit"
)

// amendedNote is where the store keeps up to which amendment the index knows of
// the changes that later readings told more of.
const amendedNote = "index/amended"

// indexAmended brings changes into the index anew of which a later reading told
// more, such as an image that could be trusted further. What a crash in between
// leaves undone is done again.
func (w *workspace) indexAmended(ctx context.Context) error {
	note, _, err := w.store.Note(ctx, amendedNote)
	if err != nil {
		return err
	}
	var done uint64
	if len(note) == 8 {
		done = binary.BigEndian.Uint64(note)
	}
	const some = 1000
	var blocks []int
	flush := func() error {
		if len(blocks) == 0 {
			return nil
		}
		if err := w.index.Refresh(ctx, w.store, blocks); err != nil {
			return err
		}
		blocks = blocks[:0]
		return w.store.SetNote(ctx, amendedNote, binary.BigEndian.AppendUint64(nil, done))
	}
	for a, err := range w.store.AmendedSince(ctx, done) {
		if err != nil {
			return err
		}
		blocks, done = append(blocks, audit.BlockOf(a.Seq)), a.Number
		if len(blocks) == some {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
