package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/store"
)

// A story is what an ingestor might bring, batch by batch: changes of two clusters
// and nodes, alone and in groups, some late, some very large; changes that are read
// again, as they were or otherwise; baselines, and what was read and what was not.
type story struct {
	r     *rand.Rand
	g     *querytest.Corpus
	known []audit.Change
	gaps  []audit.Gap
	bases int
}

func newStory(seed uint64) *story {
	return &story{r: rand.New(rand.NewPCG(seed, 11)), g: querytest.NewCorpus(seed)}
}

func (s *story) one(in int) bool { return s.r.IntN(in) == 0 }

// batch is the next one, of most changes at most, besides those that are read again.
func (s *story) batch(most int) audit.Batch {
	var b audit.Batch
	for n := s.r.IntN(most + 1); len(b.Changes) < n; {
		b.Changes = append(b.Changes, s.group()...)
	}
	s.known = append(s.known, b.Changes...)
	for range s.r.IntN(6) {
		if len(s.known) > 0 {
			b.Changes = append(b.Changes, s.again(s.known[s.r.IntN(len(s.known))]))
		}
	}
	if s.one(6) && len(s.known) > 0 {
		s.base(&b)
	}
	if s.one(3) && len(s.known) > 0 {
		s.coverage(&b)
	}
	return b
}

// group is one change or some of one transaction.
func (s *story) group() []audit.Change {
	n := 1
	if s.one(12) {
		n = 2 + s.r.IntN(9)
	}
	all := make([]audit.Change, n)
	first := s.change()
	for i := range all {
		c := &all[i]
		if *c = first; i > 0 {
			*c = s.change()
			c.Time, c.User, c.Cluster, c.Node = first.Time, first.User, first.Cluster, first.Node
		}
		c.Group = audit.Group{Size: n, Index: i}
		c.ID = c.Identify()
	}
	return all
}

func (s *story) change() audit.Change {
	c := s.g.Change(len(s.known))
	c.Observed = c.Time + 50
	if s.one(6) {
		c.Cluster = "eu"
	}
	if c.Op == audit.OpPatch {
		c.After.Trust = audit.Trust(1 + s.r.IntN(2))
	}
	if c.After.Body != nil && c.After.Body.Kind() == audit.KindObject {
		switch s.r.IntN(150) {
		case 0:
			c.After.Body = c.After.Body.With("note", audit.Text(strings.Repeat("paid pending payment ", 1000)))
		case 1:
			c.After.Body = c.After.Body.With("note", audit.Text(s.noise(70_000+s.r.IntN(60_000))))
		}
	}
	if s.one(40) {
		c.Before = audit.PresentImage(audit.Object(map[string]audit.Value{"status": audit.Text("logged")}), audit.Logged, audit.Exact)
	}
	c.ID = c.Identify()
	return c
}

// noise is words that no packing makes fewer bytes of.
func (s *story) noise(n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%x ", s.r.Uint64())
	}
	return b.String()
}

// again is another reading of a change.
func (s *story) again(c audit.Change) audit.Change {
	switch s.r.IntN(7) {
	case 0:
		c.After.Body = c.After.Body.With("again", audit.Text("paid twice"))
		c.After.State, c.After.Trust = audit.Present, audit.Exact
	case 1:
		c.User = "eve"
	case 2:
		c.Node = "n3"
		if c.Op == audit.OpUpsert {
			c.Op = audit.OpInsert
		}
	case 3:
		c.After.Trust = audit.Exact
	case 4:
		c.Sent = audit.Object(map[string]audit.Value{"status": audit.Text("sent")})
	case 5:
		c.Lossy = !c.Lossy
	}
	return c
}

// base adds a baseline with a record as it was some time after a change, and now
// and then a body that is large.
func (s *story) base(b *audit.Batch) {
	c := s.known[s.r.IntN(len(s.known))]
	s.bases++
	id := fmt.Sprint("base", s.bases)
	l := audit.Baseline{ID: id, Cluster: c.Cluster, Node: c.Node, Table: c.Key.Table, Begun: c.Time - 9, Ended: c.Time + 9, Source: audit.FromSearch, Records: 1}
	if s.one(3) {
		l.Ended = 0
	}
	r := audit.BaseRecord{Baseline: id, Cluster: c.Cluster, Key: c.Key, Version: c.Time, Seen: c.Time + 200_000, Until: c.Time + 200_001,
		Body: audit.Object(map[string]audit.Value{"status": audit.Text("based"), "note": audit.Int(int64(s.bases))})}
	switch s.r.IntN(4) {
	case 0:
		r.Version = 0
	case 1:
		r.Lossy = true
	case 2:
		r.Body = r.Body.With("tags", audit.Text(s.noise(20_000)))
	}
	b.Baselines, b.Records = append(b.Baselines, l), append(b.Records, r)
}

// coverage adds what was read, what could not be, and what was after all.
func (s *story) coverage(b *audit.Batch) {
	c := s.known[s.r.IntN(len(s.known))]
	width := audit.Time(1 + s.r.IntN(1<<24))
	switch s.r.IntN(4) {
	case 0:
		g := audit.Gap{Node: c.Node, Table: c.Key.Table, From: c.Time, To: c.Time + width/8, Reason: "unreadable", Observed: c.Time}
		b.Gaps, s.gaps = append(b.Gaps, g), append(s.gaps, g)
	case 1:
		if len(s.gaps) > 0 {
			g := s.gaps[s.r.IntN(len(s.gaps))]
			g.Healed = c.Time
			b.Healed = append(b.Healed, g)
		}
	case 2:
		b.Cursors = append(b.Cursors, audit.Cursor{Node: c.Node, Table: c.Key.Table, Time: c.Time + width})
	default:
		b.Spans = append(b.Spans, audit.Span{Node: c.Node, Table: c.Key.Table, From: c.Time - width, To: c.Time + width})
	}
}

// hit stores the evidence that querytest.RulesOf says there is of the changes
// after a number, and says up to which that is.
func hit(t testing.TB, db *store.DB, after audit.Seq) audit.Seq {
	t.Helper()
	of := map[string][]audit.Seq{}
	last := db.Last()
	for seq := after + 1; seq <= last; seq++ {
		for _, rule := range querytest.RulesOf(seq) {
			of[rule] = append(of[rule], seq)
		}
	}
	for rule, seqs := range of {
		if err := db.Hit(t.Context(), rule, seqs...); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// followed is all changes of a store.
func followed(t testing.TB, db *store.DB) []audit.Change {
	t.Helper()
	var all []audit.Change
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// whole fails the test for every problem that Verify finds.
func whole(t testing.TB, db *store.DB) {
	t.Helper()
	if _, err := db.Verify(t.Context(), func(p string) { t.Errorf("verify: %s", p) }); err != nil {
		t.Fatal(err)
	}
}

func sortedByPlace(changes []audit.Change) []audit.Change {
	all := slices.Clone(changes)
	slices.SortStableFunc(all, func(a, b audit.Change) int {
		if a.Time != b.Time {
			if a.Time < b.Time {
				return -1
			}
			return 1
		}
		return int(a.Seq) - int(b.Seq)
	})
	return all
}
