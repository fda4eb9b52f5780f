package revert

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"math"
	"slices"

	"recourse/audit"
)

// A historyDigest is over the histories in the order of their keys, whatever
// order they come in. When they come in that order it keeps nothing of them.
type historyDigest struct {
	sorted  bool
	h       hash.Hash
	last    audit.Key
	records int
	sums    map[audit.Key][sha256.Size]byte // those that wait for being sorted
	buffer  []byte
}

func newHistoryDigest(sorted bool) historyDigest {
	return historyDigest{sorted: sorted, h: sha256.New(), sums: map[audit.Key][sha256.Size]byte{}}
}

// add takes a record's sum, and says whether it is the first for that record.
func (d *historyDigest) add(k audit.Key, sum [sha256.Size]byte) bool {
	d.records++
	if !d.sorted {
		_, twice := d.sums[k]
		d.sums[k] = sum
		return !twice
	}
	if d.records > 1 && compareKeys(d.last, k) >= 0 {
		return false
	}
	d.last = k
	d.write(k, sum)
	return true
}

func (d *historyDigest) write(k audit.Key, sum [sha256.Size]byte) {
	d.buffer = append(append(append(d.buffer[:0], k.Table.Database...), '.'), k.Table.Name...) // the key as its String is
	d.buffer = append(append(append(d.buffer, '/'), k.ID...), sum[:]...)
	d.h.Write(d.buffer)
}

func (d *historyDigest) String() string {
	for _, k := range slices.SortedFunc(maps.Keys(d.sums), compareKeys) {
		d.write(k, d.sums[k])
	}
	return hex.EncodeToString(d.h.Sum(nil))
}

// inOrder finds out whether keys come in their order, each once.
type inOrder struct {
	sorted, any bool
	last        audit.Key
}

func (o *inOrder) see(k audit.Key) {
	o.sorted = o.sorted && (!o.any || compareKeys(o.last, k) < 0)
	o.any, o.last = true, k
}

// appendIDs lists the ids of the record's changes.
func (r *Record) appendIDs(ids []audit.ChangeID) []audit.ChangeID {
	for i := range r.Changes {
		c := &r.Changes[i]
		if id := c.ID; id != (audit.ChangeID{}) {
			ids = append(ids, id)
		} else {
			ids = append(ids, c.Identify())
		}
	}
	return ids
}

func (r *Record) ids() []audit.ChangeID { return r.appendIDs(nil) }

// recordDigest is over all that the planner looks at of a record.
func recordDigest(rec *Record, ids []audit.ChangeID) [sha256.Size]byte {
	h := historyHasher{h: sha256.New()}
	return h.sum(rec, ids)
}

// A historyHasher makes sums of records, one after the other.
type historyHasher struct {
	h      hash.Hash
	buffer []byte
	out    [sha256.Size]byte
}

func (h *historyHasher) sum(rec *Record, ids []audit.ChangeID) [sha256.Size]byte {
	h.h.Reset()
	if rec.Whole {
		h.h.Write([]byte("whole"))
	}
	for i := range rec.Changes {
		h.buffer = appendChange(h.buffer[:0], &rec.Changes[i], ids[i])
		h.h.Write(h.buffer)
	}
	h.h.Sum(h.out[:0])
	return h.out
}

// appendChange adds all that the planner looks at. The store's own numbers are no
// part of it.
func appendChange(b []byte, c *audit.Change, id audit.ChangeID) []byte {
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(float64(c.Time)))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Group.Size))
	for _, s := range [...]string{c.User, string(c.Op)} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
	}
	for _, img := range [...]*audit.Image{&c.Before, &c.After} {
		b = append(b, byte(img.State), byte(img.Source), byte(img.Trust))
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(img.Body))), img.Body...)
	}
	return b
}
