package store

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// chainSize is the length of a link of the chain that runs through all blocks.
const chainSize = sha256.Size

// A link is the hash of everything up to the end of a block: SHA-256 of the link
// of the block before (of nothing but zeros for the first) and of the SHA-256 of
// the block's payload. It stands before the payload.
type link [chainSize]byte

func (l link) next(sum [sha256.Size]byte) link {
	var both [2 * chainSize]byte
	copy(both[:], l[:])
	copy(both[chainSize:], sum[:])
	return sha256.Sum256(both[:])
}

func blockKey(n int) []byte { return blockKeyOf(kindBlock, n) }

func blockKeyOf(kind keyKind, n int) []byte { return appendUint([]byte{byte(kind)}, uint64(n)) }

func firstOf(n int) audit.Seq { return audit.Seq(n)*audit.BlockSize + 1 }

// A stowed block is a block as it lies in the store.
type stowed struct {
	*block
	link link
}

// readBlock reads a block that must be there.
func readBlock(txn *badger.Txn, n int) (stowed, error) {
	item, err := blockItem(txn, n)
	if err != nil {
		return stowed{}, err
	}
	return stowedOf(txn, item, n)
}

func blockItem(txn *badger.Txn, n int) (*badger.Item, error) {
	item, err := txn.Get(blockKey(n))
	if err == nil {
		return item, nil
	}
	if errors.Is(err, badger.ErrKeyNotFound) {
		// Numbers are dense, so one up to the head that is missing is lost.
		return nil, fmt.Errorf("%w: block %d, of the changes from %d on, is missing", ErrCorrupt, n, firstOf(n))
	}
	return nil, unreadable(n, err)
}

// stowedOf is the block that an item has.
func stowedOf(txn *badger.Txn, item *badger.Item, n int) (stowed, error) {
	payload, err := blockPayload(txn, item, n)
	if err != nil {
		return stowed{}, unreadable(n, err)
	}
	return stowedIn(payload, n)
}

// stowedIn is the block of a payload, which it goes on using.
func stowedIn(payload []byte, n int) (stowed, error) { return stowedAs(nil, payload, n) }

// stowedAs is stowedIn for a block that is good as long as nobody else has the room.
func stowedAs(room *blockRoom, payload []byte, n int) (stowed, error) {
	if len(payload) < chainSize {
		return stowed{}, unreadable(n, fmt.Errorf("%w: a block of %d bytes", ErrCorrupt, len(payload)))
	}
	b, err := openBlockIn(room, firstOf(n), payload[chainSize:])
	if err != nil {
		return stowed{}, unreadable(n, err)
	}
	return stowed{b, link(payload[:chainSize])}, nil
}

// withBlock has something done with a block of which nobody will want more: it is
// taken from the cache, or stands in memory that is used again. So the block is not to
// be used later; what was read from it may be.
func (r *reader) withBlock(n int, do func(stowed) error) error {
	if r.w != nil || firstOf(n+1)-1 > r.known.head {
		b, err := r.shared(n, false) // it can be written anew
		if err != nil {
			return err
		}
		return do(b)
	}
	if r.opens != nil {
		if b, ok := r.opens.get(cached{what: kindBlock, number: n}); ok {
			return do(b.(stowed))
		}
	}
	item, err := blockItem(r.txn, n)
	if err != nil {
		return err
	}
	room := blockRooms.Get().(*blockRoom)
	defer blockRooms.Put(room)
	b, err := lent(item, n, room)
	if err != nil {
		return err
	}
	return do(b)
}

