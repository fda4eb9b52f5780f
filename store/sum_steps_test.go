package store

import (
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

func (m *sumModel) replace() {
	open := m.sums.open.freeze().chunks
	if len(open) == 0 {
		return
	}
	z := pick(m.r, open)
	off := m.r.IntN(z.n)
	c := &m.changes[z.chunk*8+off]
	m.sums.open.announce([]audit.Seq{audit.Seq(z.chunk*8 + off + 1)})
	m.doubts[audit.Seq(z.chunk*8+off+1)] = true
	m.check(false)
	delete(m.doubts, audit.Seq(z.chunk*8+off+1))
	m.reading(c)
	m.sums.open.apply(func(open []*sums) []*sums {
		open[z.chunk-open[0].chunk].replace(off, &c.Change, appendList(nil, c.attributes...))
		return open
	})
	m.readDoubts()
}

// readDoubts makes the model's doubts those stored.
func (m *sumModel) readDoubts() {
	m.doubts = map[audit.Seq]bool{}
	m.must(m.db.badger.View(func(txn *badger.Txn) error {
		for chunk := range len(m.changes)/8 + 1 {
			b, err := readDoubtful(txn, small(), chunk)
			if err != nil {
				return err
			}
			for _, off := range b.ToArray() {
				m.doubts[audit.Seq(chunk*8+int(off)+1)] = true
			}
		}
		return nil
	}))
}

// some are numbers of a few changes.
func (m *sumModel) some() (seqs []audit.Seq) {
	for range m.r.IntN(4) {
		if len(m.changes) > 0 {
			seqs = append(seqs, audit.Seq(1+m.r.IntN(len(m.changes))))
		}
	}
	return seqs
}

func (m *sumModel) doubt() {
	seqs := m.some()
	m.budget = -1
	m.must(m.commit(func(txn *badger.Txn) error { return addDoubtful(txn, small(), seqs) }))
	m.readDoubts()
	for _, s := range seqs {
		if !m.doubts[s] {
			m.t.Fatalf("the doubt of %d is not stored", s)
		}
	}
}

func (m *sumModel) hit() {
	seqs, rule := m.some(), pick(m.r, modelTexts)
	m.budget = -1
	m.must(m.commit(func(txn *badger.Txn) error { return addHits(txn, small(), rule, seqs) }))
	for _, s := range seqs {
		m.changes[s-1].rules[rule] = true
	}
	if len(m.changes) > 0 && m.r.IntN(3) == 0 {
		m.must(tidyHits(m.commit, small(), m.r.IntN(len(m.changes))/8))
	}
}
