package ingest

import (
	"context"

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
