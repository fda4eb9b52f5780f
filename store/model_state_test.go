package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"pgregory.net/rapid"

	"recourse/audit"
)

// model is what a store should hold, kept the simplest way.
type model struct {
	first       []audit.Change // by Seq, as they were first read
	changes     []audit.Change // the same, as they are known now
	amended     map[audit.Seq]bool
	observed    map[string]bool
	divergences map[audit.Seq]int
	readings    map[string]bool
	cursors     map[string]audit.Cursor
	gaps        []audit.Gap
	read        map[audit.Span]bool // spans of half a millisecond, none longer
	baselines   map[string]audit.Baseline
	records     map[string]audit.BaseRecord
}

func newModel() *model {
	return &model{amended: map[audit.Seq]bool{}, observed: map[string]bool{}, divergences: map[audit.Seq]int{},
		readings: map[string]bool{}, cursors: map[string]audit.Cursor{}, read: map[audit.Span]bool{},
		baselines: map[string]audit.Baseline{}, records: map[string]audit.BaseRecord{}}
}

// step is what the limits of generated spans are multiples of.
const step = 0.5

var (
	modelTable = audit.Table{Database: "ann", Name: "t"}
	gapGen     = rapid.Custom(func(t *rapid.T) audit.Gap {
		from := rapid.IntRange(-20, 20).Draw(t, "from")
		return audit.Gap{Node: textGen.Draw(t, "node"), Table: modelTable, From: audit.Time(step * float64(from)),
			To:     audit.Time(step * float64(from+rapid.IntRange(0, 10).Draw(t, "length"))),
			Kind:   rapid.SampledFrom([]audit.GapKind{"", audit.GapUnreadable, audit.GapPurged, audit.GapBefore, audit.GapUnaudited}).Draw(t, "kind"),
			Reason: textGen.Draw(t, "reason"), Entries: rapid.IntRange(0, 2).Draw(t, "entries"), Observed: audit.Time(rapid.IntRange(0, 3).Draw(t, "observed"))}
	})
	spanGen = rapid.Custom(func(t *rapid.T) audit.Span {
		from := rapid.IntRange(-20, 20).Draw(t, "from")
		return audit.Span{Node: textGen.Draw(t, "node"), Table: modelTable, From: audit.Time(step * float64(from)),
			To: audit.Time(step * float64(from+rapid.IntRange(-1, 20).Draw(t, "length")))}
	})
)

func (m *model) find(id audit.ChangeID) int {
	return slices.IndexFunc(m.changes, func(c audit.Change) bool { return c.ID == id })
}

func (m *model) append(b audit.Batch) (out audit.Appended) {
	for _, c := range b.Changes {
		i := m.find(c.ID)
		if i >= 0 {
			out.Known++
			m.again(i, c, &out)
			continue
		}
		c.Seq = audit.Seq(len(m.changes) + 1)
		if c.Before.Source != audit.Logged {
			c.Before = audit.Image{}
		}
		m.changes = append(m.changes, c)
		m.first = append(m.first, c)
		out.New++
		if c.Late {
			out.Late++
		}
	}
	for _, h := range b.Healed {
		for i, g := range m.gaps {
			if g.Node == h.Node && g.Table == h.Table && g.From == h.From && g.To == h.To && g.Healed == 0 {
				m.gaps[i].Healed = h.Healed
			}
		}
	}
	for _, g := range b.Gaps {
		out.Gaps += m.gap(g)
	}
	for _, s := range b.Spans {
		for at := s.From; at < s.To; at += step {
			m.read[audit.Span{Node: s.Node, Table: s.Table, From: at, To: at + step}] = true
		}
	}
	for _, l := range b.Baselines {
		m.baselines[l.ID] = l
	}
	for _, r := range b.Records {
		m.records[string(baseKey(&r))] = r
	}
	for _, c := range b.Cursors {
		m.cursors[c.Node+"/"+c.Table.String()] = c
	}
	return out
}

