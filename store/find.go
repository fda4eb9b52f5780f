package store

import (
	"slices"

	"recourse/audit"
)

// recordSeqs are the numbers of the changes of a record in all clusters,
// ascending; there may be some of other records among them.
func (r *reader) recordSeqs(k audit.Key) ([]audit.Seq, error) {
	hash := recordHashOf(k)
	sealed, err := r.sealed()
	if err != nil {
		return nil, err
	}
	seqs, err := r.sums.sealedHash(r.txn, sealed, kindRecordHash, hash)
	if err != nil {
		return nil, err
	}
	seqs = r.openSeqs(seqs, len(sealed.chunks), hash, kindRecordHash)
	// Those of a batch that is being appended are not summed up yet.
	for i := range r.rows {
		if c := &r.rows[i].c; c.Seq > r.summed && c.Key == k {
			seqs = append(seqs, c.Seq)
		}
	}
	return seqs, nil
}

// openSeqs appends what the chunks that are not full have of a hash.
func (r *reader) openSeqs(seqs []audit.Seq, sealed int, hash uint32, kind keyKind) []audit.Seq {
	head := r.known.head
	add := func(first audit.Seq, off int) {
		if s := first + audit.Seq(off); s <= head {
			seqs = append(seqs, s)
		}
	}
	if r.w != nil {
		for _, s := range r.w.sums.open.chunks {
			if s.chunk < sealed {
				continue
			}
			n := len(seqs)
			s.hashes(kind).find(hash, func(off int) bool {
				add(s.first(s.chunk), off)
				return true
			})
			slices.Reverse(seqs[n:])
		}
		return seqs
	}
	for _, z := range r.opened.chunks {
		if z.chunk < sealed {
			continue
		}
		for _, off := range z.offsets(kind, hash) {
			add(z.first(z.chunk), off)
		}
	}
	return seqs
}

// lookUp is the number under which a change is stored, and whether it is.
func (r *reader) lookUp(id audit.ChangeID) (audit.Seq, bool, error) {
	sealed, err := r.sealed()
	if err != nil {
		return 0, false, err
	}
	open := r.openSeqs(nil, len(sealed.chunks), idHash(id), kindIDHash)
	if seq, found, err := r.ofID(open, id); found || err != nil {
		return seq, found, err
	}
	seqs, err := r.sums.sealedHash(r.txn, sealed, kindIDHash, idHash(id))
	if err != nil {
		return 0, false, err
	}
	return r.ofID(seqs, id)
}

// find is lookUp for a change that is being appended: it may have come earlier in
// the batch, and its time says where to look.
func (r *reader) find(c *audit.Change) (audit.Seq, bool, error) {
	for i := range r.rows {
		if have := &r.rows[i].c; have.ID == c.ID {
			return have.Seq, true, nil
		}
	}
	sealed, err := r.sealed()
	if err != nil {
		return 0, false, err
	}
	open := r.openSeqs(nil, len(sealed.chunks), idHash(c.ID), kindIDHash)
	if seq, found, err := r.ofID(open, c.ID); found || err != nil {
		return seq, found, err
	}
	seqs, err := r.sums.idAt(r.txn, sealed, c.ID, c.Time)
	if err != nil {
		return 0, false, err
	}
	return r.ofID(seqs, c.ID)
}

// ofID is which of some changes has an id.
func (r *reader) ofID(seqs []audit.Seq, id audit.ChangeID) (audit.Seq, bool, error) {
	for _, s := range seqs {
		c, err := r.identity(s)
		if err != nil {
			return 0, false, damaged(err)
		}
		if c.Identify() == id {
			return s, true, nil
		}
	}
	return 0, false, nil
}

// identity is a stored change without its images: who did what to which record,
// as it was first read. Its ID is not set.
func (r *reader) identity(s audit.Seq) (audit.Change, error) {
	if n := len(r.rows); n > 0 && s >= r.rows[0].c.Seq && s < r.rows[0].c.Seq+audit.Seq(n) {
		return r.rows[s-r.rows[0].c.Seq].c, nil
	}
	if w, found := r.held.find(s); found {
		return w.c, nil
	}
	if w, found := r.recent(s); found {
		return w.c, nil
	}
	b, i, err := r.locate(s)
	if err != nil {
		return audit.Change{}, err
	}
	return b.head(i)
}
