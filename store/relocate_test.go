package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// asFormat3 gives a closed store the keys of format 3.
func asFormat3(t *testing.T, dir string) {
	t.Helper()
	b, err := badger.Open(badgerOptions(dir, Options{Memory: 1, NoSync: true}, &engineLog{}))
	if err != nil {
		t.Fatal(err)
	}
	w := b.NewWriteBatch()
	err = b.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindBlock)}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().KeyCopy(nil)
			payload, err := payloadOf(it.Item())
			if err != nil {
				return err
			}
			old := append([]byte{byte(kindOldBlock)}, key[1:]...)
			if err := errors.Join(w.Set(old, seal(old, payload)), w.Delete(key)); err != nil {
				return err
			}
		}
		return w.Set(formatKey(), seal(formatKey(), uintPayload(3)))
	})
	if err := errors.Join(err, w.Flush(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

// chunked has chunks of less than two blocks, so that most are sealed.
var chunked = Options{Memory: 1, NoSync: true, layout: layout{size: 300, shelf: 3, chunkBits: 2, shelfBits: 4}}

// ofFormat3 is a folder with a store of format 3, of blocks that together are more
// than one transaction takes, and what it has.
func ofFormat3(t *testing.T) (dir string, want []audit.Change) {
	t.Helper()
	dir = t.TempDir()
	db, err := Open(dir, chunked)
	if err != nil {
		t.Fatal(err)
	}
	var batch []audit.Change
	for i := range 5*audit.BlockSize + 20 {
		body := object(i).With("long", noiseOf(uint64(i), 600))
		batch = append(batch, made(fmt.Sprint(i%300), audit.Time(i), audit.OpUpsert, body))
	}
	appendAll(t, db, batch...)
	want = collect(t, db.Follow(context.Background(), 0))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	asFormat3(t, dir)
	return dir, want
}

// TestRelocate: a store of format 3 is read as it was, however often giving its blocks
// their new keys was cut off, and goes on.
func TestRelocate(t *testing.T) {
	errCut := errors.New("cut")
	dir, want := ofFormat3(t)
	for most := 0; ; most++ {
		n := 0
		o := chunked
		o.cut = func() error {
			if n++; n > most {
				return errCut
			}
			return nil
		}
		db, err := Open(dir, o)
		if err == nil {
			_ = db.Close() // it is cut, too
			if most < 3 {
				t.Errorf("done in %d steps", most)
			}
			break
		}
		if !errors.Is(err, errCut) {
			t.Fatalf("after %d steps: %v", most, err)
		}
	}
	db, err := Open(dir, chunked)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := collect(t, db.Follow(context.Background(), 0)); !slices.EqualFunc(got, want, func(a, b audit.Change) bool { return a.ID == b.ID && a.Seq == b.Seq }) {
		t.Errorf("%d changes, want %d", len(got), len(want))
	}
	mustBeWhole(t, db)
	appendAll(t, db, made("new", 50_000, audit.OpUpsert, object(1)))
	if got := mustGet(t, db, audit.Seq(len(want)+1)); got.Key.ID != "new" {
		t.Errorf("appended %+v", got)
	}
	if old, err := db.hasOldBlocks(); old || err != nil {
		t.Errorf("old keys are left: %v", err)
	}
}

// TestRelocateTold: who opens is told how far it is, once.
func TestRelocateTold(t *testing.T) {
	dir, want := ofFormat3(t)
	var told []audit.Seq
	o := chunked
	o.Converting = func(done, total audit.Seq) error {
		if told = append(told, done); total != audit.Seq(len(want)) {
			t.Errorf("%d changes in all, want %d", total, len(want))
		}
		return nil
	}
	for range 2 {
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told, []audit.Seq{0}) {
		t.Errorf("told %d, want 0 alone", told)
	}
}

// TestRelocateDamaged: a block that is damaged is named as such, and the others are
// read.
func TestRelocateDamaged(t *testing.T) {
	dir, want := ofFormat3(t)
	b, err := badger.Open(badgerOptions(dir, Options{Memory: 1, NoSync: true}, &engineLog{}))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(txn *badger.Txn) error {
		key := blockKeyOf(kindOldBlock, 1)
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		raw, err := item.ValueCopy(nil)
		raw[len(raw)/2] ^= 1
		return errors.Join(err, txn.Set(key, raw))
	})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := Open(dir, chunked)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for seq, lost := range map[audit.Seq]bool{1: false, audit.BlockSize + 1: true, 2 * audit.BlockSize: true, 2*audit.BlockSize + 1: false, audit.Seq(len(want)): false} {
		if _, err := db.Get(context.Background(), seq); errors.Is(err, ErrCorrupt) != lost {
			t.Errorf("change %d: %v, lost: %v", seq, err, lost)
		}
	}
}
