package store

import (
	"context"
	"crypto/sha256"
	"fmt"

	"recourse/audit"
)

// A Checkpoint stands for the first changes of a store, as they were stored: whoever
// has kept one elsewhere can tell later whether any of them has been rewritten.
type Checkpoint struct {
	Changes audit.Seq         // so many, a whole number of blocks; 0: there is no full block
	Digest  [sha256.Size]byte // the link of the last of these blocks
}

// Checkpoint is that of all blocks that are full, and so will not change.
func (db *DB) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var c Checkpoint
	err := db.view(ctx, func(r *reader) error {
		n := int(r.known.head / audit.BlockSize)
		if n == 0 {
			return nil
		}
		b, err := readBlock(r.txn, n-1)
		c = Checkpoint{audit.Seq(n) * audit.BlockSize, b.link}
		return err
	})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read the last full block: %w", err)
	}
	return c, nil
}

// CheckpointAt is that of so many changes, worked out from what is stored of each
// block; ErrNotFound if there are fewer.
func (db *DB) CheckpointAt(ctx context.Context, changes audit.Seq) (Checkpoint, error) {
	c := Checkpoint{Changes: changes / audit.BlockSize * audit.BlockSize}
	err := db.view(ctx, func(r *reader) error {
		if c.Changes > r.known.head {
			return ErrNotFound
		}
		for n := range int(c.Changes / audit.BlockSize) {
			if err := ctx.Err(); err != nil {
				return err
			}
			item, err := r.txn.Get(blockKey(n))
			if err != nil {
				return unreadable(n, damaged(err))
			}
			payload, err := blockPayload(r.txn, item, n)
			if err != nil {
				return unreadable(n, err)
			}
			c.Digest = link(c.Digest).next(sha256.Sum256(payload[chainSize:]))
		}
		return nil
	})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("work out the digest of the first %d changes: %w", changes, err)
	}
	return c, nil
}
