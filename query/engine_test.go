package query_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/query"
)

// A shelf is a store in memory. As the real one it derives an image before
// from the record's preceding change when it is read.
type shelf struct {
	changes []audit.Change
	gaps    []audit.Gap
	spans   []audit.Span
	cursors []audit.Cursor
	read    int // how often Get was asked
}

func (s *shelf) add(c audit.Change) {
	c.Seq = audit.Seq(len(s.changes) + 1)
	s.changes = append(s.changes, c)
}

func (s *shelf) Last() audit.Seq { return audit.Seq(len(s.changes)) }

func (s *shelf) Gaps(context.Context) ([]audit.Gap, error)       { return s.gaps, nil }
func (s *shelf) Spans(context.Context) ([]audit.Span, error)     { return s.spans, nil }
func (s *shelf) Cursors(context.Context) ([]audit.Cursor, error) { return s.cursors, nil }

func (s *shelf) Tables(context.Context) (map[audit.Table]int, error) {
	out := map[audit.Table]int{}
	for _, c := range s.changes {
		out[c.Key.Table]++
	}
	return out, nil
}

func (s *shelf) Get(_ context.Context, seq audit.Seq) (audit.Change, error) {
	s.read++
	if seq == 0 || int(seq) > len(s.changes) {
		return audit.Change{}, errors.New("no such change")
	}
	c := s.changes[seq-1]
	c.Before = audit.Image{}
	if i := s.neighbour(c, 1); i != 0 {
		c.Before = s.changes[i-1].After
	}
	return c, nil
}

// neighbour is the number of the record's next change towards the past (1) or
// the future (-1), or 0.
func (s *shelf) neighbour(c audit.Change, way int) audit.Seq {
	best := audit.Seq(0)
	for i, d := range s.changes {
		if d.Key != c.Key || query.PositionOf(&c).Compare(query.PositionOf(&d))*way >= 0 {
			continue
		}
		if best == 0 || query.PositionOf(&d).Compare(query.PositionOf(&s.changes[best-1]))*way < 0 {
			best = audit.Seq(i + 1)
		}
	}
	return best
}

func (s *shelf) Next(_ context.Context, c audit.Change) (audit.Seq, bool, error) {
	n := s.neighbour(c, -1)
	return n, n != 0, nil
}

func (s *shelf) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for seq := after + 1; seq <= s.Last(); seq++ {
			if !yield(s.Get(ctx, seq)) {
				return
			}
		}
	}
}

