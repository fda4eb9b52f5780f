package store

import (
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// What a block says of the image before a change is what was known when the
// change was stored. A change is stale if more was learned since: a change that
// came late stands before it now, it or the one before it was read better, or a
// baseline saw its record. It is then put together from what is stored of its
// record, as it would be if nothing stood in the block. A change does not cease
// to be stale; that its sums are made anew is another matter (see doubtfulKey).

func staleKey(chunk int) []byte { return appendUint([]byte{byte(kindStale)}, uint64(chunk)) }

// offsetOf is where in its chunk a change is.
func offsetOf(s audit.Seq) uint32 { return uint32((s - 1) % audit.ChunkSize) }

// isStale says that a change is not what its block says.
func (k *known) isStale(s audit.Seq) bool {
	set := k.stale[audit.ChunkOf(s)]
	return set != nil && set.Contains(offsetOf(s)) || k.also != nil && k.also.isStale(s)
}

// anyStale says that a chunk has, or may have, a change that isStale.
func (k *known) anyStale(chunk int) bool {
	return k.stale[chunk] != nil || k.also != nil && k.also.anyStale(chunk)
}

// Relearned says that more was learned of a change, or of what was before it, since it
// was stored. That it was read again, from whatever node, and said the same is nothing
// learned.
func (db *DB) Relearned(s audit.Seq) bool { return s != 0 && db.known.Load().isStale(s) }

// mark makes a change stale, and what was summed up of it doubtful.
func (a *appender) mark(s audit.Seq) {
	chunk := audit.ChunkOf(s)
	k := a.edit()
	if !a.cloned[chunk] {
		a.cloned[chunk] = true
		k.stale = maps.Clone(k.stale)
		if k.stale == nil {
			k.stale = map[int]*roaring.Bitmap{}
		}
		k.stale[chunk] = clonedSet(k.stale[chunk])
	}
	k.stale[chunk].Add(offsetOf(s))
	a.marked = append(a.marked, s)
}

// markAfter makes the changes of a record stale that come after a write, up to
// the next one: what was before them is another now.
func (a *appender) markAfter(c *audit.Change) error {
	all, err := a.r.candidates(c.Key)
	if err != nil {
		return err
	}
	for p := range nearby(all, placeOf(c), 1) {
		next, err := a.r.identity(p.seq)
		if err != nil {
			return damaged(err)
		}
		if next.Key != c.Key || next.Cluster != c.Cluster {
			continue
		}
		a.mark(p.seq)
		if next.Op.Kind() != audit.KindMessage {
			break
		}
	}
	return nil
}

// untie makes stale what the record's other changes of a new one's time left: a
// baseline's version named the only one of that time, and is of none now.
func (a *appender) untie(c *audit.Change) error {
	at := sortable(c.Time)
	all, err := a.r.places(c.Key, place{time: at})
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.time != at || p.seq == c.Seq {
			continue
		}
		other, err := a.r.identity(p.seq)
		if err != nil {
			return damaged(err)
		}
		if other.Cluster != c.Cluster {
			continue
		}
		if err := a.alter(&other); err != nil {
			return err
		}
	}
	return nil
}

func clonedSet(set *roaring.Bitmap) *roaring.Bitmap {
	if set == nil {
		return roaring.New()
	}
	return set.Clone()
}

// marks writes which changes became stale, and which of them are in chunks whose
// sums are on disk.
func (a *appender) marks() error {
	slices.Sort(a.marked)
	a.marked = slices.Compact(a.marked)
	for chunk := range a.cloned {
		if err := setSet(a.txn, staleKey(chunk), a.known.stale[chunk]); err != nil {
			return err
		}
	}
	i, _ := slices.BinarySearch(a.marked, a.w.summed())
	return addDoubtful(a.txn, a.w.layout, a.marked[:i])
}

func setSet(txn *badger.Txn, key []byte, members *roaring.Bitmap) error {
	payload, err := encodeSet(members)
	if err != nil {
		return err
	}
	return set(txn, key, payload)
}

// readStale reads which changes of the store are stale.
func readStale(txn *badger.Txn) (map[int]*roaring.Bitmap, error) {
	all := map[int]*roaring.Bitmap{}
	err := scan(txn, []byte{byte(kindStale)}, func(key, payload []byte) error {
		chunk, err := parseUint(key[1:])
		if err != nil {
			return err
		}
		all[int(chunk)], err = decodeSet(payload, audit.ChunkSize)
		return err
	})
	return all, err
}
