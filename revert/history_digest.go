package revert

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
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
	d.h.Write([]byte(k.String()))
	d.h.Write(sum[:])
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
