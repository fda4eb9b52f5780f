package store

import (
	"fmt"
	"testing"

	"recourse/audit"
)

// TestLoadTakesSpare: all images are taken into memory where there is room for them beyond
// what the store may have.
func TestLoadTakesSpare(t *testing.T) {
	dir := t.TempDir()
	spare := int64(0)
	o := Options{NoSync: true, Spare: func() int64 { return spare }}
	o.Images(1, 100, 1<<30)
	open := func() *DB {
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	const records = 60_000 // five slabs
	write := func(db *DB, from, to int) {
		for n := from; n < to; n += 1000 {
			var b audit.Batch
			for i := range min(1000, to-n) {
				b.Changes = append(b.Changes, made(fmt.Sprint((n+i)%records), audit.Time(1+n+i), audit.OpUpsert, object(n+i)))
			}
			if _, err := db.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	db := open()
	write(db, 0, records)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spare = 64 << 20
	db = open()
	write(db, records, records+200)
	if !db.AllImages() {
		t.Errorf("not all images are in memory: %d slabs", len(db.writer.images.slabs))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
