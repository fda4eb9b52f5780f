package store

import (
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// note is what a loop of the program remembers between two runs, on disk.
type note struct {
	Name string `cbor:"1,keyasint,omitempty"`
	Text []byte `cbor:"2,keyasint"`
}

// Note is what was last noted under a name, and whether anything was.
func (db *DB) Note(ctx context.Context, name string) ([]byte, bool, error) {
	var n note
	var found bool
	err := db.view(ctx, func(r *reader) error {
		payload, ok, err := get(r.txn, nameKey(kindNote, name))
		if err != nil || !ok {
			return err
		}
		found = true
		return decode(payload, &n)
	})
	if err != nil {
		return nil, false, fmt.Errorf("read note %q: %w", name, err)
	}
	return n.Text, found, nil
}

// SetNote keeps a note under a name, in place of the one before. Notes are the
// memory of whoever writes them and nothing that others rely on.
func (db *DB) SetNote(ctx context.Context, name string, text []byte) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		return setEncoded(txn, nameKey(kindNote, name), note{name, text})
	})
	if err != nil {
		return fmt.Errorf("write note %q: %w", name, err)
	}
	return nil
}
