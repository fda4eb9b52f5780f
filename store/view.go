package store

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// defaultSumCache is how many bytes of decoded sums are kept if nothing is said.
const defaultSumCache = 16 << 20

// summing is the part of an open store that has the sums of its changes.
type summing struct {
	layout
	open   openSums
	cache  *sumCache
	sealed atomic.Pointer[sealedSums] // as last read
	seen   atomic.Pointer[seenSums]
}

// seenSums are the sums that a snapshot has. One of the same time has the same.
type seenSums struct {
	at     uint64
	sealed *sealedSums
}

// newSumming has no open chunk yet. cacheBytes is how much of decoded sums is
// kept; 0 is 16 MiB, below 0 nothing is.
func newSumming(l layout, cacheBytes int) *summing {
	if cacheBytes == 0 {
		cacheBytes = defaultSumCache
	}
	return &summing{layout: l, cache: newSumCache(cacheBytes)}
}

// sealedSums are which sums are on disk.
type sealedSums struct {
	version uint64 // of the entry under sumsKey
	chunks  []sealedChunk
	shelves []shelfSum
}

type sealedChunk struct {
	audit.Chunk
	counts  generation
	shelved bool // its sets are in its shelf
}

// read is what a snapshot has of sums.
func (g *summing) read(txn *badger.Txn) (*sealedSums, error) {
	version := uint64(0)
	h, err := readSumsHead(txn)
	if err != nil {
		return nil, err
	}
	if h != (sumsHead{}) {
		item, err := txn.Get(sumsKey())
		if err != nil {
			return nil, fmt.Errorf("read how far sums are: %w", err)
		}
		version = item.Version()
	}
	if s := g.sealed.Load(); s != nil && s.version == version {
		return s, nil
	}
	s := &sealedSums{version: version, chunks: make([]sealedChunk, h.Chunks), shelves: make([]shelfSum, h.Shelves)}
	for i := range s.shelves {
		found, err := getDecoded(txn, shelfKey(i), &s.shelves[i])
		if err == nil && (!found || len(s.shelves[i].Merged) != g.shelf) {
			err = fmt.Errorf("%w: it is missing", ErrCorrupt)
		}
		if err != nil {
			return nil, fmt.Errorf("read shelf %d: %w", i, err)
		}
	}
	for i := range s.chunks {
		c, err := readChunkSum(txn, i)
		if err != nil {
			return nil, err
		}
		shelved := i/g.shelf < h.Shelves && s.shelves[i/g.shelf].has(g.layout, i, c.Counts)
		s.chunks[i] = sealedChunk{c.describe(g.layout, i), c.Counts, shelved}
	}
	g.sealed.Store(s)
	return s, nil
}

// sealed is which sums on disk the reader sees. What a transaction is about to write is
// read each time.
func (r *reader) sealed() (*sealedSums, error) {
	if r.w != nil {
		return r.sums.read(r.txn)
	}
	at := r.txn.ReadTs()
	if seen := r.sums.seen.Load(); seen != nil && seen.at == at {
		return seen.sealed, nil
	}
	s, err := r.sums.read(r.txn)
	if err == nil {
		r.sums.seen.Store(&seenSums{at, s})
	}
	return s, err
}

// A View is one moment of a store: its changes up to a number, and what is
// summed up of them. It is for one goroutine at a time but for Block, Read
// and Outlines.
// It must be closed, and holds what it shows on disk until then.
type View struct {
	db     *DB
	sums   *summing
	r      *reader
	last   audit.Seq
	listed atomic.Int64 // changes that Read was asked for
	sealed *sealedSums
	open   []*frozen // the chunks that are not sealed
	opened opened
	chunks []audit.Chunk
	doubts map[int]*roaring.Bitmap // as stored; read when needed
}

// View opens a view of the store as it is now.
func (db *DB) View(ctx context.Context) (*View, error) { return db.sums.view(ctx, db) }

// view opens a view of db, whose sums these are.
func (g *summing) view(ctx context.Context, db *DB) (*View, error) {
	if err := db.enter(ctx); err != nil {
		return nil, fmt.Errorf("open view: %w", err)
	}
	if err := db.catchUp(); err != nil {
		db.users.Done()
		return nil, fmt.Errorf("open view: %w", err)
	}
	v := &View{db: db, sums: g}
	v.r = db.snapshot()
	v.opened = v.r.opened
	if err := v.prepare(); err != nil {
		v.Close()
		return nil, fmt.Errorf("open view: %w", err)
	}
	return v, nil
}

func (v *View) prepare() error {
	head := v.r.known.head
	var err error
	if v.sealed, err = v.r.sealed(); err != nil {
		return err
	}
	for _, c := range v.sealed.chunks {
		v.chunks, v.last = append(v.chunks, c.Chunk), c.First+audit.Seq(c.N)-1
	}
	if v.last > head {
		return fmt.Errorf("%w: %d changes are summed up, and the last is %d", ErrCorrupt, v.last, head)
	}
	for _, z := range v.opened.chunks {
		if z.chunk < len(v.chunks) {
			continue // it was sealed, and will be gone from the open ones soon
		}
		first := v.sums.first(z.chunk)
		if first > head {
			break
		}
		if first > v.last+1 {
			return fmt.Errorf("%w: the sums of chunk %d are missing", ErrCorrupt, len(v.chunks))
		}
		if z = z.upTo(int(head-first) + 1); z.n == 0 {
			break
		}
		v.open, v.chunks, v.last = append(v.open, z), append(v.chunks, z.describe()), first+audit.Seq(z.n)-1
	}
	return nil
}

// Close ends the view. Closing it again does nothing.
func (v *View) Close() {
	if v.r != nil {
		v.r.close()
		v.r = nil
		v.db.users.Done()
	}
}

// Last is the newest number that belongs to the view.
func (v *View) Last() audit.Seq { return v.last }

// Chunks are all chunks of the view, by number and without a gap.
func (v *View) Chunks() []audit.Chunk { return v.chunks }

// at is an open chunk; nil if it is sealed.
func (v *View) at(ctx context.Context, chunk int) (*frozen, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case chunk < 0 || chunk >= len(v.chunks):
		return nil, fmt.Errorf("there is no chunk %d", chunk)
	case chunk < len(v.sealed.chunks):
		return nil, nil
	}
	return v.open[chunk-len(v.sealed.chunks)], nil
}

// Doubtful is the changes of a chunk that the sums may be wrong about.
func (v *View) Doubtful(ctx context.Context, chunk int) (*roaring.Bitmap, error) {
	z, err := v.at(ctx, chunk)
	if err == nil && v.doubts == nil {
		err = v.readDoubts()
	}
	if err != nil {
		return nil, fmt.Errorf("read doubts of chunk %d: %w", chunk, err)
	}
	b := v.opened.doubtful(v.sums.layout, chunk)
	if stored := v.doubts[chunk]; stored != nil {
		b.Or(stored)
	}
	if z != nil {
		b.RemoveRange(uint64(z.n), uint64(v.sums.size))
	}
	return b, nil
}

// readDoubts reads those of all chunks, of which few have any.
func (v *View) readDoubts() error {
	doubts := map[int]*roaring.Bitmap{}
	err := scan(v.r.txn, []byte{byte(kindDoubtful)}, func(key, payload []byte) error {
		chunk, ok := cutNumber(key)
		b, err := decodeSet(payload, v.sums.size)
		if err == nil && !ok {
			err = damagedSum("a broken key")
		}
		doubts[chunk] = b
		return err
	})
	if err == nil {
		v.doubts = doubts
	}
	return err
}
