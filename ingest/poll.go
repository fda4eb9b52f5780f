package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// poll reads one table's log from its cursor to the end, and commits what is
// new together with the new cursor. What lies far behind is read window by
// window, each with its cursor. Where very much of the log cannot be read it
// returns errSpent before it is through; the next poll gets further.
func (t *Tailer) poll(ctx context.Context, tb *table, server audit.Time) (audit.Appended, error) {
	p := &polling{t: t, tb: tb, server: server}
	began := t.o.Now()
	err := p.run(ctx)
	if err != nil {
		err = fmt.Errorf("tail %s: %w", tb.name(), err)
	}
	t.stats.polled(tb, server, p.total, t.o.Now().Sub(began), err)
	return p.total, err
}

// A polling is one poll under way.
type polling struct {
	t      *Tailer
	tb     *table
	server audit.Time // the server's clock when the poll began
	cursor audit.Cursor
	known  bool // the table was read before
	first  bool // no part of the log was ever read that held anything
	anew   bool // the whole log is read again
	scan   *scan
	outage []audit.Gap
	shown  recent     // what the live window showed
	oldest audit.Time // of a first reading: the oldest change seen; 0: none yet
	// sure is from which time on what was read shows all changes: before it, gaps
	// may hide some.
	sure   audit.Time
	newest newest // of the records read, whose images may turn out to be right
	total  audit.Appended
}

// resume finds out where reading stands.
func (p *polling) resume(ctx context.Context) error {
	var err error
	if p.cursor, p.known, err = p.t.o.Store.Cursor(ctx, p.t.o.Node, p.tb.table); err != nil {
		return err
	}
	// A first reading that was interrupted goes on as one. A cursor without
	// re-scans is of a store from before there were spans.
	p.first = !p.known || p.cursor.Reread != nil && p.cursor.Reread[firstReading] == 0 && !p.tb.memory.read
	if p.tb.reread == nil && p.known {
		p.tb.reread = p.cursor.Reread
	}
	return nil
}

// through says that the first reading of the log came to its end once. Until
// then the cursor stands where it has got to in an old log, and says nothing of
// when the log was read. A cursor of before that was noted has no re-scans.
func (p *polling) through() bool {
	return p.known && (p.cursor.Reread == nil || p.cursor.Reread[firstReading] != 0)
}

func (p *polling) run(ctx context.Context) error {
	if err := p.resume(ctx); err != nil {
		return err
	}
	from := p.begin()
	p.shown.from = from
	if p.sure = from; p.known {
		p.tb.memory.doubt(p.trusted(from))
	}
	if err := p.t.lookAhead(ctx, p.tb, from); err != nil {
		return err
	}
	p.scan = p.t.scan(p.tb, p.server, p.emit)
	if p.known {
		p.scan.late = min(p.cursor.Time, p.server) - ms(p.t.o.Overlap)
	}
	for {
		w := p.tb.width.next(from, p.server, p.near())
		began := p.t.o.Now()
		err := p.scan.run(ctx, w)
		if err != nil && ctx.Err() == nil && isOverload(err) && p.tb.width.narrow(w) {
			p.t.o.Log.Info("reading a smaller part of the log", "table", p.tb.name(), "width", p.tb.width.get().String(), "err", err)
			continue
		}
		if err != nil && ctx.Err() == nil && errors.Is(err, harper.ErrTimeout) && w.to != 0 && !p.scan.hangs(ctx) {
			// A millisecond of the log that Harper does not get through.
			p.scan.giveUp(w, err)
			err = nil
		}
		if err != nil {
			return p.failed(ctx, err)
		}
		p.tb.width.took(w, p.t.o.Now().Sub(began))
		if err := p.commit(ctx, w); err != nil || w.to == 0 {
			return err
		}
		from = w.to
	}
}

// near is how close to the live end an open window begins.
func (p *polling) near() time.Duration { return 2*p.t.o.Overlap + time.Minute }

// begin is where reading goes on: at the cursor, less what is read again.
func (p *polling) begin() audit.Time {
	if !p.known {
		return 0
	}
	t, cursor := p.t, p.cursor.Time
	back := ms(min(step, t.o.Overlap))
	if p.tb.polled.IsZero() {
		back = ms(t.o.Overlap)
	}
	elapsed := t.o.Now().Sub(p.tb.polled)
	switch {
	case p.server < cursor-clockSlack && p.tb.polled.IsZero():
		// The clock was set back while nobody looked. What was written since lies
		// before the cursor, and since when is not known.
		t.o.Log.Warn("the server's clock was set back: reading the whole log", "table", p.tb.name(), "by_ms", (cursor - p.server).String())
		p.anew = true
		return 0
	case p.setBack():
		return min(cursor, p.server-ms(elapsed)) - ms(t.o.Overlap)
	}
	kept := t.retention()
	// Reading the whole log again leaves the cursor far behind if it is interrupted.
	begun := p.cursor.Reread[wholeReading]
	p.anew = begun != 0 && p.server-begun < ms(kept)
	read := p.tb.memory.readTo(cursor, p.server)
	if lost := p.server - ms(kept); read < lost && p.through() && !p.anew && (p.tb.polled.IsZero() || elapsed > kept) {
		p.outage = []audit.Gap{{
			Node: t.o.Node, Table: p.tb.table, From: read, To: lost, Kind: audit.GapOutage, Observed: audit.TimeOf(t.o.Now()),
			Reason: "not read for longer than Harper keeps its log: changes of this time may be lost",
		}}
		t.o.Log.Error("the log was not read for longer than Harper keeps it", "table", p.tb.name(), "from", read.ISO(), "to", lost.ISO())
		return cursor - ms(t.o.Overlap)
	}
	return min(cursor, p.server) - back
}

