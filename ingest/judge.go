package ingest

import (
	"context"
	"slices"

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

// unread says that a change of that time is in a transaction that a scan left
// out or could not read. On the LMDB line that cannot be told by a time; see
// explained.
func (s *scan) unread(at audit.Time) bool {
	if !s.oneClock {
		return false
	}
	return slices.ContainsFunc(s.holes, func(h window) bool { return h.from <= at && at < h.to }) ||
		slices.ContainsFunc(s.found, func(g audit.Gap) bool { return g.From <= at && at < g.End() })
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
