package store

import (
	"fmt"
	"iter"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// candidates are where the changes stand that may be of a record, by their
// numbers; there may be some of other records among them. That is known without
// opening a block, of which a record that is often written has changes in very
// many.
func (r *reader) candidates(k audit.Key) ([]place, error) {
	seqs, err := r.recordSeqs(k)
	if err != nil {
		return nil, err
	}
	all := make([]place, 0, len(seqs))
	for len(all) < len(seqs) {
		first, times, err := r.timesAt(seqs[len(all)])
		if err != nil {
			return nil, err
		}
		for _, s := range seqs[len(all):] {
			if s < first || s >= first+audit.Seq(len(times)) {
				break
			}
			all = append(all, place{sortable(times[s-first]), s})
		}
	}
	return all, nil
}

// timesAt are the times of a change that is summed up or being appended and of
// others around it, of which the first has that number.
func (r *reader) timesAt(s audit.Seq) (first audit.Seq, times []audit.Time, err error) {
	if n := len(r.rows); n > 0 && s >= r.rows[0].c.Seq && s < r.rows[0].c.Seq+audit.Seq(n) {
		return s, []audit.Time{r.rows[s-r.rows[0].c.Seq].c.Time}, nil
	}
	chunk := r.sums.chunkOf(s)
	first = r.sums.first(chunk)
	if r.w != nil {
		for _, z := range r.w.sums.open.chunks {
			if z.chunk == chunk && int(s-first) < len(z.times) {
				return first, z.times, nil
			}
		}
	}
	for _, z := range r.opened.chunks {
		if z.chunk == chunk && int(s-first) < len(z.times) {
			return first, z.times, nil
		}
	}
	if times, err = r.sums.sealedTimes(r.txn, chunk, r.sums.size); err != nil {
		return 0, nil, fmt.Errorf("read times of chunk %d: %w", chunk, err)
	}
	return first, times, nil
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

// nearby yields the places beside one, the nearest first: those before it if step
// is -1, those after it if it is 1. all is put into another order.
func nearby(all []place, p place, step int) iter.Seq[place] {
	return func(yield func(place) bool) {
		const few = 8 // are sooner found one by one than by sorting
		for range few {
			var best place
			for _, q := range all {
				if q.compare(p) == step && (best.seq == 0 || q.compare(best) == -step) {
					best = q
				}
			}
			if best.seq == 0 || !yield(best) {
				return
			}
			p = best
		}
		slices.SortFunc(all, place.compare)
		i, here := slices.BinarySearchFunc(all, p, place.compare)
		if step < 0 || here {
			i += step
		}
		for ; i >= 0 && i < len(all) && yield(all[i]); i += step {
		}
	}
}

// beside is the record's change in a cluster that is no message and the nearest to
// a place, before it if step is -1, after it if it is 1; nil if there is none. It
// is as it was stored.
func (r *reader) beside(k audit.Key, cluster string, p place, step int) (*audit.Change, error) {
	all, err := r.candidates(k)
	if err != nil {
		return nil, err
	}
	for q := range nearby(all, p, step) {
		c, err := r.identity(q.seq)
		if err != nil {
			return nil, damaged(err)
		}
		if c.Key != k || c.Cluster != cluster || c.Op.Kind() == audit.KindMessage {
			continue
		}
		w, err := r.row(q.seq)
		if err != nil {
			return nil, damaged(err)
		}
		return &w.c, nil
	}
	return nil, nil
}
