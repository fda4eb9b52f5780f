package store

import (
	"context"
	"fmt"
	"slices"

	"recourse/audit"
)

// A shared column: for each change the place of its value.
type columnRead struct {
	codes  []uint32
	values []string
}

// Column is, for each change of a chunk, which of the values it has: for a facet
// that is Single. Both are shared and must not be changed.
func (v *View) Column(ctx context.Context, chunk int, f audit.Facet) ([]uint32, []string, error) {
	c, err := v.column(ctx, chunk, f)
	if err != nil {
		return nil, nil, fmt.Errorf("read column of %s in chunk %d: %w", f, chunk, err)
	}
	return c.codes, c.values, nil
}

func (v *View) column(ctx context.Context, chunk int, f audit.Facet) (columnRead, error) {
	z, err := v.at(ctx, chunk)
	d, ok := dimensionOf(f)
	switch {
	case err != nil:
		return columnRead{}, err
	case !ok || d.lists():
		return columnRead{}, fmt.Errorf("a change may have several values of %s", f)
	case z != nil:
		return columnRead{z.columns[d].codes, z.columns[d].values}, nil
	}
	c := v.sealed.chunks[chunk]
	return through(v.sums.cache, cached{what: kindColumn, facet: f, number: chunk, as: c.counts}, func() (columnRead, int, error) {
		counts, err := v.sortedCounts(levelChunk, chunk, f, c.counts)
		if err != nil {
			return columnRead{}, 0, err
		}
		values := make([]string, len(counts))
		for i, c := range counts {
			values[i] = c.value
		}
		payload, found, err := get(v.r.txn, columnKey(f, chunk, c.counts))
		if err == nil && !found {
			err = fmt.Errorf("%w: it is missing", ErrCorrupt)
		}
		if err != nil {
			return columnRead{}, 0, err
		}
		codes, err := decodeColumn(payload, c.N, len(values))
		return columnRead{codes, values}, 4*len(codes) + 16*len(values), err
	})
}

// Times are the times of a chunk's changes, by number. Shared.
func (v *View) Times(ctx context.Context, chunk int) ([]audit.Time, error) {
	times, err := v.times(ctx, chunk)
	if err != nil {
		return nil, fmt.Errorf("read times of chunk %d: %w", chunk, err)
	}
	return times, nil
}

func (v *View) times(ctx context.Context, chunk int) ([]audit.Time, error) {
	z, err := v.at(ctx, chunk)
	if err != nil {
		return nil, err
	}
	if z != nil {
		return z.times, nil
	}
	return v.sums.sealedTimes(v.r.txn, chunk, v.chunks[chunk].N)
}

// ByTime is the offsets of a chunk's changes by time and then by number, the
// oldest first; nil if that is their order anyway. Shared.
func (v *View) ByTime(ctx context.Context, chunk int) ([]uint16, error) {
	z, err := v.at(ctx, chunk)
	if err == nil && v.chunks[chunk].Ordered {
		return nil, nil
	}
	var times []audit.Time
	if err == nil {
		times, err = v.times(ctx, chunk)
	}
	if err != nil {
		return nil, fmt.Errorf("order chunk %d by time: %w", chunk, err)
	}
	if z != nil {
		return orderByTime(times), nil
	}
	return through(v.sums.cache, cached{what: kindTimes, value: "order", number: chunk}, func() ([]uint16, int, error) {
		return orderByTime(times), 2 * len(times), nil
	})
}

// orderByTime takes out the few times that are before an earlier one's, sorts
// those and merges them with the rest, which is in order.
func orderByTime(times []audit.Time) []uint16 {
	var rest, late []uint16
	newest := uint64(0)
	for off, t := range times {
		if u := sortable(t); u >= newest {
			newest, rest = u, append(rest, uint16(off))
		} else {
			late = append(late, uint16(off))
		}
	}
	before := func(a, b uint16) bool {
		x, y := sortable(times[a]), sortable(times[b])
		return x < y || x == y && a < b
	}
	slices.SortFunc(late, func(a, b uint16) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	all := make([]uint16, 0, len(times))
	for len(rest) > 0 && len(late) > 0 {
		if before(late[0], rest[0]) {
			all, late = append(all, late[0]), late[1:]
		} else {
			all, rest = append(all, rest[0]), rest[1:]
		}
	}
	return append(append(all, rest...), late...)
}

// Record is the numbers of the changes of a record in all clusters, ascending;
// there may be some of other records among them.
func (v *View) Record(ctx context.Context, k audit.Key) ([]audit.Seq, error) {
	seqs, err := v.hash(ctx, kindRecordHash, recordHashOf(k))
	if err != nil {
		return nil, fmt.Errorf("find changes of %s: %w", k, err)
	}
	return seqs, nil
}

// Identified is the numbers of the changes that may have an id, ascending.
func (v *View) Identified(ctx context.Context, id audit.ChangeID) ([]audit.Seq, error) {
	seqs, err := v.hash(ctx, kindIDHash, idHash(id))
	if err != nil {
		return nil, fmt.Errorf("find change %s: %w", id, err)
	}
	return seqs, nil
}

func (v *View) hash(ctx context.Context, kind keyKind, hash uint32) ([]audit.Seq, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seqs, err := v.sums.sealedHash(v.r.txn, v.sealed, kind, hash)
	for _, z := range v.open {
		for _, off := range z.offsets(kind, hash) {
			seqs = append(seqs, z.first(z.chunk)+audit.Seq(off))
		}
	}
	return seqs, err
}

// Block is all changes of a block, up to Last, with their Before, in memory of
// their own.
func (v *View) Block(ctx context.Context, block int) ([]audit.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if firstOf(block) > v.last {
		return nil, nil
	}
	r := v.r.again()
	defer r.release()
	changes, err := r.changes(block, firstOf(block))
	if err != nil {
		return nil, err
	}
	return changes[:min(len(changes), int(v.last-firstOf(block)+1))], nil
}

// Read is the changes of these numbers, ascending, with their Before.
func (v *View) Read(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error) {
	r := v.r.again()
	defer r.release()
	changes := make([]audit.Change, 0, len(seqs))
	for len(seqs) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seqs[0] == 0 || seqs[0] > v.last {
			return nil, fmt.Errorf("read change %d: %w", seqs[0], ErrNotFound)
		}
		n := 1
		for n < len(seqs) && seqs[n] <= v.last && audit.BlockOf(seqs[n]) == audit.BlockOf(seqs[0]) {
			n++
		}
		rows, err := r.listed(seqs[:n], v.listed.Add(int64(n)) <= mostListed)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			c, err := r.change(&rows[i])
			if err != nil {
				return nil, fmt.Errorf("read change %d: %w", rows[i].c.Seq, err)
			}
			changes = append(changes, c)
		}
		seqs = seqs[n:]
	}
	return changes, nil
}

// again is a reader of the same snapshot, for another goroutine. It must be
// released before the snapshot is closed.
func (r *reader) again() *reader {
	return &reader{txn: r.txn, known: r.known, sums: r.sums, opened: r.opened, opens: r.opens, recents: r.recents, newest: r.newest}
}
