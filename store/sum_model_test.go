package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// small makes chunks and shelves that a test can fill.
func small() layout { return layout{size: 8, shelf: 4, chunkBits: 2, shelfBits: 4} }

// A summedChange is a change and the attributes it is summed up with.
type summedChange struct {
	audit.Change
	attributes []string
	rules      map[string]bool
}

// A sumModel is a store of which only the sums are there, and beside it all that
// they are of.
type sumModel struct {
	t       *testing.T
	r       *rand.Rand
	dir     string
	db      *DB
	sums    *summing
	changes []summedChange
	doubts  map[audit.Seq]bool
	off     map[int]bool // chunks that are not on their shelf
	budget  int          // commits until one fails; below 0 none does
}

var errCut = errors.New("cut off")

func (m *sumModel) commit(f func(*badger.Txn) error) error {
	if m.budget == 0 {
		return errCut
	}
	m.budget--
	m.db.write.Lock()
	defer m.db.write.Unlock()
	return m.db.commit(f)
}

func (m *sumModel) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *sumModel) start() {
	m.sums = newSumming(small(), []int{-1, 2000, 1 << 20}[m.r.IntN(3)])
	db, err := openRaw(m.dir, m.sums)
	m.must(err)
	m.db = db
	v, err := m.sums.view(context.Background(), db)
	m.must(err)
	sealed := len(v.sealed.chunks)
	v.Close()
	m.sums.open.apply(func([]*sums) []*sums {
		var open []*sums
		for i := sealed * 8; i < len(m.changes); i++ {
			if i%8 == 0 {
				open = append(open, newSums(small(), i/8))
			}
			open[len(open)-1].addWith(&m.changes[i].Change, appendList(nil, m.changes[i].attributes...))
		}
		return open
	})
}

var (
	modelTimes = []audit.Time{1.5e12, 1.5e12 + 0.25, 1.6e12, 0, audit.Time(math.Copysign(0, -1)),
		audit.Time(math.NaN()), audit.Time(-math.NaN()), audit.Time(math.Inf(1)), audit.Time(math.Inf(-1)), -3, math.SmallestNonzeroFloat64}
	modelTexts = []string{"", "ann", "bob", "a\x00b", "\xff\xfe", "a\x00", "ü", strings.Repeat("long", 300), strings.Repeat("long", 301)}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// reading is what may be read otherwise of a change.
func (m *sumModel) reading(c *summedChange) {
	c.User, c.Op, c.Node = pick(m.r, modelTexts), audit.Op(pick(m.r, modelTexts)), pick(m.r, modelTexts)
	c.Late, c.Lossy, c.Synthetic = m.r.IntN(4) == 0, m.r.IntN(4) == 0, m.r.IntN(9) == 0
	c.attributes = nil
	for _, t := range modelTexts {
		if m.r.IntN(4) == 0 {
			c.attributes = append(c.attributes, t)
		}
	}
}

func (m *sumModel) add() {
	n := 1 + m.r.IntN(6)
	for range n {
		c := summedChange{rules: map[string]bool{}}
		m.reading(&c)
		c.Time = audit.Time(1.7e12 + float64(len(m.changes)))
		if m.r.IntN(3) == 0 {
			c.Time = pick(m.r, modelTimes)
		}
		c.Key = audit.Key{Table: audit.Table{Database: pick(m.r, modelTexts), Name: pick(m.r, modelTexts)}, ID: audit.ID(pick(m.r, modelTexts))}
		c.Nth = len(m.changes)
		c.ID = c.Identify()
		m.changes = append(m.changes, c)
	}
	m.budget = -1
	m.must(m.commit(func(txn *badger.Txn) error { return set(txn, headKey(), uintPayload(uint64(len(m.changes)))) }))
	m.sums.open.apply(func(open []*sums) []*sums {
		for i := len(m.changes) - n; i < len(m.changes); i++ {
			if i%8 == 0 {
				open = append(open, newSums(small(), i/8))
			}
			open[len(open)-1].addWith(&m.changes[i].Change, appendList(nil, m.changes[i].attributes...))
		}
		return open
	})
	m.must(m.db.setHead())
}

// cut makes the next commits fail after a few, or not.
func (m *sumModel) cut() {
	if m.budget = -1; m.r.IntN(2) == 0 {
		m.budget = m.r.IntN(9)
	}
}

// done says whether what was done went through; if it was cut off, the store is
// opened anew.
func (m *sumModel) done(err error) bool {
	m.t.Helper()
	if errors.Is(err, errCut) {
		m.reopen()
		return false
	}
	m.must(err)
	return true
}

func (m *sumModel) reopen() {
	m.must(m.db.Close())
	m.start()
}

func (m *sumModel) seal() {
	open := m.sums.open.freeze().chunks
	if len(open) == 0 || open[0].n < 8 {
		return
	}
	m.cut()
	if m.done(sealChunk(m.commit, open[0], nil)) {
		m.sums.open.apply(func(open []*sums) []*sums { return open[1:] })
	}
}

func (m *sumModel) merge() {
	h := m.head()
	if shelf := m.r.IntN(h.Shelves + 1); (shelf+1)*4 <= h.Chunks {
		m.cut()
		m.done(mergeShelf(m.commit, small(), shelf))
	}
}

func (m *sumModel) head() (h sumsHead) {
	m.must(m.db.badger.View(func(txn *badger.Txn) (err error) {
		h, err = readSumsHead(txn)
		return err
	}))
	return h
}

// again reads some changes of a sealed chunk otherwise and sums it up again.
func (m *sumModel) again() {
	h := m.head()
	if h.Chunks == 0 {
		return
	}
	chunk := m.r.IntN(h.Chunks)
	was := slices.Clone(m.changes)
	s := newSums(small(), chunk)
	for i := chunk * 8; i < chunk*8+8; i++ {
		if m.r.IntN(3) == 0 {
			m.reading(&m.changes[i])
		}
		s.addWith(&m.changes[i].Change, appendList(nil, m.changes[i].attributes...))
	}
	m.cut()
	err := sealChunk(m.commit, s.freeze(), func(txn *badger.Txn) error { return txn.Delete(doubtfulKey(chunk)) })
	counted := m.counted(chunk, was)
	if !counted {
		m.changes = was
	} else {
		for i := range small().size {
			delete(m.doubts, audit.Seq(chunk*8+i+1))
		}
	}
	m.done(err)
}

// counted says whether a chunk that was cut off being summed up again counts as
// it is now, of which only the store knows.
func (m *sumModel) counted(chunk int, was []summedChange) bool {
	v, err := m.sums.view(context.Background(), m.db)
	m.must(err)
	defer v.Close()
	codes, users, err := v.Column(context.Background(), chunk, audit.FacetUser)
	m.must(err)
	same := func(changes []summedChange) bool {
		for i, code := range codes {
			if users[code] != changes[chunk*8+i].User {
				return false
			}
		}
		return true
	}
	if same(m.changes) && same(was) {
		// Of the users alone it cannot be told.
		for i := range codes {
			b, err := v.Set(context.Background(), chunk, audit.FacetOp, string(m.changes[chunk*8+i].Op))
			m.must(err)
			if !b.Contains(uint32(i)) {
				return false
			}
		}
	}
	return same(m.changes)
}

// TestSumsModel: whatever is added, sealed, merged, read again, cut off and
// reopened, every answer of a view is what a count of the changes gives.
func TestSumsModel(t *testing.T) {
	seeds := uint64(4)
	if os.Getenv("RECOURSE_SOAK") != "" {
		seeds = 80
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &sumModel{t: t, r: rand.New(rand.NewPCG(seed, 4)), dir: t.TempDir(), doubts: map[audit.Seq]bool{}, budget: -1}
			m.start()
			defer func() { m.must(m.db.Close()) }()
			steps := []func(){m.add, m.add, m.add, m.seal, m.seal, m.merge, m.again, m.replace, m.doubt, m.hit}
			for i := range 150 {
				pick(m.r, steps)()
				m.check(i%25 == 0)
			}
			m.reopen()
			m.check(true)
			if h := m.head(); h.Shelves == 0 {
				t.Fatal("no shelf was merged")
			}
			m.leftovers()
		})
	}
}

