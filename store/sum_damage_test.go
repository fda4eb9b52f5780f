package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// askAll asks a view of everything that is on disk of sums.
func askAll(g *summing, db *DB) error {
	ctx := context.Background()
	v, err := g.view(ctx, db)
	if err != nil {
		return err
	}
	defer v.Close()
	var all []error
	for _, f := range audit.Facets() {
		values, err := v.Values(ctx, f)
		_, terr := v.Totals(ctx, f)
		all = append(all, err, terr)
		for _, c := range v.Chunks() {
			_, cerr := v.Counts(ctx, c.Index, f)
			all = append(all, cerr)
			if f.Single() {
				_, _, err := v.Column(ctx, c.Index, f)
				all = append(all, err)
			}
			for _, value := range values {
				_, err := v.Set(ctx, c.Index, f, value)
				all = append(all, err)
			}
		}
	}
	for _, c := range v.Chunks() {
		_, err := v.Times(ctx, c.Index)
		_, derr := v.Doubtful(ctx, c.Index)
		all = append(all, err, derr)
	}
	for group := range uint32(1 << g.shelfBits) {
		for _, kind := range []keyKind{kindRecordHash, kindIDHash} {
			_, err := g.sealedHash(v.r.txn, v.sealed, kind, group<<(hashBits-g.shelfBits))
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// damagedSums is a store of a shelf and two chunks beside it, and all its sums.
func damagedSums(t *testing.T) (*sumModel, []entry) {
	t.Helper()
	m := &sumModel{t: t, r: rand.New(rand.NewPCG(8, 8)), dir: t.TempDir(), doubts: map[audit.Seq]bool{}, budget: -1}
	m.start()
	t.Cleanup(func() { m.must(m.db.Close()) })
	for len(m.changes) < 48 {
		m.add()
	}
	for _, z := range m.sums.open.freeze().chunks[:6] {
		m.must(sealChunk(m.commit, z, nil))
	}
	m.sums.open.apply(func(open []*sums) []*sums { return open[6:] })
	m.must(mergeShelf(m.commit, small(), 0))
	for range 20 {
		m.doubt()
		m.hit()
	}
	m.must(askAll(newSumming(small(), -1), m.db))
	var entries []entry
	m.must(m.db.badger.View(func(txn *badger.Txn) error {
		for _, kind := range []keyKind{kindSums, kindChunk, kindShelf, kindTimes, kindColumn, kindCounts, kindSet, kindRecordHash, kindIDHash, kindHits, kindDoubtful} {
			n := len(entries)
			err := scan(txn, []byte{byte(kind)}, func(key, payload []byte) error {
				entries = append(entries, entry{key, payload})
				return nil
			})
			if err != nil || len(entries) == n {
				return fmt.Errorf("no entry of kind %c: %w", kind, err)
			}
		}
		return nil
	}))
	return m, entries
}

func (m *sumModel) raw(key, value []byte) {
	m.t.Helper()
	m.must(m.commit(func(txn *badger.Txn) error {
		if value == nil {
			return txn.Delete(key)
		}
		return txn.Set(key, value)
	}))
}

// TestDamagedSums: a byte of a sum that is another, a sum under the key of
// another and one that others name and that is gone are ErrCorrupt.
func TestDamagedSums(t *testing.T) {
	m, entries := damagedSums(t)
	bytes := 1
	if os.Getenv("RECOURSE_SOAK") != "" {
		bytes = 3
	}
	for i, e := range entries {
		value := seal(e.key, e.payload)
		for range bytes {
			bad := slices.Clone(value)
			bad[m.r.IntN(len(bad))] ^= 1 << m.r.IntN(8)
			m.raw(e.key, bad)
			if err := askAll(newSumming(small(), -1), m.db); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("a damaged byte under %x: %v", e.key, err)
			}
		}
		if other := entries[(i+1)%len(entries)]; string(other.payload) != string(e.payload) {
			m.raw(e.key, seal(other.key, other.payload))
			if err := askAll(newSumming(small(), -1), m.db); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("under %x stands what belongs under %x: %v", e.key, other.key, err)
			}
		}
		switch keyKind(e.key[0]) {
		case kindSums, kindHits, kindDoubtful: // nothing else says that they are there
		default:
			m.raw(e.key, nil)
			if err := askAll(newSumming(small(), -1), m.db); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("nothing is under %x: %v", e.key, err)
			}
		}
		m.raw(e.key, value)
	}
	m.must(askAll(newSumming(small(), -1), m.db))
	m.check(true)
}

// FuzzSums: what is no sum is refused or read, and never panics.
func FuzzSums(f *testing.F) {
	z := shopChanges(300).sum(0).freeze()
	z.size = 300
	entries, err := z.seal(1)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries[:40] {
		f.Add(e.payload, 300, 12)
	}
	for _, e := range entries[len(entries)-30:] {
		f.Add(e.payload, 300, 500)
	}
	f.Add(encodeTimes(modelTimes), len(modelTimes), 0)
	f.Fuzz(func(t *testing.T, data []byte, n, values int) {
		n, values = min(max(n, 0), 1<<16), min(max(values, 0), 1<<16)
		if times, err := decodeTimes(data, n); err == nil && len(times) != n {
			t.Fatalf("%d times, want %d", len(times), n)
		}
		if codes, err := decodeColumn(data, n, values); err == nil {
			for _, c := range codes {
				if int(c) >= values {
					t.Fatalf("code %d of %d values", c, values)
				}
			}
		}
		_, _ = appendCounts(nil, data)
		_, _ = shelfPart(data, 16, 3)
		var b *roaring.Bitmap
		if b, err = decodeSet(slices.Clone(data), n); err == nil && !b.IsEmpty() && int(b.Maximum()) >= n {
			t.Fatalf("a set with %d of %d", b.Maximum(), n)
		}
		_ = standard().decodeGroup(levelShelf, n%4096, data, func(e hashed) {
			if int(e>>(20+hashBits-12)) != n%4096 {
				t.Fatal("a hash of another group")
			}
		})
	})
}

// TestTimesOfAllKinds: every bit of every time comes back.
func TestTimesOfAllKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 2000 {
		times := make([]audit.Time, 1+r.IntN(40))
		step := pick(r, []float64{0, 1, 0.25, 90.123, 1e9})
		for i := range times {
			times[i] = audit.Time(1.7e12 + float64(i)*step)
			if r.IntN(9) == 0 {
				times[i] = pick(r, modelTimes)
			}
			if r.IntN(30) == 0 {
				times[i] = unsortable(r.Uint64())
			}
		}
		data := encodeTimes(times)
		got, err := decodeTimes(data, len(times))
		if err != nil || !slices.EqualFunc(got, times, func(a, b audit.Time) bool { return bits(a) == bits(b) }) {
			t.Fatalf("%v came back as %v, %v", times, got, err)
		}
		for _, bad := range [][]byte{data[:len(data)-1], append(slices.Clone(data), 0)} {
			if _, err := decodeTimes(bad, len(times)); err == nil && len(times) > 1 {
				t.Fatalf("%x was read as %d times", bad, len(times))
			}
		}
	}
}