// again is what a further reading of a stored change does, said the long way.
func (m *model) again(i int, c audit.Change, out *audit.Appended) {
	old, now := m.changes[i], &m.changes[i]
	another := c.Node != old.Node
	if another && c.Node != "" {
		m.observed[fmt.Sprintf("%d %q", i, c.Node)] = true
	}
	same := sameImage(&old, &c)
	trust := func(i audit.Image) int {
		if i.State == audit.Unknown {
			return 0
		}
		return int(i.Trust)
	}
	better := trust(c.After) > trust(old.After)
	if better {
		body := old.After.Body
		now.After, now.Note, now.Lossy = c.After, c.Note, c.Lossy
		if same && !old.Lossy {
			now.After.Body, now.Lossy = body, false
		}
		if old.User == "" {
			now.User = c.User
		}
	}
	typed := same && old.Lossy && !c.Lossy && c.After.State == audit.Present && old.After.Trust == c.After.Trust
	if typed {
		now.After.Body, now.Lossy = c.After.Body, false
	}
	specific := map[audit.Op]bool{audit.OpInsert: true, audit.OpUpdate: true}
	generic := map[audit.Op]bool{audit.OpUpsert: true, audit.OpPatch: true}
	switch {
	case another && specific[c.Op] && generic[old.Op]:
		now.Op = c.Op
	case better && !another && !(specific[old.Op] && generic[c.Op]), better && specific[c.Op] && generic[old.Op]:
		now.Op = c.Op
	}
	if old.Sent == nil {
		now.Sent = c.Sent
	}
	if better || typed || now.Op != old.Op || old.Sent == nil && c.Sent != nil {
		m.amended[old.Seq] = true
		out.Amended++
		if old.User != now.User || old.Op != now.Op && !another || old.After.State != audit.Unknown && !sameImage(&old, now) {
			m.diverge(old, out)
		}
	}
	if c.User != now.User || c.Op != now.Op && !another || !sameImage(&c, now) {
		if len(m.amended) == 0 || !readsAs(&m.first[i], &c) {
			c.Seq = old.Seq
			m.diverge(c, out)
		}
	}
}

func (m *model) diverge(c audit.Change, out *audit.Appended) {
	reading := fmt.Sprintf("%d %q %q %d %x", c.Seq, c.Op, c.User, c.After.State, []byte(c.After.Body))
	if !m.readings[reading] {
		m.readings[reading] = true
		m.divergences[c.Seq]++
		out.Divergences++
	}
}

// gap stores a gap; 1 if it is a new one.
func (m *model) gap(g audit.Gap) int {
	lasting := func(k audit.GapKind) bool { return k == audit.GapBefore || k == audit.GapUnaudited }
	isNew := 1
	var rest []audit.Gap
	for _, k := range m.gaps {
		if k.Node != g.Node || k.Healed != 0 {
			rest = append(rest, k)
			continue
		}
		if !lasting(g.Kind) {
			if !lasting(k.Kind) && k.From <= g.From && g.To <= k.To {
				return 0
			}
			rest = append(rest, k)
			continue
		}
		if k.Kind != g.Kind || k.To < g.From || g.To < k.From {
			rest = append(rest, k)
			continue
		}
		isNew = 0
		g.From, g.To = min(g.From, k.From), max(g.To, k.To)
		g.Entries, g.Observed = max(g.Entries, k.Entries), min(g.Observed, k.Observed)
	}
	rest = slices.DeleteFunc(rest, func(k audit.Gap) bool { // a healed one of the same limits
		return k.Node == g.Node && k.From == g.From && k.To == g.To && (k.Kind == g.Kind || !lasting(k.Kind) && !lasting(g.Kind))
	})
	m.gaps = append(rest, g)
	return isNew
}

// spanList is what was read, put together.
func (m *model) spanList() []audit.Span {
	var parts, out []audit.Span
	for s := range m.read {
		parts = append(parts, s)
	}
	slices.SortFunc(parts, compareSpans)
	for _, s := range parts {
		if n := len(out); n > 0 && out[n-1].Node == s.Node && out[n-1].To == s.From {
			out[n-1].To = s.To
			continue
		}
		out = append(out, s)
	}
	return out
}

func (m *model) hides(t audit.Table, from, to audit.Time) bool {
	if to <= from {
		to = audit.Time(math.Nextafter(float64(from), math.Inf(1)))
	}
	if t != modelTable || len(m.read) == 0 {
		return slices.ContainsFunc(m.gaps, func(g audit.Gap) bool {
			return g.Table == t && g.Healed == 0 && g.From < to && from < g.End()
		})
	}
	return !(from < to) || slices.ContainsFunc(audit.CoverageOf(t, m.spanList(), m.gaps, from, to),
		func(s audit.Stretch) bool { return s.Cover != audit.Covered })
}

func (m *model) compareCoverage(t *rapid.T, db *DB, equal func(string, any, any)) {
	ctx := context.Background()
	spans, err := db.Spans(ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal("spans", m.spanList(), spans)
	gaps, err := db.Gaps(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(m.gaps)
	slices.SortFunc(want, func(a, b audit.Gap) int { return slices.Compare(gapKey(&a), gapKey(&b)) })
	equal("gaps", want, gaps)
	amended := map[audit.Seq]bool{}
	last := uint64(0)
	for a, err := range db.AmendedSince(ctx, 0) {
		if err != nil || a.Number <= last || amended[a.Seq] {
			t.Fatalf("amendment %+v after %d, %v", a, last, err)
		}
		last, amended[a.Seq] = a.Number, true
	}
	equal("amended", m.amended, amended)
}