// setBack says that the server's clock has gone on by less than ours since the
// last poll: it was set back, and what was written since may lie before the
// cursor.
func (p *polling) setBack() bool {
	return !p.tb.polled.IsZero() && p.server-p.cursor.Time < ms(p.t.o.Now().Sub(p.tb.polled))-clockSlack
}

// trusted is up to which time of the log what was read before is known to be
// whole: the clock may have been set back, now or earlier.
func (p *polling) trusted(from audit.Time) audit.Time {
	if p.server < p.cursor.Time || p.setBack() {
		return from
	}
	return p.cursor.Time
}

// commit stores what one window brought besides its changes: where reading
// stands now, what was read, and what could not be.
func (p *polling) commit(ctx context.Context, w window) error {
	end := w.to
	if w.to == 0 {
		end = p.server
	}
	found, err := p.t.judge(ctx, p.tb, p.scan)
	if err != nil {
		return err
	}
	b := audit.Batch{
		Gaps: append(p.outage, found...), Slow: p.scan.slow,
		Cursors: []audit.Cursor{{Node: p.t.o.Node, Table: p.tb.table, Time: end, Reread: p.reread(w.to == 0)}},
	}
	p.cover(&b, w, end)
	if w.to == 0 {
		if err := p.prove(ctx, &b, w); err != nil {
			return err
		}
	}
	p.sure = max(p.sure, p.scan.hidden())
	p.outage, p.scan.found, p.scan.slow = nil, nil, nil
	got, err := p.t.keep(ctx, p.tb, b)
	p.total = addAppended(p.total, got)
	if err != nil || w.to != 0 || p.scan.cut {
		return err
	}
	p.tb.recent, p.tb.polled = p.shown, p.t.o.Now()
	got, err = p.t.promote(ctx, p.tb, &p.newest, p.sure)
	p.total = addAppended(p.total, got)
	return err
}

// firstReading is, among the re-scans in a cursor, when the first reading of the
// log was through.
const firstReading = "first"

// wholeReading is, among the re-scans in a cursor, when a reading of the whole
// log was under way that a clock which was set back has made necessary.
const wholeReading = "whole"

// reread is when the re-scans were done; for a table that was never read
// before, reading it is all of them.
func (p *polling) reread(ended bool) map[string]audit.Time {
	done := maps.Clone(p.tb.reread)
	if done == nil {
		done = map[string]audit.Time{}
		for _, r := range p.t.tiers() {
			done[r.name()] = p.server
		}
	}
	if ended && p.first {
		done[firstReading] = p.server
	}
	if delete(done, wholeReading); p.anew && !ended {
		done[wholeReading] = p.server
	}
	p.tb.reread = done
	return done
}

// cover adds the stretch that a window has read. At the first reading the log
// begins with its oldest entry: older ones, if there were any, are gone.
func (p *polling) cover(b *audit.Batch, w window, end audit.Time) {
	from := w.from
	if !p.first && from == 0 {
		from = p.server - ms(p.t.retention()) // nobody knows what was in the log before
	}
	if p.first && p.oldest == 0 && w.to != 0 {
		return
	}
	if p.first && (from == 0 || p.oldest == 0 || p.oldest >= from) {
		// What is older than Harper keeps its log may be dated back.
		from = min(max(cmp.Or(p.oldest, p.server), p.server-ms(p.t.retention())), end)
		b.Gaps = append(b.Gaps, audit.Gap{
			Node: p.t.o.Node, Table: p.tb.table, From: 0, To: from, Kind: audit.GapBefore, Observed: audit.TimeOf(p.t.o.Now()),
			Reason: "nothing older was in the log when it was first read",
		})
	}
	for _, at := range p.scan.reloads {
		b.Gaps = append(b.Gaps, p.reloaded(at))
		b.Alerts = append(b.Alerts, ReloadAlarm(p.t.o.Node, p.tb.table, at, "").Alert())
	}
	p.scan.reloads = nil
	if !p.scan.cut || w.to != 0 {
		b.Spans = append(b.Spans, audit.Span{Node: p.t.o.Node, Table: p.tb.table, From: from, To: end})
	}
}

// reloaded is the gap that a copy of the table from another node leaves: the
// copied records are not in this node's log.
func (p *polling) reloaded(at audit.Time) audit.Gap {
	return audit.Gap{
		Node: p.t.o.Node, Table: p.tb.table, From: 0, To: at, Kind: audit.GapBefore, Observed: audit.TimeOf(p.t.o.Now()),
		Reason: "the node copied this table from another then; what it copied is not in its log",
	}
}

// failed keeps what is known of a poll that ended in an error.
func (p *polling) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	found, judged := p.t.judge(ctx, p.tb, p.scan)
	got, kept := p.t.keep(ctx, p.tb, audit.Batch{Gaps: found, Slow: p.scan.slow})
	p.total = addAppended(p.total, got)
	return errors.Join(err, judged, kept)
}

// emit stores the changes of a part of a poll.
func (p *polling) emit(ctx context.Context, r *reading) error {
	got, err := p.t.store(ctx, p.tb, r, &p.shown)
	p.total = addAppended(p.total, got)
	p.newest.add(r)
	p.t.stats.beat(p.tb.table.Database, p.t.o.Now())
	if p.first {
		for i := range r.changes {
			if c := &r.changes[i]; c.Op.Kind() != audit.KindMessage && (p.oldest == 0 || c.Time < p.oldest) {
				p.oldest = c.Time
			}
		}
	}
	return err
}

// isOverload says that Harper failed at the size of what it was asked for, or
// may have.
func isOverload(err error) bool {
	var refused *harper.Error
	return errors.Is(err, harper.ErrTimeout) || errors.Is(err, harper.ErrBusy) ||
		errors.As(err, &refused) && refused.Status >= 500
}
