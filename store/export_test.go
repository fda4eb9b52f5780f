package store

import (
	"context"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Chunks makes chunks of so few changes and shelves of so few chunks that a test
// can fill them. A store is opened with the same ones ever after.
func (o *Options) Chunks(size, shelf int) {
	o.layout = layout{size: size, shelf: shelf, chunkBits: 2, shelfBits: 4}
}

// Images has so many bytes of last images kept in memory, so many of those that
// made room written together, and all after so many changes.
func (o *Options) Images(memory int64, displaced int, every audit.Seq) {
	o.images = imageLimits{memory: memory, displaced: displaced, every: every, after: 50}
}

// Displaced is how many last images had to make room and are not on disk.
func (db *DB) Displaced() int { return len(db.writer.images.displaced) }

// AllImages says that every record has its last image in memory.
func (db *DB) AllImages() bool { return db.writer != nil && db.writer.images.whole }

// Cut has f asked before every step that writes; its error is that step's.
func (o *Options) Cut(f func() error) { o.cut = f }

// Hit stores that changes are evidence for a rule.
func (db *DB) Hit(ctx context.Context, rule string, seqs ...audit.Seq) error {
	return db.update(ctx, func(txn *badger.Txn) error { return addHits(txn, db.sums.layout, rule, seqs) })
}
