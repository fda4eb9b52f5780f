package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// What is too large for one value is written in parts, each under a number of its
// own that nothing else has, in as many transactions as that takes. They count
// from when something says that they do; opening a store deletes those of which
// nothing says so. They stay below valueThreshold, so that what is deleted comes
// back.
const (
	partSize = valueThreshold - 1<<10
	// partsAtOnce is how many bytes of parts are written in one transaction.
	partsAtOnce = 256 << 10
)

func partKey(number uint64) []byte { return appendUint([]byte{byte(kindPart)}, number) }

// nextPart is a number above that of every part.
func nextPart(txn *badger.Txn) (uint64, error) {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
	defer it.Close()
	it.Seek([]byte{byte(kindPart) + 1})
	for ; it.Valid(); it.Next() {
		key := it.Item().Key()
		switch {
		case len(key) == 9 && key[0] == byte(kindPart):
			return binary.BigEndian.Uint64(key[1:]) + 1, nil
		case key[0] < byte(kindPart):
			return 1, nil
		}
	}
	return 1, nil
}

// A parting writes parts. Its zero value is not usable.
type parting struct {
	commit  func(func(*badger.Txn) error) error
	next    uint64
	waiting [][]byte // parts to be written, the last of which is the one before next
	size    int
}

// newParting is for one who holds the write lock until all is written.
func (db *DB) newParting() (*parting, error) {
	p := &parting{commit: db.commit}
	err := db.badger.View(func(txn *badger.Txn) (err error) {
		p.next, err = nextPart(txn)
		return err
	})
	return p, err
}

// partingIn writes within a transaction, as much as that takes.
func partingIn(txn *badger.Txn) (*parting, error) {
	next, err := nextPart(txn)
	return &parting{commit: func(f func(*badger.Txn) error) error { return f(txn) }, next: next}, err
}

// put is the number of a new part.
func (p *parting) put(payload []byte) (uint64, error) {
	number := p.next
	p.next++
	p.waiting = append(p.waiting, payload)
	if p.size += len(payload); p.size < partsAtOnce {
		return number, nil
	}
	return number, p.flush()
}

// split puts what may be larger than a part, and says where it begins and how many
// parts it has.
func (p *parting) split(payload []byte) (first uint64, n int, err error) {
	first = p.next
	for ; len(payload) > 0; n++ {
		size := min(partSize, len(payload))
		if _, err := p.put(payload[:size]); err != nil {
			return 0, 0, err
		}
		payload = payload[size:]
	}
	return first, n, nil
}

// flush writes what is waiting.
func (p *parting) flush() error {
	if len(p.waiting) == 0 {
		return nil
	}
	err := p.commit(func(txn *badger.Txn) error {
		for i, payload := range p.waiting {
			if err := set(txn, partKey(p.next-uint64(len(p.waiting)-i)), payload); err != nil {
				return err
			}
		}
		return nil
	})
	p.waiting, p.size = p.waiting[:0], 0
	return err
}

func readPart(txn *badger.Txn, number uint64) ([]byte, error) {
	payload, found, err := get(txn, partKey(number))
	if err == nil && !found {
		err = fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("part %d: %w", number, err)
	}
	return payload, nil
}

// readParts is what split took.
func readParts(txn *badger.Txn, first uint64, n int) ([]byte, error) {
	var all []byte
	for i := range n {
		payload, err := readPart(txn, first+uint64(i))
		if err != nil {
			return nil, err
		}
		if all = append(all, payload...); len(all) > maxValue {
			return nil, fmt.Errorf("%w: %d bytes of parts", ErrCorrupt, len(all))
		}
	}
	return all, nil
}

func deleteParts(txn *badger.Txn, first uint64, n int) error {
	for i := range n {
		if err := txn.Delete(partKey(first + uint64(i))); err != nil {
			return err
		}
	}
	return nil
}

// tidyParts deletes the parts that do not count: a process ended before they did.
func (db *DB) tidyParts() error {
	var gone [][]byte
	err := db.badger.View(func(txn *badger.Txn) error {
		counts, err := countedParts(txn)
		if err != nil {
			return err
		}
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindPart)}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().KeyCopy(nil)
			if len(key) == 9 && !counts[binary.BigEndian.Uint64(key[1:])] {
				gone = append(gone, key)
			}
		}
		return nil
	})
	if errors.Is(err, ErrCorrupt) {
		return nil // it is said where it is read; what it is made of is not known
	}
	if err != nil || len(gone) == 0 {
		return err
	}
	var steps []func(*badger.Txn) error
	for _, key := range gone {
		steps = append(steps, func(txn *badger.Txn) error { return txn.Delete(key) })
	}
	return db.commitSteps(steps)
}

// countedParts are the numbers of the parts that something is made of.
func countedParts(txn *badger.Txn) (map[uint64]bool, error) {
	counts := map[uint64]bool{}
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindPart)}})
	it.Rewind()
	some := it.Valid()
	it.Close()
	if !some {
		return counts, nil
	}
	err := scan(txn, []byte{byte(kindAlert)}, func(_, payload []byte) error {
		var a alert
		if err := decode(payload, &a); err != nil {
			return fmt.Errorf("read alert: %w", err)
		}
		for _, p := range slices.Concat(a.Pieces, a.FoldedPieces) {
			counts[p.Part] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, scan(txn, []byte{byte(kindWindow)}, func(_, payload []byte) error {
		w, err := decodeWindow(payload)
		for i := range w.Parts {
			counts[w.First+uint64(i)] = true
		}
		return err
	})
}
