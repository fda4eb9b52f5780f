package querytest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
	"recourse/query"
)

// A Memory is a store in memory. As a real one it derives the image before a
// change from the record's preceding one, and sums a change up once, when it
// comes: what is learned later makes its sums doubtful, and then they are worse
// than out of date. They are another change's.
type Memory struct {
	ChunkSize int // 0 is audit.ChunkSize

	changes  []audit.Change
	facts    []facts // as they were summed up
	doubt    []bool
	sums     *sums               // of the facts as they are; nil until a view needs them
	records  map[audit.Key][]int // by time and number
	tables   map[audit.Table]int
	Spanned  []audit.Span
	Gapped   []audit.Gap
	Cursored []audit.Cursor
	Undone   *audit.Ledger // nil: nothing was ever undone
	Alerted  []audit.Alert

	Blocks, Reads, Views atomic.Int64 // how many blocks, changes and views were asked for
	Open                 atomic.Int64 // views that are not closed
}

// facts are a change's values of facets.
type facts map[audit.Facet][]string

func factsOf(c *audit.Change, rules []string) facts {
	f := facts{
		audit.FacetUser: {c.User}, audit.FacetOp: {string(c.Op)}, audit.FacetTable: {c.Key.Table.String()},
		audit.FacetNode: {c.Node}, audit.FacetAttribute: c.Attributes(), audit.FacetRule: rules,
	}
	for mark, on := range map[string]bool{audit.MarkLate: c.Late, audit.MarkLossy: c.Lossy, audit.MarkSynthetic: c.Synthetic} {
		if on {
			f[audit.FacetMark] = append(f[audit.FacetMark], mark)
		}
	}
	return f
}

// RulesOf is the rules that have the change of that number as evidence.
func RulesOf(seq audit.Seq) []string {
	var rules []string
	if seq%5 == 0 {
		rules = append(rules, "r-1")
	}
	if seq%7 == 3 {
		rules = append(rules, "r-2")
	}
	return rules
}

// Add stores changes.
func (m *Memory) Add(changes ...audit.Change) {
	if m.records == nil {
		m.records, m.tables = map[audit.Key][]int{}, map[audit.Table]int{}
	}
	for _, c := range changes {
		i := len(m.changes)
		c.Seq = audit.Seq(i + 1)
		m.changes = append(m.changes, c)
		m.tables[c.Key.Table]++
		life := m.records[c.Key]
		at, _ := slices.BinarySearchFunc(life, i, m.order)
		m.records[c.Key] = slices.Insert(life, at, i)
		m.doubt = append(m.doubt, false)
		m.derive(i)
		m.facts = append(m.facts, factsOf(&m.changes[i], RulesOf(c.Seq)))
		m.sums = nil
		m.spoil(m.records[c.Key][at+1:])
	}
}

func (m *Memory) order(a, b int) int {
	return cmp.Or(cmp.Compare(m.changes[a].Time, m.changes[b].Time), cmp.Compare(a, b))
}

// derive finds out the image before a change, which messages leave as it is.
func (m *Memory) derive(i int) {
	c := &m.changes[i]
	c.Before = audit.Image{}
	life := m.records[c.Key]
	for at := slices.Index(life, i) - 1; at >= 0; at-- {
		if p := &m.changes[life[at]]; p.Op.Kind() != audit.KindMessage {
			c.Before = p.After
			break
		}
	}
}

// spoil derives changes again, and lets the sums of those that are now others be
// wrong.
func (m *Memory) spoil(changes []int) {
	for _, i := range changes {
		was := m.changes[i].Before
		m.derive(i)
		if now := m.changes[i].Before; was.State != now.State || !was.Body.Equal(now.Body) {
			m.Doubt(i)
		}
	}
}

// Doubt makes the sums of the change at a place doubtful and wrong.
func (m *Memory) Doubt(i int) {
	m.doubt[i], m.sums = true, nil
	other := maps.Clone(m.facts[(i*7+3)%len(m.facts)])
	other[audit.FacetRule] = m.facts[i][audit.FacetRule]
	m.facts[i] = other
}

// Amend replaces the image after a change by one that was read better.
func (m *Memory) Amend(i int, after audit.Image) {
	m.changes[i].After = after
	m.Doubt(i)
	life := m.records[m.changes[i].Key]
	m.spoil(life[slices.Index(life, i)+1:])
}

// Changes are all changes, by number.
func (m *Memory) Changes() []audit.Change { return m.changes }

// Gaps implements query.Log.
func (m *Memory) Gaps(context.Context) ([]audit.Gap, error) { return m.Gapped, nil }

// Spans implements query.Log.
func (m *Memory) Spans(context.Context) ([]audit.Span, error) { return m.Spanned, nil }

// Cursors implements query.Log.
func (m *Memory) Cursors(context.Context) ([]audit.Cursor, error) { return m.Cursored, nil }

// Tables implements query.Log.
func (m *Memory) Tables(context.Context) (map[audit.Table]int, error) {
	return maps.Clone(m.tables), nil
}

// History implements query.Historian.
func (m *Memory) History(_ context.Context, k audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for _, i := range m.records[k] {
			if !yield(m.changes[i], nil) {
				return
			}
		}
	}
}

// View implements query.Viewer.
func (m *Memory) View(ctx context.Context) (query.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.Views.Add(1)
	m.Open.Add(1)
	if m.sums == nil {
		m.sums = m.sumUp()
	}
	return &view{m: m, changes: slices.Clip(m.changes), sums: m.sums}, nil
}

// sumUp is the chunks; more is summed up when it is asked for.
func (m *Memory) sumUp() *sums {
	size := m.ChunkSize
	if size == 0 {
		size = audit.ChunkSize
	}
	out := &sums{sets: map[setOf]*chunkSet{}, values: map[audit.Facet][]string{}, times: map[int][]audit.Time{}, doubt: map[int]*roaring.Bitmap{}}
	for from := 0; from < len(m.changes); from += size {
		part := m.changes[from:min(from+size, len(m.changes))]
		c := audit.Chunk{Index: len(out.chunks), First: part[0].Seq, N: len(part), Min: part[0].Time, Max: part[0].Time, Ordered: true}
		for i := range part {
			c.Min, c.Max = min(c.Min, part[i].Time), max(c.Max, part[i].Time)
			c.Ordered = c.Ordered && (i == 0 || part[i-1].Time <= part[i].Time)
		}
		out.chunks = append(out.chunks, c)
	}
	return out
}
