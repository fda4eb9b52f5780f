package index_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"recourse/audit"
	"recourse/index"
)

func TestFollowIndexesWholeBlocks(t *testing.T) {
	m, x := remembered(1, 1500), openIndex(t, t.TempDir())
	for _, n := range []int{0, 1, 255, 256, 257, 511, 900, 1500} {
		before := x.Progress()
		if behind := x.Behind(audit.Seq(n)); behind != audit.Seq(n/audit.BlockSize*audit.BlockSize)-before {
			t.Errorf("%d of %d changes behind", behind, n)
		}
		added := follow(t, x, m[:n])
		if want := audit.Seq(n / audit.BlockSize * audit.BlockSize); x.Progress() != want {
			t.Errorf("of %d changes, progress %d, want %d", n, x.Progress(), want)
		}
		if added != int(x.Progress()-before) {
			t.Errorf("Follow counted %d from %d to %d", added, before, x.Progress())
		}
		same(t, holds(t, x), wanted(m, n/audit.BlockSize))
		if x.Behind(audit.Seq(n)) != 0 || x.Behind(0) != 0 {
			t.Errorf("of %d changes all whole blocks are indexed, but %d", n, x.Behind(audit.Seq(n)))
		}
	}
}

// The words are the same in whatever batches they come, and however bleve has
// merged them.
func TestFollowInManyBatches(t *testing.T) {
	m := remembered(2, 30*audit.BlockSize)
	x := openIndex(t, t.TempDir())
	for n := audit.BlockSize; n <= len(m); n += audit.BlockSize {
		follow(t, x, m[:n])
	}
	same(t, holds(t, x), wanted(m, 30))
	small, err := index.Open(t.TempDir(), index.Options{Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	follow(t, small, m)
	same(t, holds(t, small), wanted(m, 30))
	if err := small.Close(); err != nil {
		t.Error(err)
	}
}

// A brittle store breaks off after some changes, or leaves one out.
type brittle struct {
	memory
	left  int
	leave bool
}

var errBroken = errors.New("broken")

func (b *brittle) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for c, err := range b.memory.Follow(ctx, after) {
			if b.left--; b.left == 0 && b.leave {
				continue
			}
			if b.left < 0 && !b.leave {
				yield(audit.Change{}, errBroken)
				return
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestFollowGoesOnAfterFailure(t *testing.T) {
	m, x := remembered(3, 8*audit.BlockSize), openIndex(t, t.TempDir())
	follow(t, x, m[:2*audit.BlockSize])
	if _, err := x.Follow(t.Context(), &brittle{memory: m, left: 700}); !errors.Is(err, errBroken) {
		t.Fatalf("Follow: %v, want the store's error", err)
	}
	if _, err := x.Follow(t.Context(), &brittle{memory: m, left: 300, leave: true}); !errors.Is(err, index.ErrSkipped) {
		t.Fatalf("Follow of a store with a gap: %v, want ErrSkipped", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Follow(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow when cancelled: %v", err)
	}
	if x.Progress() != 2*audit.BlockSize {
		t.Errorf("progress %d after failures", x.Progress())
	}
	same(t, holds(t, x), wanted(m, 2))
	follow(t, x, m)
	same(t, holds(t, x), wanted(m, 8))
}

func TestRefresh(t *testing.T) {
	m, x := remembered(4, 9*audit.BlockSize+10), openIndex(t, t.TempDir())
	follow(t, x, m)
	for _, c := range []*audit.Change{&m[5*audit.BlockSize+3], &m[7*audit.BlockSize], &m[9*audit.BlockSize]} {
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{"a": audit.Text("known better")}), audit.Baselined, audit.Exact)
	}
	if err := x.Refresh(t.Context(), m, []int{7, 5, 7, 9, -1, 400}); err != nil {
		t.Fatal(err)
	}
	same(t, holds(t, x), wanted(m, 9))
	if x.Progress() != 9*audit.BlockSize {
		t.Errorf("progress %d", x.Progress())
	}
	if err := x.Refresh(t.Context(), &brittle{memory: m, left: 100}, []int{2}); !errors.Is(err, errBroken) {
		t.Errorf("Refresh: %v, want the store's error", err)
	}
	if err := x.Refresh(t.Context(), m[:300], []int{2}); !errors.Is(err, index.ErrSkipped) {
		t.Errorf("Refresh from a store that has less: %v, want ErrSkipped", err)
	}
	same(t, holds(t, x), wanted(m, 9))
}