// leftovers: once all is merged and cleaned, nothing is there but what counts.
func (m *sumModel) leftovers() {
	m.budget = -1
	h := m.head()
	for shelf := range h.Chunks / 4 {
		m.must(mergeShelf(m.commit, small(), shelf))
	}
	m.must(tidySums(m.commit, small()))
	h = m.head()
	m.must(m.db.badger.View(func(txn *badger.Txn) error {
		s, err := newSumming(small(), -1).read(txn)
		if err != nil {
			return err
		}
		return scan(txn, []byte{byte(kindSet)}, func(key, _ []byte) error {
			n := len(key)
			number, g := int(binary.BigEndian.Uint32(key[n-8:])), generation(binary.BigEndian.Uint32(key[n-4:]))
			onShelf := level(key[n-9]) == levelShelf
			if onShelf && s.shelves[number].Counts != g || !onShelf && (number < h.Shelves*4 || number < h.Chunks && s.chunks[number].counts != g) {
				return fmt.Errorf("a set of number %d, generation %d, shelf %v is left over", number, g, onShelf)
			}
			return nil
		})
	}))
	m.check(true)
}

func (c *summedChange) values(f audit.Facet) []string {
	switch f {
	case audit.FacetUser:
		return []string{c.User}
	case audit.FacetOp:
		return []string{string(c.Op)}
	case audit.FacetTable:
		return []string{c.Key.Table.String()}
	case audit.FacetNode:
		return []string{c.Node}
	case audit.FacetAttribute:
		return c.attributes
	case audit.FacetRule:
		return slices.Collect(maps.Keys(c.rules))
	}
	var marks []string
	for name, has := range map[string]bool{audit.MarkLate: c.Late, audit.MarkLossy: c.Lossy, audit.MarkSynthetic: c.Synthetic} {
		if has {
			marks = append(marks, name)
		}
	}
	return marks
}
