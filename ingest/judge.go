package ingest

import (
	"context"
	"fmt"

	"recourse/audit"
)

// commitLag is by how much, in milliseconds, an entry of the LMDB line may be
// stored later than the time it shows: two commits in one call were seen to be
// 1.5 seconds apart.
const commitLag = 5000

// judge decides of the stretches that a scan could not read whether they hide
// anything. Harper cannot read an entry any more once its record has changed in
// certain ways; where the stretch was read when it still could, the change is
// stored. Such a gap counts as healed from the start.
func (t *Tailer) judge(ctx context.Context, tb *table, s *scan) ([]audit.Gap, error) {
	t.stats.with(func(st *Stats) { st.Unreadable += len(s.found) })
	if s.rows > 0 {
		tb.oneClock, tb.twoClocks = s.oneClock, !s.oneClock
	}
	for i := range s.found {
		g := &s.found[i]
		if g.Kind != audit.GapUnreadable || g.To <= g.From || !tb.memory.covers(window{g.From, g.To}) {
			continue
		}
		if tb.oneClock {
			// Here something may have come later that has an old time.
			stored, err := t.holds(ctx, tb, g.From, g.To)
			if err != nil {
				return nil, err
			}
			if !stored {
				continue
			}
		} else if !tb.twoClocks {
			continue // which line it is was never seen
		}
		g.Healed = g.Observed
	}
	return s.found, nil
}

// holds says that a change of that time is stored.
func (t *Tailer) holds(ctx context.Context, tb *table, from, to audit.Time) (bool, error) {
	for c, err := range t.o.Store.TableChanges(ctx, tb.table, from, max(to, from+narrowest)) {
		if err != nil {
			return false, err
		}
		if c.Cluster == t.o.Cluster {
			return true, nil
		}
	}
	return false, nil
}

// unread says that a change of that time may be among what a scan left out or
// could not read. It may stand before its time too: another node's clock may be
// ahead of that of the node whose log it is.
func (s *scan) unread(at audit.Time) bool {
	before, after := ms(lateAfter), audit.Time(commitLag)
	if s.oneClock {
		before, after = 0, 0
	}
	for _, h := range s.holes {
		if h.from-before <= at && at < h.to+after {
			return true
		}
	}
	for _, g := range s.found {
		if g.From-before <= at && at < g.End()+after {
			return true
		}
	}
	return false
}

// explained says that so many changes which are not shown may be those that a
// scan from a time on left out or could not read. On the LMDB line each hides
// one, and how far it stands from its time is not known.
func (s *scan) explained(missing int, from audit.Time) bool {
	hidden := len(s.found)
	for _, h := range s.holes {
		if h.to > from {
			hidden++
		}
	}
	return !s.oneClock && missing <= hidden
}

// prove holds the end of the log against what it showed at the last poll. What
// is missing now was cut off, and with it perhaps what was written in between.
func (p *polling) prove(ctx context.Context, b *audit.Batch, w window) error {
	if !p.known || p.scan.cut || p.tb.polled.IsZero() {
		return nil
	}
	var gone []audit.ChangeID
	for _, id := range p.tb.recent.missing(&p.shown, w) {
		if !p.scan.unread(p.tb.recent.seen[id].time) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 || p.scan.explained(len(gone), p.tb.recent.from) {
		return nil
	}
	times := window{from: p.server}
	for _, id := range gone {
		at := p.tb.recent.seen[id].time
		times.from, times.to = min(times.from, at), max(times.to, at)
	}
	// On the LMDB line a change that is dated into the future stands before its
	// time, but not before where the last poll began.
	times.from, times.to = min(times.from, p.tb.recent.from), max(times.to, w.from)
	shown, err := p.t.lookAgain(ctx, p.tb, p.server, times)
	if err != nil {
		return err
	}
	lost := 0
	for _, id := range gone {
		if !shown.has(id) {
			lost++
		}
	}
	if lost > 0 {
		b.Gaps = append(b.Gaps, audit.Gap{
			Node: p.t.o.Node, Table: p.tb.table, From: p.cursor.Time, To: p.server, Kind: audit.GapPurged, Observed: audit.TimeOf(p.t.o.Now()),
			Reason: fmt.Sprintf("the log was cut: %d changes that it showed before are gone from it, and what was written since then may be too", lost),
		})
	}
	return nil
}

// lookAgain reads a small part of the log once more and says what it shows.
func (t *Tailer) lookAgain(ctx context.Context, tb *table, server audit.Time, w window) (idSet, error) {
	shown := idSet{}
	s := t.scan(tb, server, func(_ context.Context, r *reading) error {
		shown.add(r.changes)
		return nil
	})
	err := s.run(ctx, window{max(w.from-1000, 0), w.to + commitLag})
	return shown, err
}

// An idSet is a set of change ids, by their first eight bytes.
type idSet map[[8]byte]struct{}

func (s idSet) add(changes []audit.Change) {
	for i := range changes {
		s[[8]byte(changes[i].ID[:8])] = struct{}{}
	}
}

func (s idSet) has(id audit.ChangeID) bool {
	_, there := s[[8]byte(id[:8])]
	return there
}

// cutAlarm is what is said of changes that are gone from the log.
func (t *Tailer) cutAlarm(tb *table, lost []audit.Change) []audit.Alert {
	if len(lost) == 0 {
		return nil
	}
	return []audit.Alert{PurgeAlarm(t.o.Node, tb.table, lost, lost[0].Time, lost[len(lost)-1].Time).Alert()}
}
