package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"recourse/audit"
)

// TestDamagedLog: of a store that was closed, a damaged value of the file that was written
// last costs that value. Badger would cut the file off there.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	open := func() *DB {
		// Chunks are small, so that opening reads none of the first blocks.
		db, err := Open(dir, Options{Memory: 1, NoSync: true, Bulk: true, layout: layout{size: 256, shelf: 4, chunkBits: 2, shelfBits: 4}})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	const blocks = 6
	for i := range blocks {
		appendAll(t, db, wide(i*audit.BlockSize, audit.BlockSize, 100)...)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		t.Fatal(err)
	}
	var large string
	for _, path := range logs {
		if info, err := os.Stat(path); err == nil && info.Size() > emptyLog {
			if large != "" {
				t.Fatalf("both %s and %s have values", large, path)
			}
			large = path
		}
	}
	data, err := os.ReadFile(large)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/blocks/2] ^= 1
	if err := os.WriteFile(large, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // whatever an opening does to the files
		db = open()
		if _, err := db.Get(context.Background(), 1); !errors.Is(err, ErrCorrupt) {
			t.Errorf("of the damaged block: %v", err)
		}
		for i := 1; i < blocks; i++ {
			mustGet(t, db, audit.Seq(i*audit.BlockSize+1))
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
