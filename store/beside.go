package store

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// candidates are where the changes stand that may be of a record, in order; there
// may be some of other records among them. That is known without opening a block,
// of which a record that is often written has changes in very many.
func (r *reader) candidates(k audit.Key) ([]place, error) {
	seqs, err := r.recordSeqs(k)
	if err != nil {
		return nil, err
	}
	all := make([]place, len(seqs))
	for i, s := range seqs {
		at, err := r.timeAt(s)
		if err != nil {
			return nil, err
		}
		all[i] = place{sortable(at), s}
	}
	slices.SortFunc(all, place.compare)
	return all, nil
}

// timeAt is the time of a change that is summed up or being appended.
func (r *reader) timeAt(s audit.Seq) (audit.Time, error) {
	if n := len(r.rows); n > 0 && s >= r.rows[0].c.Seq && s < r.rows[0].c.Seq+audit.Seq(n) {
		return r.rows[s-r.rows[0].c.Seq].c.Time, nil
	}
	chunk := r.sums.chunkOf(s)
	off := int(s - r.sums.first(chunk))
	if r.w != nil {
		for _, z := range r.w.sums.open.chunks {
			if z.chunk == chunk && off < len(z.times) {
				return z.times[off], nil
			}
		}
	}
	for _, z := range r.opened.chunks {
		if z.chunk == chunk && off < len(z.times) {
			return z.times[off], nil
		}
	}
	times, err := r.sums.sealedTimes(r.txn, chunk, r.sums.size)
	if err != nil {
		return 0, fmt.Errorf("read times of chunk %d: %w", chunk, err)
	}
	return times[off], nil
}

// sealedTimes are the times of the n changes of a chunk whose sums are on disk.
// Shared.
func (g *summing) sealedTimes(txn *badger.Txn, chunk, n int) ([]audit.Time, error) {
	return through(g.cache, cached{what: kindTimes, number: chunk}, func() ([]audit.Time, int, error) {
		payload, found, err := get(txn, timesKey(chunk))
		if err == nil && !found {
			err = fmt.Errorf("%w: they are missing", ErrCorrupt)
		}
		if err != nil {
			return nil, 0, err
		}
		times, err := decodeTimes(payload, n)
		return times, 8 * len(times), err
	})
}

// beside is the record's change in a cluster that is no message and the nearest to
// a place, before it if step is -1, after it if it is 1; nil if there is none. It
// is as it was stored.
func (r *reader) beside(k audit.Key, cluster string, p place, step int) (*audit.Change, error) {
	all, err := r.candidates(k)
	if err != nil {
		return nil, err
	}
	i, here := slices.BinarySearchFunc(all, p, place.compare)
	if step < 0 || here {
		i += step
	}
	for ; i >= 0 && i < len(all); i += step {
		c, err := r.identity(all[i].seq)
		if err != nil {
			return nil, damaged(err)
		}
		if c.Key != k || c.Cluster != cluster || c.Op.Kind() == audit.KindMessage {
			continue
		}
		w, err := r.row(all[i].seq)
		if err != nil {
			return nil, damaged(err)
		}
		return &w.c, nil
	}
	return nil, nil
}
