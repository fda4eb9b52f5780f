package store

import (
	"fmt"
	"slices"

	"recourse/audit"
)

func (a *appender) batch(b audit.Batch) error {
	// A number that is used twice would hide a change for good.
	if head, err := readHead(a.txn); err != nil || head != a.head {
		return fmt.Errorf("%w: the head is %d, not %d (%w)", ErrCorrupt, head, a.head, err)
	}
	items := len(b.Changes) + len(b.Records)
	a.r.rows = slices.Grow(a.r.rows, len(b.Changes))
	a.lasts = make(map[recordName]lastImage, len(b.Changes))
	for i := range b.Changes {
		c := &b.Changes[i]
		if err := a.change(c); err != nil {
			return fmt.Errorf("%s at %s: %w", c.Key.Table, c.Time, err)
		}
		if a.bytes > maxBatch && items > 1 {
			return ErrBatchTooBig
		}
		if i == 0 || sortable(c.Time) > sortable(a.out.Newest) {
			a.out.Newest = c.Time
		}
	}
	for i := range b.Records {
		if err := a.baseRecord(b.Records[i]); err != nil {
			return fmt.Errorf("base record of %s: %w", b.Records[i].Key.Table, err)
		}
		if a.bytes > maxBatch && items > 1 {
			return ErrBatchTooBig
		}
	}
	if err := a.coverage(b); err != nil {
		return err
	}
	if err := a.others(b); err != nil {
		return err
	}
	if err := a.blocks(); err != nil {
		return err
	}
	return a.marks()
}

// coverage stores what was read of the logs and what could not be. What was
// healed comes before what is still hidden within it.
func (a *appender) coverage(b audit.Batch) error {
	for _, g := range b.Healed {
		if err := a.heal(g); err != nil {
			return fmt.Errorf("heal gap of %s: %w", g.Table, err)
		}
	}
	for _, g := range b.Gaps {
		if err := a.gap(g); err != nil {
			return fmt.Errorf("gap of %s: %w", g.Table, err)
		}
	}
	for _, c := range b.Cursors {
		if err := a.unread(c); err != nil {
			return fmt.Errorf("cursor of %s: %w", c.Table, err)
		}
	}
	for _, s := range b.Spans {
		if err := a.span(s); err != nil {
			return fmt.Errorf("span of %s: %w", s.Table, err)
		}
	}
	for t := range a.touched {
		if spans, there := a.known.spans[t]; there {
			k := a.edit()
			k.whole = with(k.whole, t, wholeOf(spans, k.gaps[t]))
		}
	}
	for _, w := range b.Slow {
		if err := setEncoded(a.txn, slowKey(&w), slowOut(w)); err != nil {
			return fmt.Errorf("slow window of %s: %w", w.Table, err)
		}
	}
	return nil
}

// others stores what is neither a change nor about what was read.
func (a *appender) others(b audit.Batch) error {
	for _, c := range b.Cursors {
		if err := setEncoded(a.txn, cursorKey(c.Node, c.Table), cursorOut(c)); err != nil {
			return fmt.Errorf("cursor of %s: %w", c.Table, err)
		}
	}
	for _, l := range b.Alerts {
		l = a.numbered(l)
		if err := a.teller.joinAlert(a.txn, l); err != nil {
			return fmt.Errorf("alert %s: %w", l.ID, err)
		}
	}
	for _, l := range b.Baselines {
		if err := a.baseline(l); err != nil {
			return fmt.Errorf("baseline of %s: %w", l.Table, err)
		}
	}
	return nil
}
