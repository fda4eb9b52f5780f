package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
	"recourse/index"
	"recourse/store"
)

var errCut = errors.New("cut off")

// A survivor is a world whose store is cut off between two of its steps, again
// and again, and beside it a store that had the same batches and never was.
type survivor struct {
	*world
	left  int // steps until it is cut off; below 0 it is not
	cut   error
	short int // steps until there is room again; 0: there never is
	cuts  int
	other *store.DB
}

func newSurvivor(t testing.TB, seed uint64) *survivor {
	s := &survivor{left: -1, cut: errCut, world: &world{t: t, r: rand.New(rand.NewPCG(seed, 13)), dir: t.TempDir(), story: newStory(seed), batch: 20, o: store.Options{Memory: 1, NoSync: true}}}
	s.o.Chunks(8+4*int(seed%3), 3)
	s.o.Images(1, 3, 50)
	s.o.Cut(func() error {
		if s.left == 0 {
			if s.short--; s.short == 0 {
				s.left = -1
			}
			return s.cut
		}
		s.left--
		return nil
	})
	s.open()
	var err error
	s.other, err = store.Open(t.TempDir(), store.Options{Memory: 1, NoSync: true})
	s.must(err)
	t.Cleanup(func() { s.must(s.other.Close()) })
	return s
}

// do does something that writes, and says whether it was cut off.
func (s *survivor) do() bool {
	s.t.Helper()
	var err error
	switch n := s.r.IntN(10); {
	case n < 6:
		b := s.story.batch(s.batch)
		var out audit.Appended
		if out, err = s.db.Append(s.t.Context(), b); err == nil {
			want, err := s.other.Append(s.t.Context(), b)
			if err != nil || out != want {
				s.t.Fatalf("appended %+v, want %+v, %v", out, want, err)
			}
		}
	case n < 7:
		for chunk, set := range s.doubts() {
			if err = s.db.Resum(s.t.Context(), chunk, set); err != nil {
				break
			}
		}
	case n < 8:
		_, err = s.x.Follow(s.t.Context(), s.db)
	default:
		err = s.db.SetProgress(s.t.Context(), "anybody", audit.Seq(s.r.IntN(int(s.db.Last())+1)))
	}
	if err != nil && !errors.Is(err, s.cut) {
		s.t.Fatal(err)
	}
	return s.left == 0
}

// die leaves the store as a process that ends here would.
func (s *survivor) die() {
	s.t.Helper()
	s.cuts++
	if err := s.db.Close(); err != nil && !errors.Is(err, errCut) {
		s.t.Fatal(err)
	}
	s.must(s.x.Close())
}

// live opens the store again. That may be cut off, too.
func (s *survivor) live() {
	s.t.Helper()
	for s.left = s.r.IntN(12); ; s.left = -1 {
		db, err := store.Open(s.dir+"/store", s.o)
		if err == nil && s.left != 0 {
			s.db = db
			break
		}
		if s.left != 0 || err != nil && !errors.Is(err, errCut) {
			s.t.Fatalf("open: %v", err)
		}
		if err == nil {
			err = db.Close()
		}
		if err != nil && !errors.Is(err, errCut) {
			s.t.Fatal(err)
		}
	}
	s.left = -1
	var err error
	s.x, err = index.Open(s.dir+"/index", index.Options{})
	s.must(err)
}

// check compares the two stores.
func (s *survivor) check() {
	s.t.Helper()
	whole(s.t, s.db)
	o := oracle{w: s.world}
	o.same(followed(s.t, s.db), followed(s.t, s.other))
	for _, compare := range []func(*store.DB) any{
		func(db *store.DB) any { v, err := db.Cursors(s.t.Context()); s.must(err); return v },
		func(db *store.DB) any { v, err := db.Spans(s.t.Context()); s.must(err); return v },
		func(db *store.DB) any { v, err := db.Gaps(s.t.Context()); s.must(err); return v },
		func(db *store.DB) any { v, err := db.Users(s.t.Context()); s.must(err); return v },
		func(db *store.DB) any { v, err := db.Tables(s.t.Context()); s.must(err); return v },
	} {
		if got, want := fmt.Sprint(compare(s.db)), fmt.Sprint(compare(s.other)); got != want {
			s.t.Fatalf("%s, want %s", got, want)
		}
	}
}

// TestCutOff cuts off a store between any two steps of appending, of making sums
// and putting them together, of summing up again, of writing last images, and of
// opening. It opens, is whole, has everything once that was acknowledged, answers
// rightly and goes on.
func TestCutOff(t *testing.T) {
	seeds, rounds := uint64(2), 15
	if soak() {
		seeds, rounds = 60, 300
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSurvivor(t, seed)
			defer func() { s.left = -1; s.must(s.close()) }()
			for range rounds {
				for s.left = s.r.IntN(60); !s.do(); {
				}
				s.die()
				s.live()
				s.check()
			}
			s.ask(10)
			s.readings()
			if len(followed(t, s.db)) < 2*rounds || s.cuts < rounds {
				t.Errorf("%d changes, %d cuts", len(followed(t, s.db)), s.cuts)
			}
		})
	}
}

// TestNoRoom has no room, or a step that fails, for a while at any step, and the
// store goes on without being opened again.
func TestNoRoom(t *testing.T) {
	seeds, rounds := uint64(2), 12
	if soak() {
		seeds, rounds = 60, 300
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSurvivor(t, 50+seed)
			s.cut = []error{store.ErrDiskFull, errCut}[seed%2]
			defer func() { s.left = -1; s.must(s.close()) }()
			for i := range rounds {
				s.left, s.short = s.r.IntN(40), 1+s.r.IntN(9)
				for range 12 {
					s.do()
				}
				if i%8 == 7 {
					s.left = -1
					s.check()
				}
			}
			s.left = -1
			s.ask(10)
			s.check()
		})
	}
}

// TestCutEverywhere cuts one short history off at every step in turn.
func TestCutEverywhere(t *testing.T) {
	if !soak() {
		t.Skip("with RECOURSE_SOAK=1")
	}
	for most := 0; ; most++ {
		s := newSurvivor(t, 77)
		s.left = most
		ended := false
		for range 25 {
			if ended = s.do(); ended {
				break
			}
		}
		if !ended {
			s.left = -1
			s.must(s.close())
			if most < 50 {
				t.Errorf("only %d steps", most)
			}
			return
		}
		s.die()
		s.live()
		s.check()
		for range 5 {
			s.do()
		}
		s.check()
		s.must(s.close())
		s.must(os.RemoveAll(s.dir))
	}
}

// doubts are the chunks of which more is known, and what.
func (w *world) doubts() map[int]*roaring.Bitmap {
	w.t.Helper()
	doubts, err := w.db.Doubtful(w.t.Context())
	w.must(err)
	return doubts
}
