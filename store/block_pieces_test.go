package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// piecesOf are the keys of pieces that there are of a block.
func piecesOf(t *testing.T, db *DB, n int) (keys [][]byte) {
	t.Helper()
	err := db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: blockKeyOf(kindPiece, n)})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			keys = append(keys, it.Item().KeyCopy(nil))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// wide are changes whose block is too large for one value once there are some.
func wide(from, n, size int) (changes []audit.Change) {
	for i := range n {
		changes = append(changes, made(fmt.Sprint(from+i), audit.Time(from+i), audit.OpUpsert, noiseOf(uint64(from+i), size)))
	}
	return changes
}

// TestOpenBlockInPieces: a block that is not full stands in pieces while it is large,
// is read as any other in every snapshot, by this opening and the next, and leaves none
// behind once it is full.
func TestOpenBlockInPieces(t *testing.T) {
	dir := t.TempDir()
	db := openAt(t, dir)
	var all []audit.Change
	most := 0
	var views []*View
	for len(all) < audit.BlockSize+100 {
		before, err := db.View(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, before)
		more := wide(len(all), 37, 240)
		appendAll(t, db, more...)
		held := len(all)
		all = append(all, more...)
		most = max(most, len(piecesOf(t, db, 0)))
		for i := range held {
			got, err := before.Read(context.Background(), []audit.Seq{audit.Seq(i + 1)})
			if err != nil || !got[0].After.Body.Equal(all[i].After.Body) {
				t.Fatalf("change %d of a snapshot of %d: %v", i+1, held, err)
			}
		}
		mustBeWhole(t, db)
	}
	for _, v := range views {
		v.Close()
	}
	if most < 3 || len(piecesOf(t, db, 0)) != 0 || len(piecesOf(t, db, 1)) == 0 {
		t.Errorf("%d pieces at most, then %d, and %d of the next block", most, len(piecesOf(t, db, 0)), len(piecesOf(t, db, 1)))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, dir)
	for i := range all {
		if c := mustGet(t, db, audit.Seq(i+1)); !c.After.Body.Equal(all[i].After.Body) {
			t.Errorf("change %d came back otherwise", i+1)
		}
	}
	appendAll(t, db, wide(len(all), 1, 200)...)
	mustBeWhole(t, db)
}

// TestLargeOpenBlock: one that is too large for pieces is one value, and an append to it
// is not too big.
func TestLargeOpenBlock(t *testing.T) {
	db := open(t)
	most := 0
	for n := 0; n < audit.BlockSize-40; n += 10 {
		appendAll(t, db, wide(n, 10, 3000)...)
		most = max(most, len(piecesOf(t, db, 0)))
	}
	if left := len(piecesOf(t, db, 0)); left != 0 || most == 0 {
		t.Errorf("%d pieces at most, %d are left", most, left)
	}
	mustBeWhole(t, db)
}

// TestDamagedPieces: a piece that is lost, damaged, or one too many is named, and what
// it belongs to is not served.
func TestDamagedPieces(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"lost":    remove,
		"flipped": func(v []byte) []byte { return append([]byte{v[0] ^ 1}, v[1:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			appendAll(t, db, wide(0, 30, 1000)...)
			keys := piecesOf(t, db, 0)
			rewrite(t, db, keys[len(keys)-1], change)
			if c, err := db.Get(context.Background(), 3); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "the changes from 1 on") {
				t.Errorf("got %+v, %v", c, err)
			}
			mustHaveProblems(t, db)
		})
	}
	t.Run("too many", func(t *testing.T) {
		db := open(t)
		appendAll(t, db, wide(0, 30, 1000)...)
		n := len(piecesOf(t, db, 0))
		err := db.badger.Update(func(txn *badger.Txn) error { return set(txn, pieceKey(0, n), []byte("more")) })
		if err != nil {
			t.Fatal(err)
		}
		mustHaveProblems(t, db)
	})
	t.Run("said otherwise", func(t *testing.T) {
		db := open(t)
		appendAll(t, db, wide(0, 30, 1000)...)
		err := db.badger.Update(func(txn *badger.Txn) error { return set(txn, blockKey(0), []byte{1}) })
		if err != nil {
			t.Fatal(err)
		}
		if c, err := db.Get(context.Background(), 3); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %+v, %v", c, err)
		}
		mustHaveProblems(t, db)
	})
}

func mustHaveProblems(t *testing.T, db *DB) {
	t.Helper()
	found := 0
	v, err := db.Verify(context.Background(), func(string) { found++ })
	if err != nil || v.Problems == 0 || found != v.Problems {
		t.Errorf("verifying found %d problems, %v", v.Problems, err)
	}
}
