package index_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/index"
	"recourse/store"
)

// A noted store notes how the index reads its changes.
type noted struct {
	*store.DB
	read map[audit.Seq]string
}

func (n *noted) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for c, err := range n.DB.Follow(ctx, after) {
			n.read[c.Seq] = reading(&c)
			if !yield(c, err) {
				return
			}
		}
	}
}

// reading is what a change says of its record.
func reading(c *audit.Change) string {
	return fmt.Sprintf("%s %s %x %s %s %x", c.Op, c.Before.State, c.Before.Body, c.Before.Source, c.After.State, c.After.Body)
}

// A history is put into a real store bit by bit, with the index following: of
// changes, some late, some of which later readings tell more, and of baselines.
func history(t *testing.T, seed uint64, size int) (*noted, *index.Index) {
	db := &noted{DB: openStore(t), read: map[audit.Seq]string{}}
	x := openIndex(t, t.TempDir())
	g := newCorpus(seed)
	changes := g.changes(size)
	for i, batch := range slices.Collect(slices.Chunk(changes, 100)) {
		b := audit.Batch{Changes: slices.Clone(batch)}
		if i > 0 {
			b.Changes = append(b.Changes, reread(g, changes[:i*100])...)
		}
		if i%3 == 2 {
			base(g, &b, changes[g.R.IntN(i*100)], i)
		}
		if _, err := db.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			follow(t, x, db)
		}
	}
	return db, x
}

// reread are some known changes as a later reading has them: patches that can be
// trusted further, with another image.
func reread(g *corpus, known []audit.Change) []audit.Change {
	var again []audit.Change
	for _, c := range known {
		if c.Op == audit.OpPatch && g.R.IntN(40) == 0 {
			c.After = audit.PresentImage(c.After.Body.With("again", g.Value(1)), audit.Logged, audit.Prompt)
			again = append(again, c)
		}
	}
	return again
}

// base adds a baseline with a record, as it was some time after a change of it.
func base(g *corpus, b *audit.Batch, c audit.Change, n int) {
	id := fmt.Sprint("base", n)
	b.Baselines = append(b.Baselines, audit.Baseline{ID: id, Node: "n1", Table: c.Key.Table, Begun: c.Time + 1, Ended: c.Time + 9, Source: audit.FromSearch, Records: 1})
	version := c.Time
	if g.R.IntN(2) == 0 {
		version = 0
	}
	b.Records = append(b.Records, audit.BaseRecord{Baseline: id, Key: c.Key, Version: version, Seen: c.Time + 200_000, Until: c.Time + 200_001,
		Body: audit.Object(map[string]audit.Value{"status": g.Value(1), "note": g.Value(1)})})
}

// TestCarriersAreProposed checks the promise of the package's comment: whoever
// looks at all changes in the blocks that are proposed for a word, at those that
// read otherwise since, and at those beyond Progress, meets a change of every
// record that has the word in an image of any change.
func TestCarriersAreProposed(t *testing.T) {
	for seed := range uint64(4) {
		db, x := history(t, seed, 1800)
		var all []audit.Change
		for c, err := range db.DB.Follow(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		// Who has a word, and of which records is that found out.
		carriers, known := map[string][]*audit.Change{}, map[string]map[audit.Key]bool{}
		doubtful, seen := 0, map[string]bool{}
		proposed := map[string]func(block int) bool{}
		for i := range all {
			c := &all[i]
			open := c.Seq > x.Progress() || db.read[c.Seq] != reading(c)
			if c.Seq <= x.Progress() && open {
				doubtful++
			}
			seen[c.Before.Source.String()] = true
			for w := range carried(c) {
				if proposed[w] == nil {
					blocks, ok, err := x.Blocks(t.Context(), w, 0)
					if err != nil || !ok {
						t.Fatalf("%q: %v, %v", w, ok, err)
					}
					proposed[w] = func(b int) bool { return blocks.Contains(uint32(b)) }
					known[w] = map[audit.Key]bool{}
				}
				carriers[w] = append(carriers[w], c)
				if open || proposed[w](audit.BlockOf(c.Seq)) {
					known[w][c.Key] = true
				}
			}
		}
		elsewhere := 0
		for w, list := range carriers {
			for _, c := range list {
				if !known[w][c.Key] {
					t.Errorf("change %d of %s carries %q: no change that does is proposed", c.Seq, c.Key, w)
				}
				if !proposed[w](audit.BlockOf(c.Seq)) && c.Seq <= x.Progress() {
					elsewhere++
				}
			}
		}
		if doubtful == 0 || elsewhere == 0 || !seen["folded"] || !seen["baseline"] {
			t.Errorf("a history that shows little: %d doubtful, %d found by others, sources %v", doubtful, elsewhere, seen)
		}
	}
}

// What a block has of a change is what the language says that it wrote, whatever
// the store knows of it.
func TestWritersAreProposed(t *testing.T) {
	db, x := history(t, 9, 1100)
	for c, err := range db.DB.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Seq > x.Progress() || db.read[c.Seq] != reading(&c) {
			continue
		}
		for _, w := range shown(&c) {
			if !slices.Contains(found(t, x, w, 0), uint32(audit.BlockOf(c.Seq))) {
				t.Errorf("change %d wrote %q", c.Seq, w)
			}
		}
	}
}
