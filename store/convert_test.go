package store

import (
	"compress/gzip"
	"context"
	"encoding/gob"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// A dump is every key and value of a store, and what reading its changes gave.
type dump struct {
	Pairs   []struct{ Key, Value []byte }
	Changes []audit.Change
	Times   [][2]uint64 // bits of Time and Observed, of which gob loses a sign
}

// readDump reads testdata/format2.gob.gz, which a program of format 2 made from
// random batches: late changes, repeats, amendments, baselines, any bytes as
// names, and a large value.
func readDump(t *testing.T) dump {
	t.Helper()
	f, err := os.Open("testdata/format2.gob.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var d dump
	if err := gob.NewDecoder(z).Decode(&d); err != nil || len(d.Changes) < 700 {
		t.Fatal(len(d.Changes), err)
	}
	for i, b := range d.Times {
		d.Changes[i].Time, d.Changes[i].Observed = timeOf(b[0]), timeOf(b[1])
	}
	return d
}

// restore writes keys and values as they are.
func (d *dump) restore(t *testing.T, dir string) {
	t.Helper()
	b, err := badger.Open(badgerOptions(dir, Options{Memory: 1, NoSync: true}, &engineLog{}))
	if err != nil {
		t.Fatal(err)
	}
	w := b.NewWriteBatch()
	for _, p := range d.Pairs {
		if err := w.Set(p.Key, p.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

func (d *dump) compare(t *testing.T, db *DB) {
	t.Helper()
	if diff := cmp.Diff(d.Changes, collect(t, db.Follow(context.Background(), 0)), sameTime); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	mustBeWhole(t, db)
	err := db.view(context.Background(), func(r *reader) error {
		for _, kind := range []byte(kindsOld) {
			if anyUnder(r.txn, keyKind(kind)) {
				t.Errorf("keys of kind %c are left", kind)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestConvert: a store of format 2 is read as it was.
func TestConvert(t *testing.T) {
	d := readDump(t)
	dir := t.TempDir()
	d.restore(t, dir)
	db := openAt(t, dir)
	d.compare(t, db)
	appendAll(t, db, made("new", 50, audit.OpUpsert, object(1)))
	if got := mustGet(t, db, audit.Seq(len(d.Changes)+1)); got.Key.ID != "new" {
		t.Errorf("appended %+v", got)
	}
}

// TestConvertCut: a conversion that is cut off anywhere goes on.
func TestConvertCut(t *testing.T) {
	d := readDump(t)
	errCut := errors.New("cut")
	for most := 0; ; most++ {
		dir := t.TempDir()
		d.restore(t, dir)
		n := 0
		db, err := Open(dir, Options{Memory: 1, NoSync: true, cut: func() error {
			if n++; n > most {
				return errCut
			}
			return nil
		}})
		if err == nil {
			if most < 4 {
				t.Errorf("converted in %d steps", most)
			}
			_ = db.Close() // it is cut, too
			return
		}
		if !errors.Is(err, errCut) {
			t.Fatalf("after %d steps: %v", most, err)
		}
		d.compare(t, openAt(t, dir))
	}
}

// TestConvertTold: how far a conversion is is told, from nothing on, and who is told
// may end it: then the next opening goes on.
func TestConvertTold(t *testing.T) {
	d := readDump(t)
	dir := t.TempDir()
	d.restore(t, dir)
	errEnough := errors.New("enough")
	var told []audit.Seq
	o := Options{Memory: 1, NoSync: true, Converting: func(done, total audit.Seq) error {
		if total != audit.Seq(len(d.Changes)) {
			t.Errorf("%d changes in all, want %d", total, len(d.Changes))
		}
		if told = append(told, done); len(told) == 2 {
			return errEnough
		}
		return nil
	}}
	if _, err := Open(dir, o); !errors.Is(err, errEnough) {
		t.Fatalf("Open: %v, want what ended it", err)
	}
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if len(told) < 3 || told[0] != 0 || told[1] == 0 || told[2] != told[1] || !slices.IsSorted(told) {
		t.Errorf("told %d", told)
	}
	n := len(told)
	if db, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if len(told) != n {
		t.Error("told of a store that is not of an earlier format")
	}
	d.compare(t, db)
}

// TestConvertFormat1: fields that format 2 added are missing in a store of
// format 1.
func TestConvertFormat1(t *testing.T) {
	a := made("1", 20, audit.OpUpdate, object(2))
	g := audit.Gap{Node: "n", Table: shop, From: 12, To: 13, Reason: "because", Entries: 3, Observed: 99.5}
	at := audit.Cursor{Node: "n", Table: shop, Time: 7}
	var d dump
	// As the structs of format 1 were written: these fields and no others.
	for key, v := range map[string]any{
		string(gapKey(&g)):           map[int]any{1: "n", 2: "shop", 3: "customers", 4: bits(12), 5: bits(13), 6: "because", 7: 3, 8: bits(99.5)},
		string(cursorKey("n", shop)): map[int]any{1: "n", 2: "shop", 3: "customers", 4: bits(7)},
		string(oldChangeKey(1)): map[int]any{1: a.ID[:], 3: "n1", 4: bits(20), 5: "ann", 6: "update", 7: "update", 8: "shop", 9: "customers", 10: "1",
			13: []any{2, 1, 3, []byte(a.After.Body)}, 14: 1, 16: bits(25)},
	} {
		payload, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		d.Pairs = append(d.Pairs, struct{ Key, Value []byte }{[]byte(key), seal([]byte(key), payload)})
	}
	for key, n := range map[string]uint64{string(formatKey()): 1, string(headKey()): 1} {
		d.Pairs = append(d.Pairs, struct{ Key, Value []byte }{[]byte(key), seal([]byte(key), uintPayload(n))})
	}
	dir := t.TempDir()
	d.restore(t, dir)
	db := openAt(t, dir)
	gaps, err := db.Gaps(context.Background())
	cursors, err2 := db.Cursors(context.Background())
	if diff := cmp.Diff([]audit.Gap{g}, gaps) + cmp.Diff([]audit.Cursor{at}, cursors); diff != "" || err != nil || err2 != nil {
		t.Errorf("%v %v %s", err, err2, diff)
	}
	a.Seq = 1
	d.Changes = []audit.Change{a}
	d.compare(t, db)
}
