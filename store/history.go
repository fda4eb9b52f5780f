package store

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"recourse/audit"
)

// History yields a record's changes, messages included, from the oldest to the
// newest: by Time, then by Seq. Where the store holds several clusters, those
// of all are among them; each says its Cluster. What is appended meanwhile is not
// among them.
func (db *DB) History(ctx context.Context, k audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		h, begun := history{}, false
		pages(yield, "history of "+k.Table.String(), func() (page []audit.Change, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				if !begun {
					begun = true
					if h.places, err = r.historyPlaces(ctx, k); err != nil {
						return err
					}
				}
				page, err = h.page(ctx, r)
				return err
			})
			return page, len(h.places) > 0, err
		})
	}
}

// A history is a record's life, read in part.
type history struct {
	places []place         // of what is still to be read
	newest []*audit.Change // of each cluster the change to fold from
}

// historyPlaces are where all changes of a record stand, in order; these are read
// ahead.
func (r *reader) historyPlaces(ctx context.Context, k audit.Key) ([]place, error) {
	seqs, err := r.recordSeqs(k)
	if err != nil {
		return nil, err
	}
	r.ahead(ctx, seqs)
	return r.placesOf(k, place{}, seqs)
}

// page reads the next changes.
func (h *history) page(ctx context.Context, r *reader) (page []audit.Change, err error) {
	next := make([]audit.Seq, 0, pageChanges)
	for _, p := range h.places[:min(len(h.places), pageChanges)] {
		next = append(next, p.seq)
	}
	slices.Sort(next)
	r.ahead(ctx, next)
	size := 0
	for len(h.places) > 0 && len(page) < pageChanges && size < pageBytes {
		if err := ctx.Err(); err != nil {
			return page, err
		}
		if page, err = h.next(r, page); err != nil {
			return page, err
		}
		c := &page[len(page)-1]
		size += len(c.Before.Body) + len(c.After.Body)
	}
	return page, nil
}

// next appends the next change to a page.
func (h *history) next(r *reader, page []audit.Change) ([]audit.Change, error) {
	w, held := r.held.find(h.places[0].seq)
	if !held {
		read, err := r.row(h.places[0].seq)
		if err != nil {
			return page, damaged(err)
		}
		w = &read
	}
	page = append(page, w.c)
	c := &page[len(page)-1]
	err := r.amend(c)
	prev := h.before(c.Cluster)
	switch {
	case err != nil:
	case prev != nil:
		err = r.derive(c, prev)
	default:
		*c, err = r.change(w)
	}
	if err != nil {
		return page[:len(page)-1], err
	}
	h.places = h.places[1:]
	if c.Op.Kind() != audit.KindMessage {
		h.newest = append(slices.DeleteFunc(h.newest, func(n *audit.Change) bool { return n.Cluster == c.Cluster }), c)
	}
	return page, nil
}

// before is the newest change of a cluster so far, or nil.
func (h *history) before(cluster string) *audit.Change {
	for _, n := range h.newest {
		if n.Cluster == cluster {
			return n
		}
	}
	return nil
}

// places are where the changes of a record stand, from a place on, in order.
func (r *reader) places(k audit.Key, from place) ([]place, error) {
	seqs, err := r.recordSeqs(k)
	if err != nil {
		return nil, err
	}
	return r.placesOf(k, from, seqs)
}

// placesOf is places; the record's changes are among those with some numbers.
func (r *reader) placesOf(k audit.Key, from place, seqs []audit.Seq) ([]place, error) {
	return r.appendPlaces(make([]place, 0, len(seqs)), k, from, seqs)
}

// appendPlaces is placesOf in memory of the caller's, which is empty.
func (r *reader) appendPlaces(all []place, k audit.Key, from place, seqs []audit.Seq) ([]place, error) {
	for _, s := range seqs {
		if w, held := r.held.find(s); held {
			if p := placeOf(&w.c); w.c.Key == k && p.compare(from) >= 0 {
				all = append(all, p)
			}
			continue
		}
		c, err := r.identity(s)
		if err != nil {
			return nil, damaged(err)
		}
		if p := placeOf(&c); c.Key == k && p.compare(from) >= 0 {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, place.compare)
	return all, nil
}

// Next is the following change of the same record in the same cluster, and
// whether one is stored. Messages, which leave the record as it was, are passed
// over. A change that is not stored stands after those of its own time, as it
// would if it were.
func (db *DB) Next(ctx context.Context, c audit.Change) (audit.Seq, bool, error) {
	var seq audit.Seq
	err := db.view(ctx, func(r *reader) (err error) {
		seq, err = r.next(&c)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("change after %d: %w", c.Seq, err)
	}
	return seq, seq != 0, nil
}

func (r *reader) next(c *audit.Change) (audit.Seq, error) {
	from := placeOf(c)
	if from.seq == 0 {
		from.seq = math.MaxUint64
	}
	next, err := r.beside(c.Key, c.Cluster, from, 1)
	if err != nil || next == nil {
		return 0, err
	}
	return next.Seq, nil
}

// setBefore derives a change's Before from the change that precedes it and from
// the baselines, and its After from a baseline that saw the record as the change
// left it.
func (r *reader) setBefore(c *audit.Change) error {
	if c.Before.Source == audit.Logged {
		return r.raise(c)
	}
	prev, err := r.previous(c)
	if err != nil {
		return err
	}
	return r.derive(c, prev)
}

// derive is setBefore where the change that precedes is known; nil for none.
func (r *reader) derive(c, prev *audit.Change) error {
	if err := r.raise(c); err != nil || c.Before.Source == audit.Logged {
		return err
	}
	r.fold(c, prev)
	return r.rebase(c, prev)
}

// previous is the record's preceding change that is no message, or nil.
func (r *reader) previous(c *audit.Change) (*audit.Change, error) {
	return r.before(c.Key, c.Cluster, placeOf(c))
}

// before is the record's newest change before a place that is no message, or nil.
func (r *reader) before(k audit.Key, cluster string, p place) (*audit.Change, error) {
	prev, err := r.beside(k, cluster, p, -1)
	if err != nil || prev == nil {
		return nil, err
	}
	if err := r.amend(prev); err != nil {
		return nil, err
	}
	return prev, r.raise(prev)
}

// fold derives c's Before from the change that precedes it, nil for none.
//
// Harper's insert skips ids that exist, so an insert proves absence; one that
// follows a present image contradicts it, and then nothing is known. Where the
// log between the two is not known whole, a change may be hidden, which makes a
// carried image provisional.
func (r *reader) fold(c, prev *audit.Change) {
	insert := c.Op == audit.OpInsert
	switch {
	case prev == nil || prev.After.State == audit.Unknown:
		c.Before = audit.Image{}
		if insert {
			c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
		}
	case insert && prev.After.State == audit.Present:
		c.Before = audit.Image{}
	default:
		c.Before = prev.After
		c.Before.Source = audit.Folded
		if !insert && r.known.hides(c.Key.Table, prev.Time, c.Time) {
			c.Before.Trust = min(c.Before.Trust, audit.Provisional)
		}
	}
}

// damaged turns "not found" into what it is where an index names a change.
func damaged(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }
