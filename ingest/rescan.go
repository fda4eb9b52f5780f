package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
)

// A pass is a re-scan of one table that is under way, window by window.
type pass struct {
	tier   Rescan
	next   audit.Time // where the next window begins
	server audit.Time // the server's clock when the pass began
	width  width
	shown  idSet // what the last two windows showed
	before idSet
	seen   occurrences
	told   audit.Time // stored changes up to here were held against the log
	report *Reconciled
}

// rescanDue says that a tier of re-scans is due, or one is under way.
func (tb *table) rescanDue(server audit.Time, tiers []Rescan) bool {
	if tb.pass != nil {
		return true
	}
	if tb.polled.IsZero() {
		return false
	}
	_, due := tb.dueTier(server, tiers)
	return due
}

// dueTier is the longest tier that is due: it does the work of the shorter ones.
func (tb *table) dueTier(server audit.Time, tiers []Rescan) (Rescan, bool) {
	for i := len(tiers) - 1; i >= 0; i-- {
		last, done := tb.reread[tiers[i].name()]
		// A clock that was set back does not put a re-scan off.
		if !done || server-last >= ms(tiers[i].Every) || last > server+clockSlack {
			return tiers[i], true
		}
	}
	return Rescan{}, false
}

// rescan reads one window of a stretch that was read before, because changes
// may have come into it since: of long transactions, of imports with old times,
// through replication, or after the server's clock was set. The pass ends with
// its last window.
func (t *Tailer) rescan(ctx context.Context, tb *table, server audit.Time) (audit.Appended, error) {
	if tb.pass == nil {
		tier, due := tb.dueTier(server, t.tiers())
		if !due {
			return audit.Appended{}, nil
		}
		tb.pass = &pass{tier: tier, next: max(server-ms(tier.Back), 0), server: server, width: width{now: tier.Back}}
	}
	r := rescanning{t: t, tb: tb, pass: tb.pass}
	err := r.window(ctx)
	if err != nil {
		if !errors.Is(err, errSpent) {
			tb.pass = nil
		}
		err = fmt.Errorf("read again %s: %w", tb.name(), err)
	}
	t.stats.rescanned(r.pass, r.total, t.o.Now(), tb.pass == nil && err == nil)
	return r.total, err
}

// A rescanning is one window of a pass under way.
type rescanning struct {
	t      *Tailer
	tb     *table
	pass   *pass
	scan   *scan
	newest newest
	logged []audit.Time // of the changes that the window showed, if somebody counts them
	total  audit.Appended
}

func (r *rescanning) window(ctx context.Context) error {
	p, t := r.pass, r.t
	cursor, known, err := t.o.Store.Cursor(ctx, t.o.Node, r.tb.table)
	if err != nil {
		return err
	}
	for {
		w := p.width.next(p.next, p.server, 2*t.o.Overlap)
		r.scan = t.scan(r.tb, p.server, r.emit)
		r.scan.seen = p.seen // a window may end within a transaction
		if known {
			r.scan.late = min(cursor.Time, p.server) - ms(t.o.Overlap)
		}
		p.before, p.shown, r.logged = p.shown, idSet{}, nil
		began := t.o.Now()
		err := r.scan.run(ctx, w)
		if err != nil && ctx.Err() == nil && isOverload(err) && p.width.narrow(w) {
			continue
		}
		if err != nil && ctx.Err() == nil && errors.Is(err, harper.ErrTimeout) && w.to != 0 && !r.scan.hangs(ctx) {
			r.scan.giveUp(w, err)
			err = nil
		}
		if err != nil {
			return r.failed(ctx, err)
		}
		p.width.took(w, t.o.Now().Sub(began))
		p.seen = r.scan.seen
		return r.commit(ctx, w, cursor)
	}
}

// failed keeps what is known of a window that ended in an error. Without that, a
// log of which much cannot be read would be read for ever, each time as far.
func (r *rescanning) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	found, judged := r.t.judge(ctx, r.tb, r.scan)
	got, kept := r.t.keep(ctx, r.tb, audit.Batch{Gaps: found, Slow: r.scan.slow})
	r.total = addAppended(r.total, got)
	return errors.Join(err, judged, kept)
}

func (r *rescanning) emit(ctx context.Context, rd *reading) error {
	var none recent
	got, err := r.t.store(ctx, r.tb, rd, &none)
	r.total = addAppended(r.total, got)
	r.pass.shown.add(rd.changes)
	r.newest.add(rd)
	if r.pass.report != nil {
		r.pass.report.stored(got)
		for i := range rd.changes {
			r.logged = append(r.logged, rd.changes[i].Time)
		}
	}
	return err
}

// commit stores what a window brought besides its changes, and moves on.
func (r *rescanning) commit(ctx context.Context, w window, cursor audit.Cursor) error {
	p, t := r.pass, r.t
	end := w.to
	if w.to == 0 {
		end = p.server
	}
	found, err := t.judge(ctx, r.tb, r.scan)
	if err != nil {
		return err
	}
	b := audit.Batch{Gaps: found, Slow: r.scan.slow}
	if !r.scan.cut || w.to != 0 {
		b.Spans = []audit.Span{{Node: t.o.Node, Table: r.tb.table, From: w.from, To: end}}
	}
	if p.tier.Back > t.o.Overlap || p.report != nil {
		if err := r.compare(ctx, w, &b); err != nil {
			return err
		}
	}
	if w.to == 0 {
		if err := r.finish(ctx, &b, cursor); err != nil {
			return err
		}
	}
	p.report.logged(r.logged)
	got, err := t.keep(ctx, r.tb, b)
	r.total = addAppended(r.total, got)
	if err != nil || w.to != 0 {
		p.next = end
		return err
	}
	if !r.scan.cut {
		got, err = t.promote(ctx, r.tb, &r.newest, max(w.from, r.scan.hidden()))
		r.total = addAppended(r.total, got)
	}
	r.tb.pass = nil
	return err
}

// finish notes that the tier, and those within it, were done.
func (r *rescanning) finish(ctx context.Context, b *audit.Batch, cursor audit.Cursor) error {
	p, t := r.pass, r.t
	if p.tier.Back >= t.retention() || p.report != nil {
		if err := r.retry(ctx, b); err != nil {
			return err
		}
	}
	done := maps.Clone(r.tb.reread)
	if done == nil {
		done = map[string]audit.Time{}
	}
	for _, tier := range t.tiers() {
		if tier.Back <= p.tier.Back {
			done[tier.name()] = p.server
		}
	}
	r.tb.reread = done
	if cursor.Table == r.tb.table { // it was read before
		cursor.Reread = done
		b.Cursors = []audit.Cursor{cursor}
	}
	return nil
}

// compare holds what is stored against what the log shows now. On the LMDB line
// an entry may stand a little later in the log than the time that it shows, so
// the last seconds of a window are judged with the next.
func (r *rescanning) compare(ctx context.Context, w window, b *audit.Batch) error {
	p, t := r.pass, r.t
	end := w.to
	from, to := max(p.told, p.server-ms(p.tier.Back)), end-commitLag
	if w.to == 0 {
		end, to = p.server, audit.Time(math.Inf(1))
	}
	kept := p.server - ms(t.retention()) + ms(t.o.Overlap)
	var gone []audit.Change
	for c, err := range t.o.Store.TableChanges(ctx, r.tb.table, from, to) {
		if err != nil {
			return err
		}
		if c.Node != t.o.Node || c.Cluster != t.o.Cluster {
			continue
		}
		p.report.held(&c)
		if c.Op.Kind() == audit.KindMessage || c.Late || c.Synthetic || c.Time < kept || t.clock.ahead(&c) || p.shown.has(c.ID) || p.before.has(c.ID) || r.scan.unread(c.Time) {
			continue
		}
		gone = append(gone, c)
	}
	p.told = to
	if len(gone) == 0 {
		return nil
	}
	lost, err := r.lost(ctx, gone, window{gone[0].Time - 1000, gone[len(gone)-1].Time + commitLag})
	if err == nil && len(lost) > 0 && r.tb.twoClocks {
		// A change stands where it was committed, and when that was is not known.
		lost, err = r.lost(ctx, lost, window{from: kept})
	}
	if err != nil {
		return err
	}
	if len(lost) == 0 || r.scan.explained(len(lost), p.server-ms(p.tier.Back)) {
		return nil
	}
	p.report.gone(lost)
	b.Gaps = append(b.Gaps, r.cut(lost, end))
	b.Alerts = append(b.Alerts, t.cutAlarm(r.tb, lost)...)
	return nil
}

// lost are those of some changes that a stretch of the log does not show.
func (r *rescanning) lost(ctx context.Context, gone []audit.Change, w window) ([]audit.Change, error) {
	shown, s, err := r.t.lookAgain(ctx, r.tb, r.pass.server, w)
	return slices.DeleteFunc(gone, func(c audit.Change) bool { return shown.has(c.ID) || s.unread(c.Time) }), err
}

// cut is the gap that a deletion of the log leaves: what was written after the
// last change that is missing, and is not shown, may never have been read.
func (r *rescanning) cut(lost []audit.Change, end audit.Time) audit.Gap {
	g := audit.Gap{
		Node: r.t.o.Node, Table: r.tb.table, From: lost[len(lost)-1].Time, To: end, Kind: audit.GapPurged, Observed: audit.TimeOf(r.t.o.Now()),
		Reason: fmt.Sprintf("the log was cut: %d changes that it showed before are gone from it, and what was written before the next that it shows may be too", len(lost)),
	}
	for _, at := range []audit.Time{r.pass.shown.after(g.From), r.pass.before.after(g.From)} {
		if at != 0 {
			g.To = min(g.To, at)
		}
	}
	return g
}

// mostRetried bounds how many gaps one pass tries again.
const mostRetried = 100

// retry reads stretches again that could not be read: Harper can read an entry
// again once its record was written anew.
func (r *rescanning) retry(ctx context.Context, b *audit.Batch) error {
	tried := 0
	for _, g := range r.tb.memory.gaps {
		if g.Kind != audit.GapUnreadable || g.Healed != 0 || g.To <= g.From || r.isHopeless(g) {
			continue
		}
		if tried++; tried > mostRetried {
			return nil
		}
		s := r.t.scan(r.tb, r.pass.server, r.emit)
		s.holes = nil
		if err := s.run(ctx, window{g.From, g.To}); err != nil {
			return err
		}
		if len(s.found) == 0 && s.rows > 0 { // nothing is shown of what is deleted
			b.Healed = append(b.Healed, healed(g, audit.TimeOf(r.t.o.Now())))
		}
	}
	return nil
}

// isHopeless says that a stretch is not tried again: it is wide, or Harper did
// not get through it, unless somebody asks for that.
func (r *rescanning) isHopeless(g audit.Gap) bool {
	if strings.HasPrefix(g.Reason, gaveUp) {
		return r.pass.report == nil
	}
	return g.To-g.From > narrowest
}

func healed(g audit.Gap, at audit.Time) audit.Gap {
	g.Healed = at
	return g
}
