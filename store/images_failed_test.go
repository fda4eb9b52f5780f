package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"recourse/audit"
)

// TestImagesOfFailedBatch: what a batch was about to store is in no last image once it
// failed, though all images were taken into memory meanwhile.
func TestImagesOfFailedBatch(t *testing.T) {
	o := Options{NoSync: true}
	o.Images(64<<20, 100, 1<<30)
	dir := t.TempDir()
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	others := func(at int) (all []audit.Change) {
		for i := range 100 {
			all = append(all, made(fmt.Sprint(i), audit.Time(at+i), audit.OpUpsert, object(i)))
		}
		return all
	}
	appendAll(t, db, others(1)...)
	based := audit.BaseRecord{Baseline: "b", Key: made("new", 1, audit.OpUpsert, nil).Key, Version: 5000, Seen: 5000, Until: 5000, Body: object(5000)}
	if _, err := db.Append(t.Context(), audit.Batch{Records: []audit.BaseRecord{based}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	batch := append([]audit.Change{made("new", 5000, audit.OpPatch, object(1))}, others(6000)...)
	free := db.room.free
	db.room.free = func(string) (int64, error) { return 0, nil }
	db.room.left, db.room.asked, db.room.min = 1<<30, time.Now().Add(time.Hour), 1<<30-1
	if _, err := db.Append(t.Context(), audit.Batch{Changes: batch}); !errors.Is(err, ErrDiskFull) || !db.AllImages() {
		t.Fatalf("append: %v, all images: %v", err, db.AllImages())
	}
	db.room.free, db.room.min = free, -1
	appendAll(t, db, made("new", 8000, audit.OpUpsert, object(2)))
	mustBeWhole(t, db)
}