func (s *shelf) History(ctx context.Context, k audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		var of []audit.Change
		for seq := range s.changes {
			if c, err := s.Get(ctx, audit.Seq(seq+1)); err == nil && c.Key == k {
				of = append(of, c)
			}
		}
		slices.SortFunc(of, func(a, b audit.Change) int { return query.PositionOf(&b).Compare(query.PositionOf(&a)) })
		for _, c := range of {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// A memory is an index that knows the changes as they were when it saw them,
// and proposes some that do not match.
type memory struct {
	seen  []audit.Change
	loose bool
}

func (m *memory) follow(s *shelf) {
	for c := range s.Follow(context.Background(), m.Progress()) {
		m.seen = append(m.seen, c)
	}
}

func (m *memory) Progress() audit.Seq { return audit.Seq(len(m.seen)) }

func (m *memory) Candidates(_ context.Context, e query.Expr, after query.Position) iter.Seq2[query.Position, error] {
	return func(yield func(query.Position, error) bool) {
		var found []query.Position
		for _, c := range m.seen {
			p := query.PositionOf(&c)
			if (e.Match(&c) || m.loose && c.Seq%3 == 0) && (after == query.Position{} || p.Compare(after) > 0) {
				found = append(found, p)
			}
		}
		slices.SortFunc(found, query.Position.Compare)
		for _, p := range found {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (m *memory) Count(_ context.Context, e query.Expr) (n int, exact bool, err error) {
	for _, c := range m.seen {
		if e.Match(&c) {
			n++
		}
	}
	return n, !m.loose, nil
}

var words = []string{"alpha", "beta", "gamma"}

func anyChange(t *rapid.T) audit.Change {
	word := func(name string) string { return rapid.SampledFrom(words).Draw(t, name) }
	body := audit.Object(map[string]audit.Value{"x": audit.Text(word("x")), "y": audit.Text(word("y"))})
	return audit.Change{
		Time:  audit.Time(rapid.IntRange(1, 12).Draw(t, "time")),
		User:  word("user"),
		Op:    audit.OpUpdate,
		Key:   audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: audit.ID(word("id"))},
		After: audit.PresentImage(body, audit.Logged, audit.Exact),
	}
}

func numbers(changes []audit.Change) []audit.Seq {
	seqs := make([]audit.Seq, len(changes))
	for i, c := range changes {
		seqs[i] = c.Seq
	}
	return seqs
}

// TestEngineIsPlainScan compares every page with a scan of the store, while the
// index lags behind and late changes make what it knows of others stale.
func TestEngineIsPlainScan(t *testing.T) {
	queries := []string{
		"*", "alpha", "carries:beta", "user:gamma beta", "-alpha", "before.x:alpha", "time:[3.0..7.0]",
		"time>6.0 alpha", "seq:[2..9]", "seq>3 beta or gamma", "attr:x", "seq:0", "time:4.0 or time:9.0", "before:unknown",
	}
	rapid.Check(t, func(t *rapid.T) {
		store, index := &shelf{}, &memory{loose: rapid.Bool().Draw(t, "loose")}
		for range rapid.IntRange(0, 30).Draw(t, "indexed") {
			store.add(anyChange(t))
		}
		index.follow(store)
		for range rapid.IntRange(0, 6).Draw(t, "more") {
			store.add(anyChange(t))
		}
		engine := &query.Engine{Store: store, Index: index}
		if rapid.IntRange(0, 4).Draw(t, "no index") == 0 {
			engine.Index = nil
		}
		e, err := query.Parse(rapid.SampledFrom(queries).Draw(t, "query"), now)
		if err != nil {
			t.Fatal(err)
		}
		var want []audit.Change
		for c := range store.Follow(t.Context(), 0) {
			if e.Match(&c) {
				want = append(want, c)
			}
		}
		slices.SortFunc(want, func(a, b audit.Change) int {
			return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Seq, a.Seq))
		})
		var got []audit.Change
		q := query.Query{Expr: e, Limit: rapid.IntRange(0, 5).Draw(t, "limit")}
		for page := 0; ; page++ {
			r, err := engine.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			s := r.Summary
			if s.Count != len(r.Changes) || q.Limit > 0 && s.Count > q.Limit || s.Next != "" && s.Count != q.Limit {
				t.Fatalf("page %d of %d has %d changes, and counts %d", page, q.Limit, len(r.Changes), s.Count)
			}
			if s.TotalExact && s.Total != len(want) || s.Total > len(want) || page == 0 && !s.TotalExact {
				t.Fatalf("page %d: total %d, exact %v, want %d", page, s.Total, s.TotalExact, len(want))
			}
			got = append(got, r.Changes...)
			if q.After = s.Next; q.After == "" {
				break
			}
		}
		if g, w := numbers(got), numbers(want); !slices.Equal(g, w) {
			t.Fatalf("%s: %v, want %v", e, g, w)
		}
		var all []audit.Change
		for c, err := range engine.All(t.Context(), e) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		if g, w := numbers(all), numbers(want); !slices.Equal(g, w) {
			t.Fatalf("All %s: %v, want %v", e, g, w)
		}
	})
}

func search(t *testing.T, e *query.Engine, q string, limit int, after string) (*query.Result, error) {
	t.Helper()
	expr, err := query.Parse(q, now)
	if err != nil {
		t.Fatal(err)
	}
	return e.Search(t.Context(), query.Query{Expr: expr, Limit: limit, After: after})
}

func TestGapsThatTouch(t *testing.T) {
	const hour = 3_600_000
	gap := audit.Gap{Node: "n1", Table: audit.Table{Database: "shop", Name: "orders"}, From: 100 * hour, To: 110 * hour, Reason: "poison"}
	engine := &query.Engine{Store: &shelf{gaps: []audit.Gap{gap}}}
	for q, touched := range map[string]bool{
		"*":                                  true,
		"eve":                                true,
		"-eve":                               true,
		"table:shop.orders":                  true,
		"table:orders":                       true,
		"table:shop.*":                       true,
		"table:customers":                    false,
		"-table:orders":                      false,
		"db:bank":                            false,
		"table:customers or user:eve":        true,
		"table:customers or db:bank":         false,
		"key:shop.orders/1":                  true,
		"key:shop.customers/1":               false,
		"node:n2":                            false,
		"node:n1 user:eve":                   true,
		"time>=378000000.0":                  true,  // 105 h
		"time>=399000000.0":                  true,  // 110.8 h: the clocks may differ
		"time>=403200000.0":                  false, // 112 h
		"time<356400000.0":                   false, // 99 h
		"time<356500000.0":                   true,
		"time:[180000000.0..252000000.0]":    false, // 50 h to 70 h
		"-time:[180000000.0..540000000.0]":   false, // not 50 h to 150 h
		"-time:[180000000.0..252000000.0]":   true,
		"time:378000000.0":                   true,
		"table:shop.orders time<36000000.0":  false,
		"table:shop.orders time>378000000.0": true,
		"seq:1":                              true,
	} {
		r, err := search(t, engine, q, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		// Nobody kept account of what was read, so no answer is complete.
		if got := len(r.Summary.Gaps) == 1; got != touched || r.Summary.Complete {
			t.Errorf("%s: the gap touches it: %v, complete: %v, want %v and false", q, got, r.Summary.Complete, touched)
		}
	}
}

func TestSearchErrors(t *testing.T) {
	store, index := &shelf{}, &memory{}
	for range 3 {
		store.add(audit.Change{Time: 5, Op: audit.OpDelete})
	}
	index.follow(store)
	engine := &query.Engine{Store: store, Index: index}
	first, err := search(t, engine, "*", 1, "")
	if err != nil || first.Summary.Next == "" {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	next := first.Summary.Next
	for _, after := range []string{"x", next[1:], next + "A", strings.ToUpper(next), "!" + next[1:], "A" + next[1:] + "="} {
		if _, err := search(t, engine, "*", 1, after); !errors.Is(err, query.ErrCursor) {
			t.Errorf("search after %q: %v, want ErrCursor", after, err)
		}
	}
	if _, err := search(t, engine, "*", -1, ""); err == nil {
		t.Error("a negative limit was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := engine.Search(ctx, query.Query{}); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("cancelled: %v, %v", r, err)
	}
	for _, err := range engine.All(ctx, query.Expr{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	store.changes = store.changes[:2]
	if _, err := search(t, engine, "*", 1, ""); !errors.Is(err, query.ErrIndexAhead) {
		t.Errorf("an index that is ahead: %v, want ErrIndexAhead", err)
	}
}

// A page of a store with many changes must not read them all.
func TestPageReadsLittle(t *testing.T) {
	store, index := &shelf{}, &memory{}
	for i := range 2000 {
		store.add(audit.Change{Time: audit.Time(i), Key: audit.Key{ID: audit.ID(fmt.Sprint(i))}})
	}
	index.seen = slices.Clone(store.changes)
	engine := &query.Engine{Store: store, Index: index}
	for _, q := range []string{"*", "seq:7", "time<1000.0"} {
		store.read = 0
		if _, err := search(t, engine, q, 10, ""); err != nil {
			t.Fatal(err)
		}
		if store.read > 12 {
			t.Errorf("%s: a page of 10 read %d changes", q, store.read)
		}
	}
}

func TestTimeline(t *testing.T) {
	store := &shelf{}
	key := audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: "1"}
	put := func(at audit.Time, x int64) {
		body := audit.Object(map[string]audit.Value{"x": audit.Int(x)})
		store.add(audit.Change{Time: at, Op: audit.OpUpdate, Key: key, After: audit.PresentImage(body, audit.Logged, audit.Exact)})
	}
	put(10, 1)
	put(30, 3)
	put(20, 2) // late
	var got []string
	for e, err := range query.Timeline(t.Context(), store, key) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Change.Seq, e.Known, len(e.Diff)))
	}
	if want := []string{"1 false 0", "3 true 1", "2 true 1"}; !slices.Equal(got, want) {
		t.Errorf("Timeline = %q, want %q", got, want)
	}
}