// lent is a block that is full, in memory that others will have.
func lent(item *badger.Item, n int, room *blockRoom) (stowed, error) {
	value, err := item.ValueCopy(room.value)
	if err != nil {
		return stowed{}, unreadable(n, fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	room.value = value
	payload, err := unseal(item.Key(), value)
	if err != nil {
		return stowed{}, unreadable(n, err)
	}
	return stowedAs(room, payload, n)
}

func unreadable(n int, err error) error {
	return fmt.Errorf("read block %d, of the changes from %d on: %w", n, firstOf(n), err)
}

// A body that is too large for a block lies beside it, and in its place stands a
// stub, which is no value: CBOR has no item that begins with its first byte.
const stubHead = 0xff

// What a stub stands for.
const (
	largeBefore byte = 'b' // of an image before that the log held
	largeAfter  byte = 'a'
	largeSent   byte = 's'
	largeWas    byte = 'w' // nothing of its own: what the change before left
)

func stub(part byte) audit.Value { return audit.Value{stubHead, part} }

func isStub(v audit.Value) bool { return len(v) == 2 && v[0] == stubHead }

// large says that a body does not go into a block: it is too large, or could be
// mistaken for a stub.
func large(v audit.Value) bool { return len(v) > mostBody || len(v) > 0 && v[0] == stubHead }

func bodyKey(seq audit.Seq, part byte) []byte {
	return append(appendUint([]byte{byte(kindBody)}, uint64(seq)), part)
}

// stow puts the large bodies of a row beside the block.
func (a *appender) stow(r *row) error {
	if !large(r.c.Before.Body) && !large(r.c.After.Body) && !large(r.c.Sent) && !large(r.was.Body) {
		return nil
	}
	for part, v := range r.bodies {
		if !large(*v) {
			continue
		}
		if len(*v) > maxValue {
			return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(*v))
		}
		if part != largeWas {
			payload := squeeze(*v)
			a.written += len(payload)
			if err := set(a.txn, bodyKey(r.c.Seq, part), payload); err != nil {
				return err
			}
		}
		*v = stub(part)
	}
	return nil
}

// bodies yields the values of a row that may be large.
func (r *row) bodies(yield func(part byte, v *audit.Value) bool) {
	_ = yield(largeBefore, &r.c.Before.Body) && yield(largeAfter, &r.c.After.Body) && yield(largeSent, &r.c.Sent) && yield(largeWas, &r.was.Body)
}

// fetch puts bodies that lie beside the block in their places, but for that of
// the image before, which only some need.
func (r *reader) fetch(w *row) error {
	for part, v := range w.bodies {
		if part == largeWas || !isStub(*v) {
			continue
		}
		payload, found, err := get(r.txn, bodyKey(w.c.Seq, part))
		if err == nil && !found {
			err = fmt.Errorf("%w: it is missing", ErrCorrupt)
		}
		if err == nil {
			*v, err = unsqueeze(payload)
		}
		if err != nil {
			return fmt.Errorf("read a large body of change %d: %w", w.c.Seq, err)
		}
	}
	return nil
}

// row is a change as it was stored, with what it was derived from.
func (r *reader) row(s audit.Seq) (row, error) {
	if n := len(r.rows); n > 0 && s >= r.rows[0].c.Seq && s < r.rows[0].c.Seq+audit.Seq(n) {
		w := r.rows[s-r.rows[0].c.Seq]
		return w, r.fetch(&w)
	}
	if w, found := r.held.find(s); found {
		return *w, nil
	}
	if kept, found := r.recent(s); found {
		w := *kept
		return w, r.fetch(&w)
	}
	b, i, err := r.locate(s)
	if err != nil {
		return row{}, err
	}
	w, err := b.row(i)
	if err != nil {
		return row{}, fmt.Errorf("read change %d: %w", s, err)
	}
	if r.lasting(s) {
		r.recents.put(&w)
	}
	return w, r.fetch(&w)
}

// rowsOf are the rows of changes of one block, ascending.
func (r *reader) rowsOf(seqs []audit.Seq) ([]row, error) {
	return r.rowsInto(make([]row, len(seqs)), seqs)
}

// rowsInto is rowsOf; the rows themselves stand in rows, which are zero and as many.
func (r *reader) rowsInto(rows []row, seqs []audit.Seq) ([]row, error) {
	b, last, err := r.locate(seqs[len(seqs)-1])
	if err != nil {
		return nil, fmt.Errorf("read change %d: %w", seqs[len(seqs)-1], err)
	}
	places := make([]int, len(seqs))
	for i, s := range seqs {
		places[i] = last - int(seqs[len(seqs)-1]-s)
	}
	rows, err = b.rowsInto(rows, places)
	if err != nil {
		return nil, fmt.Errorf("read change %d: %w", seqs[0], err)
	}
	for i := range rows {
		if err := r.fetch(&rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// locate is the block that a change is in, and its place there.
func (r *reader) locate(s audit.Seq) (stowed, int, error) {
	if s == 0 || s > r.known.head {
		return stowed{}, 0, ErrNotFound
	}
	n := audit.BlockOf(s)
	b, err := r.block(n)
	if err != nil {
		return stowed{}, 0, err
	}
	i := int(s - firstOf(n))
	if i >= b.len() {
		return stowed{}, 0, endsEarly(n, s)
	}
	return b, i, nil
}
