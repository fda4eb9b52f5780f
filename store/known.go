package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A known is what a store keeps in memory of what is in it, so that reading a
// change needs no look at the gaps and spans on disk, and costs nothing for what
// the store has not. Readers share it: it is replaced, never changed.
type known struct {
	head  audit.Seq               // the newest change
	stale map[int]*roaring.Bitmap // by chunk: the changes that are not as their blocks have them

	gaps  map[audit.Table][]audit.Gap  // healed ones too, in no order
	spans map[audit.Table][]audit.Span // by node, then by time
	// whole is, for each table of which spans are stored, what the log of some
	// node tells without a gap: apart from one another and by time.
	whole map[audit.Table][]stretch

	amended   bool   // there is an amendment
	amendment uint64 // the number of the newest
	based     bool   // there is a base record or a complete baseline
	// basedTables are those of which there is a base record.
	basedTables map[audit.Table]bool
	complete    []audit.Baseline

	// also is what will be known when a commit that is under way is done. Until
	// then a reader's snapshot may be from before or after it, so what either of
	// the two doubts is doubted.
	also *known
}

// A stretch is a part of a table's time.
type stretch struct{ from, to audit.Time }

// during is what may be believed while what is known turns from one to another.
// Complete baselines are those of before: they only become more.
func during(from, to *known) *known {
	k := *from
	k.amended = from.amended || to.amended
	k.based = from.based || to.based
	k.amendment = from.amendment
	k.also = to
	return &k
}

// hides says that a change of the table may have happened between two times and
// not be stored: because the log has a gap there that no other node's log makes
// up for, or was not read. Of a table without spans, whose log was imported or
// read by an old version, only the gaps are known.
func (k *known) hides(t audit.Table, from, to audit.Time) bool {
	if k.also != nil && k.also.hides(t, from, to) {
		return true
	}
	to = endOf(from, to)
	if len(k.spans[t]) > 0 {
		return !k.covers(t, from, to)
	}
	return slices.ContainsFunc(k.gaps[t], func(g audit.Gap) bool { return g.Healed == 0 && g.From < to && from < g.End() })
}

// covers says that the log of the table is known from one time to another.
func (k *known) covers(t audit.Table, from, to audit.Time) bool {
	if k.also != nil && !k.also.covers(t, from, to) {
		return false
	}
	whole := k.whole[t]
	to = endOf(from, to)
	i, _ := slices.BinarySearchFunc(whole, to, func(s stretch, to audit.Time) int { return cmp.Compare(s.to, to) })
	return i < len(whole) && whole[i].from <= from && from < to && to <= whole[i].to
}

// endOf is where the stretch between two changes ends, exclusive: between two of
// one time lies that instant. To a time that is no number nothing is covered.
func endOf(from, to audit.Time) audit.Time {
	if to <= from {
		return (audit.Gap{From: from, To: to}).End()
	}
	return to
}

// wholeOf is what audit.CoverageOf calls covered.
func wholeOf(spans []audit.Span, gaps []audit.Gap) []stretch {
	holes := map[string][]stretch{}
	for _, g := range gaps {
		if g.Healed == 0 {
			holes[g.Node] = append(holes[g.Node], stretch{g.From, g.End()})
		}
	}
	for _, h := range holes {
		slices.SortFunc(h, stretch.compare)
	}
	var parts []stretch
	for _, s := range spans {
		from := s.From
		for _, h := range holes[s.Node] {
			if h.from >= s.To {
				break
			}
			if from < h.from {
				parts = append(parts, stretch{from, h.from})
			}
			from = max(from, h.to)
		}
		if from < s.To {
			parts = append(parts, stretch{from, s.To})
		}
	}
	slices.SortFunc(parts, stretch.compare)
	var out []stretch
	for _, p := range parts {
		if n := len(out); n > 0 && p.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, p.to)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (s stretch) compare(t stretch) int {
	return cmp.Or(cmp.Compare(s.from, t.from), cmp.Compare(s.to, t.to))
}

// with is a map in which one table has another entry.
func with[T any](m map[audit.Table]T, t audit.Table, all T) map[audit.Table]T {
	if m = maps.Clone(m); m == nil {
		m = map[audit.Table]T{}
	}
	m[t] = all
	return m
}

// readKnown reads what is kept in memory of a store.
func readKnown(txn *badger.Txn) (*known, error) {
	k := &known{gaps: map[audit.Table][]audit.Gap{}, spans: map[audit.Table][]audit.Span{}, whole: map[audit.Table][]stretch{}}
	err := scan(txn, []byte{byte(kindGap)}, func(_, payload []byte) error {
		g, err := decodeGap(payload)
		k.gaps[g.Table] = append(k.gaps[g.Table], g)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = scan(txn, []byte{byte(kindSpan)}, func(_, payload []byte) error {
		s, err := decodeSpan(payload)
		k.spans[s.Table] = append(k.spans[s.Table], s)
		return err
	})
	if err != nil {
		return nil, err
	}
	for t, spans := range k.spans {
		slices.SortFunc(spans, compareSpans)
		k.whole[t] = wholeOf(spans, k.gaps[t])
	}
	err = scan(txn, []byte{byte(kindBaseline)}, func(_, payload []byte) error {
		b, err := decodeBaseline(payload)
		if err == nil && b.Ended != 0 {
			k.complete = append(k.complete, b)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if k.basedTables, err = readBasedTables(txn); err != nil {
		return nil, err
	}
	k.based = len(k.complete) > 0 || len(k.basedTables) > 0
	k.amended = anyUnder(txn, kindAmendment)
	k.amendment = lastAmended(txn)
	if k.head, err = readHead(txn); err != nil {
		return nil, err
	}
	k.stale, err = readStale(txn)
	return k, err
}

// readBasedTables finds the tables of which there are base records, without
// reading these.
func readBasedTables(txn *badger.Txn) (map[audit.Table]bool, error) {
	tables := map[audit.Table]bool{}
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindBaseRecord)}})
	defer it.Close()
	for it.Rewind(); it.Valid(); {
		payload, err := payloadOf(it.Item())
		if err != nil {
			return nil, err
		}
		r, err := decodeBaseRecord(payload)
		if err != nil {
			return nil, err
		}
		tables[r.Key.Table] = true
		// No text's writing begins with a byte above this.
		it.Seek(append(tableKey(kindBaseRecord, r.Key.Table), 0xff))
	}
	return tables, nil
}

// basedOn says that there are base records of a table.
func (k *known) basedOn(t audit.Table) bool {
	return k.basedTables[t] || k.also != nil && k.also.basedOn(t)
}

// anyUnder says whether there is any key of a kind.
func anyUnder(txn *badger.Txn, kind keyKind) bool {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kind)}})
	defer it.Close()
	it.Rewind()
	return it.Valid()
}
