package ingest

import (
	"hash/maphash"

	"recourse/audit"
)

// recent is what a poll showed of the end of the log, so that the next one need
// not ask the store for what comes again, and can tell what does not.
// The zero value is empty.
type recent struct {
	seen map[audit.ChangeID]glimpse
	seed maphash.Seed
	full bool       // there was more than is kept
	from audit.Time // where in the log the poll began
}

// A glimpse is how a change read.
type glimpse struct {
	time  audit.Time
	kind  audit.Kind
	late  bool
	trust audit.Trust
	hash  uint64
}

// mostRecent is how many changes are kept.
const mostRecent = 50_000

func (r *recent) add(c *audit.Change) {
	if r.seen == nil {
		r.seen, r.seed = map[audit.ChangeID]glimpse{}, maphash.MakeSeed()
	}
	if len(r.seen) == mostRecent {
		r.full = true
		return
	}
	r.seen[c.ID] = glimpse{c.Time, c.Op.Kind(), c.Late, c.After.Trust, r.hash(c)}
}

// hash is of what may differ between two readings of a change.
func (r *recent) hash(c *audit.Change) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	for _, s := range []string{string(c.Op), c.User, c.Note} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	h.WriteByte(byte(c.After.State))
	h.Write(c.After.Body)
	return h.Sum64()
}

// holds says that a change was stored as it reads now, or as further trusted.
func (r *recent) holds(c *audit.Change) bool {
	g, ok := r.seen[c.ID]
	return ok && g.trust >= c.After.Trust && g.hash == r.hash(c)
}

// missing are the changes of a stretch that were shown before and are not now.
// A message has the time of its record's last write, and a late change that of
// its making, so where they stand in the log is not known.
func (r *recent) missing(now *recent, w window) []audit.ChangeID {
	if now.full || r.full {
		return nil
	}
	var gone []audit.ChangeID
	for id, g := range r.seen {
		_, there := now.seen[id]
		if !there && g.kind != audit.KindMessage && !g.late && g.time >= w.from && (w.to == 0 || g.time < w.to) {
			gone = append(gone, id)
		}
	}
	return gone
}
