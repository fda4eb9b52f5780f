package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// TestImagesOfFormat5: the last images of a store of format 5, which has them with their
// names, are those of this format: for the changes that come next, and for who verifies it.
func TestImagesOfFormat5(t *testing.T) {
	dir := t.TempDir()
	o := Options{NoSync: true}
	o.Images(64<<20, 100, 300)
	const records = 400
	round := func(n int) (b audit.Batch) {
		for i := range records {
			b.Changes = append(b.Changes, made(fmt.Sprint(i), audit.Time(1+n*records+i), audit.OpUpsert, object(n*records+i)))
		}
		return b
	}
	open := func() *DB {
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	if _, err := db.Append(t.Context(), round(0)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	asBefore(t, db)
	if err := db.badger.Close(); err != nil { // without what closing would write
		t.Fatal(err)
	}
	_ = db.lock.Close()

	db = open()
	if _, err := db.Append(t.Context(), round(1)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for c, err := range db.Follow(t.Context(), records) {
		want := object(int(c.Seq) - records - 1)
		if err != nil || c.Before.State != audit.Present || !bytes.Equal(c.Before.Body, want) {
			t.Fatalf("change %d: before %+v, want %x: %v", c.Seq, c.Before, want, err)
		}
		n++
	}
	if n != records {
		t.Errorf("%d changes", n)
	}
	if v, err := db.Verify(t.Context(), func(s string) { t.Error(s) }); err != nil || v.Problems > 0 {
		t.Errorf("%+v: %v", v, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// asBefore writes the last images as format 5 has them.
func asBefore(t *testing.T, db *DB) {
	t.Helper()
	err := db.badger.Update(func(txn *badger.Txn) error {
		shapes, err := readShapes(txn)
		if err != nil {
			return err
		}
		n := 0
		err = scan(txn, []byte{byte(kindImage)}, func(key, payload []byte) error {
			i, err := decodeLast(payload)
			if err != nil {
				return err
			}
			if i.after.Body, err = shapes.unpack(nil, i.packed); err != nil {
				return err
			}
			i.packed = nil
			n++
			return set(txn, key, encodeLast(&i))
		})
		if err != nil {
			return err
		}
		if n == 0 || len(shapes.all) == 0 {
			t.Errorf("%d images of %d shapes", n, len(shapes.all))
		}
		for i := range shapes.all {
			if err := txn.Delete(shapeKey(i)); err != nil {
				return err
			}
		}
		return set(txn, formatKey(), uintPayload(5))
	})
	if err != nil {
		t.Fatal(err)
	}
}
