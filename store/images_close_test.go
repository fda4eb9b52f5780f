package store

import (
	"fmt"
	"testing"

	"recourse/audit"
)

// TestImagesAtClose: whoever opens a store that was closed finds the last image of
// every record whole, even of those that had been written in brief.
func TestImagesAtClose(t *testing.T) {
	dir := t.TempDir()
	o := Options{NoSync: true}
	o.Images(64<<20, 100, 300)
	const records = 1000
	for round := range 3 {
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records / 50 {
			var b audit.Batch
			for n := range 50 {
				b.Changes = append(b.Changes, made(fmt.Sprint(i*50+n), audit.Time(1+round*records+i), audit.OpUpsert, object(round*records+n)))
			}
			if _, err := db.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = Open(dir, o); err != nil {
			t.Fatal(err)
		}
		txn := db.badger.NewTransaction(false)
		for i := range records {
			c := made(fmt.Sprint(i), 0, audit.OpUpsert, nil)
			last, found, err := readLast(txn, nameRecord(&c.Key, c.Cluster))
			body, unpacked := db.writer.images.body(last.packed)
			if want := object(round*records + i%50); err != nil || !found || last.bodyless || unpacked != nil || string(body) != string(want) {
				t.Fatalf("round %d: record %d: %v %v: %+v", round, i, found, err, last)
			}
		}
		txn.Discard()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
