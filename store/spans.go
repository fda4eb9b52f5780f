package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"recourse/audit"
)

// span is an audit.Span on disk.
type span struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	From     uint64 `cbor:"4,keyasint"`
	To       uint64 `cbor:"5,keyasint"`
}

// slow is an audit.SlowWindow on disk.
type slow struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	From     uint64 `cbor:"4,keyasint"`
	To       uint64 `cbor:"5,keyasint"`
	Took     int64  `cbor:"6,keyasint,omitempty"`
	Entries  int    `cbor:"7,keyasint,omitempty"`
	Observed uint64 `cbor:"8,keyasint"`
}

func spanOut(s audit.Span) span {
	return span{Node: s.Node, Database: s.Table.Database, Table: s.Table.Name, From: bits(s.From), To: bits(s.To)}
}

func decodeSpan(payload []byte) (audit.Span, error) {
	var d span
	if err := decode(payload, &d); err != nil {
		return audit.Span{}, fmt.Errorf("read span: %w", err)
	}
	return audit.Span{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table},
		From: timeOf(d.From), To: timeOf(d.To)}, nil
}

func slowOut(w audit.SlowWindow) slow {
	return slow{Node: w.Node, Database: w.Table.Database, Table: w.Table.Name, From: bits(w.From), To: bits(w.To),
		Took: w.Took, Entries: w.Entries, Observed: bits(w.Observed)}
}

func decodeSlow(payload []byte) (audit.SlowWindow, error) {
	var d slow
	if err := decode(payload, &d); err != nil {
		return audit.SlowWindow{}, fmt.Errorf("read slow window: %w", err)
	}
	return audit.SlowWindow{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table},
		From: timeOf(d.From), To: timeOf(d.To), Took: d.Took, Entries: d.Entries, Observed: timeOf(d.Observed)}, nil
}

// Spans are what was read of each log, by node, table and time. Those of one
// node and table neither overlap nor touch.
func (db *DB) Spans(ctx context.Context) ([]audit.Span, error) {
	return listAll(ctx, db, kindSpan, "spans", decodeSpan)
}

// SlowWindows are the stretches that took very long to be answered, by node,
// table and time.
func (db *DB) SlowWindows(ctx context.Context) ([]audit.SlowWindow, error) {
	return list(ctx, db, []byte{byte(kindSlow)}, "slow windows", decodeSlow)
}

func compareSpans(a, b audit.Span) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.From, b.From))
}

// span joins a span with those stored of its table and node. One that is empty
// says nothing.
func (a *appender) span(s audit.Span) error {
	s.From, s.To = s.From+0, s.To+0 // -0 is 0, but has another key
	if !(s.From < s.To) {
		return nil
	}
	var all []audit.Span
	for _, k := range a.known.spans[s.Table] {
		if k.Node != s.Node || k.To < s.From || s.To < k.From {
			all = append(all, k)
			continue
		}
		if k.From <= s.From && s.To <= k.To {
			return nil
		}
		// What it grows by was a span, so it meets no further one by growing.
		s.From, s.To = min(s.From, k.From), max(s.To, k.To)
		if err := a.txn.Delete(spanKey(&k)); err != nil {
			return err
		}
	}
	all = append(all, s)
	slices.SortFunc(all, compareSpans)
	k := a.edit()
	k.spans = with(k.spans, s.Table, all)
	a.touched[s.Table] = true
	return setEncoded(a.txn, spanKey(&s), spanOut(s))
}

// unread takes back what was said to be read behind a cursor that goes back: the
// server's clock was set back, and what it will log at those times is still to
// come. Otherwise a clock that once ran ahead would make stretches look covered
// that nobody reads.
func (a *appender) unread(c audit.Cursor) error {
	payload, found, err := get(a.txn, cursorKey(c.Node, c.Table))
	if err != nil || !found {
		return err
	}
	if was, err := decodeCursor(payload); err != nil || was.Time <= c.Time {
		return err
	}
	var kept []audit.Span
	for _, k := range a.known.spans[c.Table] {
		if k.Node != c.Node || k.To <= c.Time {
			kept = append(kept, k)
			continue
		}
		if err := a.txn.Delete(spanKey(&k)); err != nil {
			return err
		}
		if k.To = c.Time; k.From >= k.To {
			continue
		}
		if err := setEncoded(a.txn, spanKey(&k), spanOut(k)); err != nil {
			return err
		}
		kept = append(kept, k)
	}
	if len(a.known.spans[c.Table]) > 0 {
		k := a.edit()
		k.spans = with(k.spans, c.Table, kept)
		a.touched[c.Table] = true
	}
	return nil
}
