package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

func committing(db *DB) committer {
	return func(f func(*badger.Txn) error) error { return db.update(context.Background(), f) }
}

// TestViewWhileWriting: views that are opened while changes are added, read
// otherwise, sealed and merged are each of one moment: every change up to Last
// has the user of its sums, or is doubtful.
func TestViewWhileWriting(t *testing.T) {
	l := small()
	g := newSumming(l, 1<<20)
	db, err := openRaw(t.TempDir(), g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	commit := committing(db)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := checkMoment(g, db); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	w := &momentWriter{db: db, g: g, commit: commit, r: rand.New(rand.NewPCG(5, 5)), l: l}
	for range 300 {
		if err := w.step(); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	readers.Wait()
}

// A momentWriter keeps, under a note for each change, the user that its sums are
// of: what a reader of the same moment can compare.
type momentWriter struct {
	db     *DB
	g      *summing
	commit committer
	r      *rand.Rand
	l      layout
	n      int
}

func momentKey(s audit.Seq) []byte { return nameKey(kindNote, fmt.Sprint("moment ", s)) }

func momentChange(s int, user string) audit.Change {
	c := audit.Change{Time: audit.Time(s), User: user, Op: audit.OpUpsert, Key: audit.Key{Table: shop, ID: audit.ID(fmt.Sprint(s % 5))}, Nth: s}
	c.ID = c.Identify()
	return c
}

func (w *momentWriter) step() error {
	open := w.g.open.freeze().chunks
	switch {
	case len(open) > 0 && open[0].n == w.l.size && w.r.IntN(2) == 0:
		return w.seal(open[0])
	case len(open) > 0 && w.r.IntN(3) == 0:
		return w.replace(open[len(open)-1])
	}
	return w.add()
}

func (w *momentWriter) seal(z *frozen) error {
	if err := sealChunk(w.commit, z, nil); err != nil {
		return err
	}
	w.g.open.apply(func(open []*sums) []*sums { return open[1:] })
	if (z.chunk+1)%w.l.shelf == 0 {
		return mergeShelf(w.commit, w.l, z.chunk/w.l.shelf)
	}
	return nil
}

func (w *momentWriter) add() error {
	var added []audit.Change
	for range 1 + w.r.IntN(5) {
		added = append(added, momentChange(w.n+len(added), pick(w.r, modelTexts[:6])))
	}
	err := w.commit(func(txn *badger.Txn) error {
		for i, c := range added {
			if err := set(txn, momentKey(audit.Seq(w.n+i+1)), []byte(c.User)); err != nil {
				return err
			}
		}
		return set(txn, headKey(), uintPayload(uint64(w.n+len(added))))
	})
	w.g.open.apply(func(open []*sums) []*sums {
		for _, c := range added {
			if w.n%w.l.size == 0 {
				open = append(open, newSums(w.l, w.n/w.l.size))
			}
			open[len(open)-1].addWith(&c, nil)
			w.n++
		}
		return open
	})
	return errors.Join(err, w.db.setHead())
}

func (w *momentWriter) replace(z *frozen) error {
	off := w.r.IntN(z.n)
	seq := z.first(z.chunk) + audit.Seq(off)
	c := momentChange(int(seq)-1, pick(w.r, modelTexts[:6]))
	w.g.open.announce([]audit.Seq{seq})
	err := w.commit(func(txn *badger.Txn) error { return set(txn, momentKey(seq), []byte(c.User)) })
	w.g.open.apply(func(open []*sums) []*sums {
		open[z.chunk-open[0].chunk].replace(off, &c, nil)
		return open
	})
	return err
}

func checkMoment(g *summing, db *DB) error {
	ctx := context.Background()
	v, err := g.view(ctx, db)
	if err != nil {
		return err
	}
	defer v.Close()
	for _, c := range v.Chunks() {
		codes, users, err := v.Column(ctx, c.Index, audit.FacetUser)
		if err != nil {
			return err
		}
		doubtful, err := v.Doubtful(ctx, c.Index)
		if err != nil {
			return err
		}
		for i := range c.N {
			seq := c.First + audit.Seq(i)
			user, found, err := get(v.r.txn, momentKey(seq))
			if err != nil {
				return err
			}
			b, err := v.Set(ctx, c.Index, audit.FacetUser, string(user))
			if err != nil {
				return err
			}
			if !found || !doubtful.Contains(uint32(i)) && (users[codes[i]] != string(user) || !b.Contains(uint32(i))) {
				return fmt.Errorf("change %d is of %q, %v; its column says %q, its set %v", seq, user, found, users[codes[i]], b)
			}
		}
	}
	if last := v.Last(); last > 0 {
		seqs, err := v.Record(ctx, audit.Key{Table: shop, ID: audit.ID(fmt.Sprint((last - 1) % 5))})
		if err != nil || seqs[len(seqs)-1] != last {
			return fmt.Errorf("the record of change %d has %v, %w", last, seqs, err)
		}
	}
	return nil
}

// TestViewReads: changes are read as the store has them, by several at once, and
// none after the last that the view had when it was opened.
func TestViewReads(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	var all []audit.Change
	for i := range 600 {
		all = append(all, made(fmt.Sprint(i%7), audit.Time(1e12+float64(i)), audit.OpUpsert, object(i)))
	}
	appendAll(t, db, all[:500]...)
	g := newSumming(standard(), -1)
	s := newSums(standard(), 0)
	for i := range 500 {
		c := mustGet(t, db, audit.Seq(i+1))
		s.add(&c)
	}
	g.open.apply(func([]*sums) []*sums { return []*sums{s} })
	v, err := g.view(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	appendAll(t, db, all[500:]...)
	var readers sync.WaitGroup
	for block, n := range map[int]int{0: 256, 1: 244, 2: 0} {
		readers.Go(func() {
			changes, err := v.Block(ctx, block)
			if err != nil || len(changes) != n {
				t.Errorf("block %d has %d changes, %v", block, len(changes), err)
			}
			for i, c := range changes {
				if want := mustGet(t, db, audit.Seq(block*256+i+1)); c.Seq != want.Seq || !c.Before.Body.Equal(want.Before.Body) || !c.After.Body.Equal(want.After.Body) {
					t.Errorf("change %d is %+v, want %+v", want.Seq, c, want)
				}
			}
		})
	}
	readers.Wait()
	seqs, err := v.Record(ctx, audit.Key{Table: shop, ID: "3"})
	if err != nil || len(seqs) != 71 {
		t.Fatalf("%d changes of the record: %v", len(seqs), err)
	}
	changes, err := v.Read(ctx, seqs)
	if err != nil || !slices.EqualFunc(changes, seqs, func(c audit.Change, s audit.Seq) bool { return c.Seq == s && c.Key.ID == "3" }) {
		t.Fatalf("read %d changes: %v", len(changes), err)
	}
	if _, err := v.Read(ctx, []audit.Seq{501}); err == nil {
		t.Fatal("a change after the view's last was read")
	}
	// The first change of a record edits every attribute, later ones what differs.
	names, err := v.Set(ctx, 0, audit.FacetAttribute, "n")
	if err != nil || names.GetCardinality() != 500 {
		t.Fatalf("%v changes edited n: %v", names, err)
	}
}

// TestViewRefuses: chunks and facets that are not there are errors, and so is a
// cancelled context.
func TestViewRefuses(t *testing.T) {
	db := open(t)
	v, err := newSumming(standard(), -1).view(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for name, f := range map[string]func() error{
		"chunk":    func() error { _, err := v.Times(ctx, 0); return err },
		"negative": func() error { _, err := v.Set(ctx, -1, audit.FacetUser, ""); return err },
		"facet":    func() error { _, err := v.Values(ctx, 99); return err },
		"number":   func() error { _, err := v.Read(ctx, []audit.Seq{0}); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	cancel()
	if _, err := v.Record(ctx, audit.Key{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	v.Close()
	v.Close()
}
