package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
)

// prove holds the end of the log against what it showed at the last poll, or
// what is stored of it. What is missing now was cut off, and with it perhaps what
// was written in between.
func (p *polling) prove(ctx context.Context, b *audit.Batch, w window) error {
	if p.first || p.scan.cut {
		return nil
	}
	w.from = p.shown.from // the windows before the last were read too
	shown := &p.tb.recent
	if p.tb.polled.IsZero() {
		stored, err := p.t.remembered(ctx, p.tb, p.cursor.Time, p.server)
		if err != nil {
			return err
		}
		shown, w.from = &stored, min(w.from, stored.from)
	}
	var gone []audit.ChangeID
	w.from = max(w.from, p.server-ms(p.t.retention())+ms(p.t.o.Overlap)) // older ones go by themselves
	for _, id := range shown.missing(&p.shown, w) {
		if !p.scan.unread(shown.seen[id].time) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 || p.scan.explained(len(gone), shown.from) {
		return nil
	}
	lost, err := p.lost(ctx, gone, shown)
	if lost > 0 && err == nil {
		b.Gaps = append(b.Gaps, audit.Gap{
			Node: p.t.o.Node, Table: p.tb.table, From: p.cursor.Time, To: p.server, Kind: audit.GapPurged, Observed: audit.TimeOf(p.t.o.Now()),
			Reason: fmt.Sprintf("the log was cut: %d changes that it showed before are gone from it, and what was written since then may be too", lost),
		})
	}
	return err
}

// lost counts which of the changes that are missing are so for sure: no part of
// the log shows them where they may stand.
func (p *polling) lost(ctx context.Context, gone []audit.ChangeID, shown *recent) (int, error) {
	times := window{from: p.server}
	for _, id := range gone {
		at := shown.seen[id].time
		times.from, times.to = min(times.from, at), max(times.to, at)
	}
	places := []window{{times.from - 1000, times.to + commitLag}}
	if !p.scan.oneClock {
		// On the LMDB line a change stands where it was committed: before its time if
		// that was dated ahead, and after it if it came late.
		places = []window{{from: min(times.from, shown.from)}, {from: p.server - ms(p.t.retention())}}
	}
	for _, w := range places {
		again, s, err := p.t.lookAgain(ctx, p.tb, p.server, w)
		if err != nil {
			return 0, err
		}
		gone = slices.DeleteFunc(gone, func(id audit.ChangeID) bool { return again.has(id) || s.unread(shown.seen[id].time) })
		if len(gone) == 0 || s.explained(len(gone), 0) {
			return 0, nil
		}
	}
	return len(gone), nil
}

// remembered is what is stored of the end of what was read of a log: the changes
// of the last minute before the cursor or, if there are none, the newest of the
// last hour.
func (t *Tailer) remembered(ctx context.Context, tb *table, cursor, server audit.Time) (recent, error) {
	for _, back := range []time.Duration{t.o.Overlap, time.Hour} {
		var stored recent
		from := max(cursor-ms(back), server-ms(t.retention())+ms(t.o.Overlap))
		for c, err := range t.o.Store.TableChanges(ctx, tb.table, from, cursor+clockSlack) {
			if err != nil {
				return recent{}, err
			}
			if c.Node != t.o.Node || c.Cluster != t.o.Cluster || c.Late || c.Synthetic || c.Op.Kind() == audit.KindMessage || t.clock.ahead(&c) {
				continue
			}
			if back > t.o.Overlap {
				clear(stored.seen)
			}
			stored.add(&c)
		}
		if stored.from = from; len(stored.seen) > 0 {
			return stored, nil
		}
	}
	return recent{from: cursor}, nil
}

// lookAgain reads a small part of the log once more and says what it shows.
func (t *Tailer) lookAgain(ctx context.Context, tb *table, server audit.Time, w window) (idSet, *scan, error) {
	shown := idSet{}
	s := t.scan(tb, server, func(_ context.Context, r *reading) error {
		shown.add(r.changes)
		return nil
	})
	err := s.run(ctx, window{max(w.from, 0), w.to})
	return shown, s, err
}

// An idSet is a set of changes by the first eight bytes of their ids, and the
// times of those that stand in the log at their time; 0 of others.
type idSet map[[8]byte]audit.Time

func (s idSet) add(changes []audit.Change) {
	for i := range changes {
		c := &changes[i]
		at := c.Time
		if c.Late || c.Op.Kind() == audit.KindMessage {
			at = 0
		}
		s[[8]byte(c.ID[:8])] = at
	}
}

// after is the earliest time of one that is later; 0 if none is.
func (s idSet) after(t audit.Time) audit.Time {
	var first audit.Time
	for _, at := range s {
		if at > t && (first == 0 || at < first) {
			first = at
		}
	}
	return first
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
