package ingest

import (
	"context"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
)

// A captured answer can show at most what Harper still had when it was read.
const (
	// defaultRetention, in milliseconds, is how long Harper keeps its log unless it
	// is told otherwise.
	defaultRetention = 72 * 3600 * 1000
	// dateSlack, in milliseconds, is by how much the Date of an answer may be after
	// the moment of which the answer is.
	dateSlack = 1000
)

// A coverer works out what the captures of one import cover.
type coverer struct {
	sink Archive
	node string
	// logged are the tables of which a change was ever seen. An empty answer of
	// another may be that of a table without a log, and shows nothing.
	logged map[audit.Table]bool
}

// newCoverer looks up which tables have stored changes.
func newCoverer(ctx context.Context, sink Archive, node string) (*coverer, error) {
	tables, err := sink.Tables(ctx)
	if err != nil {
		return nil, err
	}
	v := &coverer{sink: sink, node: node, logged: map[audit.Table]bool{}}
	for t := range tables {
		v.logged[t] = true
	}
	return v, nil
}

// span is the stretch of which a capture that was not cut short shows all there
// was: from the begin of its range, or that of the log if that is later, to the
// end of its range or the moment of reading. Where the log began is told by the
// first change that it shows; a range within Harper's usual retention is taken
// to be whole. False: nothing is known, as when nobody noted the time of reading.
func (v *coverer) span(c capture, first audit.Time) (audit.Span, bool) {
	s := audit.Span{Node: v.node, Table: c.table, From: c.from, To: c.at}
	if s.To == 0 && c.date > 0 {
		s.To = c.date - dateSlack
	}
	if s.To <= 0 || c.single {
		return s, false
	}
	kept := s.To - defaultRetention
	if c.to > 0 {
		s.To = min(s.To, c.to)
	}
	if first > 0 {
		v.logged[c.table] = true
	}
	switch {
	case !v.logged[c.table]:
		return s, false
	case c.from == 0:
		s.From = first
	case c.from < kept && first > 0:
		s.From = max(c.from, min(first, kept))
	case c.from < kept:
		s.From = kept
	}
	return s, s.From > 0 && s.From < s.To
}

// mend heals the gaps of cut-short answers as far as other captures fill them.
// What is left of one that is filled in part is a gap of its own. The count of
// gaps that it returns may be below zero: by so many there are fewer.
func (v *coverer) mend(ctx context.Context, now audit.Time) (audit.Appended, error) {
	gaps, err := v.sink.Gaps(ctx)
	if err != nil {
		return audit.Appended{}, err
	}
	spans, err := v.sink.Spans(ctx)
	if err != nil {
		return audit.Appended{}, err
	}
	spans = slices.DeleteFunc(spans, func(s audit.Span) bool { return s.Node != v.node })
	var b audit.Batch
	for _, g := range gaps {
		if g.Healed != 0 || g.Node != v.node || !strings.HasPrefix(g.Reason, cutReason) {
			continue
		}
		left := slices.DeleteFunc(audit.CoverageOf(g.Table, spans, nil, g.From, g.To), func(s audit.Stretch) bool { return s.Cover == audit.Covered })
		if len(left) == 1 && left[0].From == g.From && left[0].To == g.To {
			continue
		}
		for _, s := range left {
			part := g
			part.From, part.To = s.From, s.To
			b.Gaps = append(b.Gaps, part)
		}
		g.Healed = now
		b.Healed = append(b.Healed, g)
	}
	got, err := commit(ctx, v.sink, b)
	got.Gaps -= len(b.Healed) // what is left of a gap is no further one
	return got, err
}

// first remembers when the earliest change happened that an answer shows: that
// of its first record, as answers are in the order of the log. A message has the
// time of the record that it is about, which may be long past.
func first(at *audit.Time, next func(harper.AuditRow)) func(harper.AuditRow) {
	return func(row harper.AuditRow) {
		if *at == 0 && row.Operation.Kind() != audit.KindMessage {
			*at = row.Time
		}
		next(row)
	}
}
