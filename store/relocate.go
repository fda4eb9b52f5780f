package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// kindOldBlock is the kind that blocks have in format 3. It stands between kinds of
// which something is written with every chunk: a sorted table that has the end of one
// of these and the newest block has all blocks between its first and its last key, so
// that Badger merged it with half the store. Blocks that come first, in the order of
// their numbers, are touched by no table that is not about the newest.
const kindOldBlock keyKind = 'e'

// relocateBytes is how much of blocks one transaction takes, below Badger's limit.
const relocateBytes = 256 << 10

// relocate gives the blocks of a store of format 3 the keys of this one. It may be
// cut off at any point: the next opening goes on.
func (db *DB) relocate(version uint64) error {
	if version < 3 {
		return nil // it has no blocks yet
	}
	old, err := db.hasOldBlocks()
	if err != nil || version == formatVersion && !old {
		return err
	}
	if !old {
		return db.setFormat()
	}
	if err := db.checked(); err != nil {
		return err
	}
	// First of all, so that no earlier program takes what is half done for damage.
	err = db.setFormat()
	for from := blockKeyOf(kindOldBlock, 0); err == nil && from != nil; {
		from, err = db.relocateSome(from)
	}
	if err == nil && old {
		err = db.badger.DropPrefix([]byte{byte(kindOldBlock)})
	}
	if err != nil {
		return fmt.Errorf("give blocks the keys of format %d: %w", formatVersion, err)
	}
	return nil
}

func (db *DB) setFormat() error {
	return db.commit(func(txn *badger.Txn) error { return set(txn, formatKey(), uintPayload(formatVersion)) })
}

func (db *DB) hasOldBlocks() (found bool, err error) {
	err = db.badger.View(func(txn *badger.Txn) error {
		found = anyUnder(txn, kindOldBlock)
		return nil
	})
	return found, err
}

// relocateSome writes some blocks under their new keys, from one old key on, and
// returns the next; nil: there is none.
func (db *DB) relocateSome(from []byte) (next []byte, err error) {
	err = db.commit(func(txn *badger.Txn) error {
		head, err := readHead(txn)
		if err != nil {
			return err
		}
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindOldBlock)}})
		defer it.Close()
		bytes := 0
		for it.Seek(from); it.Valid(); it.Next() {
			item := it.Item()
			if bytes > 0 && bytes+int(item.ValueSize()) > relocateBytes {
				next = item.KeyCopy(nil)
				return nil
			}
			bytes += int(item.ValueSize())
			n, err := parseUint(item.Key()[1:])
			if err == nil {
				err = relocateBlock(txn, item, int(n))
			}
			if err == nil && db.o.Converting != nil && n%256 == 0 {
				err = db.o.Converting(min(firstOf(int(n))-1, head), head)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return next, err
}

// relocateBlock writes a block under its new key. One that is damaged goes there as it
// is, to be found damaged there by whoever reads it: the others can be read.
func relocateBlock(txn *badger.Txn, item *badger.Item, n int) error {
	payload, err := payloadOf(item)
	switch {
	case err == nil:
		return set(txn, blockKey(n), payload)
	case errors.Is(err, ErrCorrupt):
		raw, err := item.ValueCopy(nil)
		if err != nil {
			return unreadable(n, err)
		}
		return txn.Set(blockKey(n), raw)
	}
	return unreadable(n, err)
}
