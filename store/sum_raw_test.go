package store

import (
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// openRaw opens a store that has sums and no changes, for tests of sums alone.
func openRaw(dir string, g *summing) (*DB, error) {
	o := Options{Memory: 1, NoSync: true, MinFree: -1}
	b, err := badger.Open(badgerOptions(dir, o, &engineLog{}))
	if err != nil {
		return nil, err
	}
	db := &DB{badger: b, dir: dir, o: o, sums: g, room: newRoom(dir, o), stirred: make(chan struct{}, 1), ended: make(chan struct{}), checked: func() error { return nil }}
	return db, db.setHead()
}

// setHead makes the head on disk known.
func (db *DB) setHead() error {
	return db.badger.View(func(txn *badger.Txn) error {
		payload, found, err := get(txn, headKey())
		var n uint64
		if err == nil && found {
			n, err = parseUint(payload)
		}
		db.known.Store(&known{head: audit.Seq(n)})
		return err
	})
}
