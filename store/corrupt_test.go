package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// rewrite puts a value under a key past the store's back; nil deletes the key.
func rewrite(t *testing.T, db *DB, key []byte, change func([]byte) []byte) {
	t.Helper()
	err := db.badger.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		if value = change(value); value == nil {
			return txn.Delete(key)
		}
		return txn.Set(key, value)
	})
	if err != nil {
		t.Fatal(err)
	}
	db.opens = newSumCache(db.opens.limit) // what was read before is good
}

func remove([]byte) []byte { return nil }

// TestFlippedBit flips every bit of a stored change: each is named, none served.
func TestFlippedBit(t *testing.T) {
	db := open(t)
	appendAll(t, db, made("1", 10, audit.OpUpsert, object(1)), made("1", 20, audit.OpUpsert, object(2)))
	key := blockKey(0)
	var good []byte
	rewrite(t, db, key, func(v []byte) []byte { good = v; return v })
	for bit := range len(good) * 8 {
		rewrite(t, db, key, func([]byte) []byte {
			bad := append([]byte(nil), good...)
			bad[bit/8] ^= 1 << (bit % 8)
			return bad
		})
		if c, err := db.Get(context.Background(), 1); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "the changes from 1 on") {
			t.Fatalf("bit %d: got %+v, %v", bit, c, err)
		}
	}
	if c, err := db.Get(context.Background(), 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("change 2 is in a damaged block: %+v, %v", c, err)
	}
	for c, err := range db.Follow(context.Background(), 0) {
		if err == nil {
			t.Errorf("follow served change %d", c.Seq)
		} else if !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
	if got := strings.Join(problems(t, db), "\n"); !strings.Contains(got, "the changes from 1 on:") {
		t.Errorf("verify says %q", got)
	}
}

// TestVerifyFinds damages a store in one way at a time.
func TestVerifyFinds(t *testing.T) {
	c := made("1", 10, audit.OpUpsert, object(1))
	d := made("1", 20, audit.OpDelete, nil)
	c.Seq, d.Seq = 1, 2
	flip := func(v []byte) []byte { v[len(v)-1] ^= 1; return v }
	resealed := func(key []byte, payload []byte) func([]byte) []byte {
		return func([]byte) []byte { return seal(key, payload) }
	}
	other := row{c: c, prev: 1, prevTime: 3}
	other.c.Key.ID = "2"
	other.c.ID = other.c.Identify()
	otherPayload, err := encodeBlock(1, []row{other})
	if err != nil {
		t.Fatal(err)
	}
	left := seal(imageKey(nameRecord(&c.Key, "")), encodeLast(&lastImage{at: placeOf(&c), after: c.After}))
	resealedAs := func(key []byte, v any) func([]byte) []byte {
		payload, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return resealed(key, payload)
	}
	span := audit.Span{Node: "n1", Table: shop, From: 1, To: 2}
	record := audit.BaseRecord{Baseline: "b", Key: audit.Key{Table: shop, ID: "9"}, Version: 1}
	for _, x := range []struct {
		name   string
		key    []byte
		change func([]byte) []byte
		want   string
	}{
		{"a lost block", blockKey(0), remove, "changes 1 to 256 are missing"},
		{"another's block", blockKey(0), resealed(blockKey(0), append(make([]byte, chainSize), otherPayload...)), "its link does not fit"},
		{"a block too short", blockKey(0), resealed(blockKey(0), append(make([]byte, chainSize), otherPayload...)), "ends with change 1"},
		{"another's record", blockKey(0), resealed(blockKey(0), append(make([]byte, chainSize), otherPayload...)), "it says that it follows change 1, which it does not"},
		{"a lost body", bodyKey(3, largeAfter), remove, "it is missing"},
		{"a damaged body", bodyKey(3, largeAfter), flip, "checksum"},
		{"a damaged list of stale changes", staleKey(0), flip, "checksum"},
		{"a damaged last image", imageKey(nameRecord(&c.Key, "")), flip, "checksum"},
		{"a last image that is none", imageKey(nameRecord(&c.Key, "")), func([]byte) []byte { return left }, "is its record's last"},
		{"last images of what is not there", imagedKey(), resealed(imagedKey(), uintPayload(9)), "there are 3"},
		{"a head too low", headKey(), resealed(headKey(), uintPayload(1)), "the head says 1, and there are changes up to 3"},
		{"a head too high", headKey(), resealed(headKey(), uintPayload(9)), "the head says 9, and 3 changes are known"},
		{"a damaged head", headKey(), flip, "read head"},
		{"a damaged gap", gapKey(&audit.Gap{Table: shop, From: 1, To: 2}), flip, "checksum"},
		{"a damaged cursor", cursorKey("n1", shop), flip, "checksum"},
		{"a damaged alert", nameKey(kindAlert, "x"), flip, "checksum"},
		{"a damaged window", nameKey(kindWindow, "w"), flip, "checksum"},
		{"a damaged mark", entryKey(c.ID, "p"), flip, "checksum"},
		{"a damaged span", spanKey(&span), flip, "checksum"},
		{"a span that meets another", spanKey(&span), resealedAs(spanKey(&span), spanOut(audit.Span{Node: "n1", Table: shop, From: 1, To: 7})), "meets the one before"},
		{"an empty span", spanKey(&span), resealedAs(spanKey(&span), spanOut(audit.Span{Node: "n1", Table: shop, From: 1, To: 1})), "empty"},
		{"a damaged slow window", slowKey(&audit.SlowWindow{Node: "n1", Table: shop, From: 1, To: 2}), flip, "checksum"},
		{"a damaged observation", observationKey(1, "n2"), flip, "checksum"},
		{"an observation of nothing", observationKey(1, "n2"), resealedAs(observationKey(1, "n2"), observation{Seq: 9, Node: "n2"}), "does not exist"},
		{"a damaged amendment", amendmentKey(2), flip, "checksum"},
		{"an amendment of another", amendmentKey(2), resealedAs(amendmentKey(2), amendment{Seq: 1, Number: 1}), "is not listed"},
		{"a lost amendment", amendmentKey(2), remove, "is listed as amended and is not"},
		{"an amendment not listed", amendedKey(1), remove, "is not listed"},
		{"a damaged list of amendments", amendedKey(1), flip, "checksum"},
		{"a damaged baseline", nameKey(kindBaseline, "b"), flip, "checksum"},
		{"a damaged base record", baseKey(&record), flip, "checksum"},
		{"a base record that is none", baseKey(&record), resealedAs(baseKey(&record), baseRecord{Baseline: "b", Database: "shop", Table: "customers", Key: "9",
			Version: bits(1), Body: []byte{0xff}}), "cannot be read"},
		{"a lost receipt", receiptKey("p", 2), remove, "the journal ends with receipt 1, not 2"},
		{"a lost first receipt", receiptKey("p", 1), remove, "does not continue"},
		{"a lost journal", nameKey(kindJournal, "p"), remove, "beyond the end of its journal"},
		{"a value under another key", cursorKey("n1", shop), func(v []byte) []byte {
			return seal(cursorKey("n1", shop), v[sealSize:][:0])
		}, "damaged"},
	} {
		t.Run(x.name, func(t *testing.T) {
			db := open(t)
			furnish(t, db, c, d)
			mustBeWhole(t, db)
			rewrite(t, db, x.key, x.change)
			if got := strings.Join(problems(t, db), "\n"); !strings.Contains(got, x.want) {
				t.Errorf("verify says %q, want %q", got, x.want)
			}
		})
	}
	t.Run("a strange key", func(t *testing.T) {
		db := open(t)
		furnish(t, db, c, d)
		for _, key := range []string{"zebra", "r\x01\x00\x01", string(blockKey(7)), string(bodyKey(9, largeAfter)), string(staleKey(1))} {
			before := len(problems(t, db))
			if err := db.badger.Update(func(txn *badger.Txn) error { return txn.Set([]byte(key), seal([]byte(key), nil)) }); err != nil {
				t.Fatal(err)
			}
			if after := len(problems(t, db)); after <= before {
				t.Errorf("key %q was not named", key)
			}
		}
	})
}

// furnish puts one of everything into a store.
func furnish(t *testing.T, db *DB, changes ...audit.Change) {
	t.Helper()
	ctx := context.Background()
	appendAll(t, db, changes...)
	again := changes[0]
	again.User = "eve"
	large := made("3", 30, audit.OpUpsert, audit.BytesValue(make([]byte, 2*valueThreshold)))
	_, err := db.Append(ctx, audit.Batch{Changes: []audit.Change{again, large}, Gaps: []audit.Gap{{Table: shop, From: 1, To: 2}},
		Cursors: []audit.Cursor{{Node: "n1", Table: shop, Time: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, better := changes[0], changes[1]
	elsewhere.Node, better.Sent = "n2", object(1)
	_, err = db.Append(ctx, audit.Batch{
		Changes:   []audit.Change{elsewhere, better},
		Spans:     []audit.Span{{Node: "n1", Table: shop, From: 1, To: 2}, {Node: "n1", Table: shop, From: 5, To: 6}},
		Slow:      []audit.SlowWindow{{Node: "n1", Table: shop, From: 1, To: 2}},
		Baselines: []audit.Baseline{{ID: "b", Table: shop}},
		Records:   []audit.BaseRecord{{Baseline: "b", Key: audit.Key{Table: shop, ID: "9"}, Version: 1, Body: object(1)}},
	})
	err = errors.Join(err,
		db.SaveAlerts(ctx, []audit.Alert{{ID: "x"}}, map[string][]byte{"w": {1}}, 2),
		db.AddReceipt(ctx, audit.Receipt{Plan: "p"}),
		db.AddReceipt(ctx, audit.Receipt{Plan: "p", Step: 1}),
		db.MarkReverted(ctx, "p", []audit.ChangeID{changes[0].ID}),
		db.MarkOwn(ctx, "p", changes[1].ID),
		db.saveImages(false))
	if err != nil {
		t.Fatal(err)
	}
}

// TestMissingIsNotUnknown: a number up to the head that is gone is damage, one
// beyond it is not found.
func TestMissingIsNotUnknown(t *testing.T) {
	db := open(t)
	appendAll(t, db, made("1", 10, audit.OpUpsert, object(1)), made("1", 20, audit.OpUpsert, object(1)))
	rewrite(t, db, blockKey(0), remove)
	for seq, want := range map[audit.Seq]error{0: ErrNotFound, 1: ErrCorrupt, 3: ErrNotFound} {
		if _, err := db.Get(context.Background(), seq); !errors.Is(err, want) || errors.Is(want, ErrNotFound) && errors.Is(err, ErrCorrupt) {
			t.Errorf("get %d: %v, want %v", seq, err, want)
		}
	}
	rewrite(t, db, headKey(), func([]byte) []byte { return seal(headKey(), uintPayload(1)) })
	if _, err := db.Append(context.Background(), audit.Batch{Changes: []audit.Change{made("1", 30, audit.OpUpsert, object(1))}}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("append with a number that is taken: %v", err)
	}
}

// TestDamagedTable flips bytes of Badger's own tables.
func TestDamagedTable(t *testing.T) {
	dir := t.TempDir()
	db := openAt(t, dir)
	for from := 0; from < 2000; from += 500 {
		appendAll(t, db, benchBatch(from, 100)...)
	}
	if err := db.Close(); err != nil { // writes the table
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	whole, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{100, len(whole) / 3, len(whole) / 2, len(whole) - 600, len(whole) - 30} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			bad := append([]byte(nil), whole...)
			bad[at] ^= 0x10
			if err := os.WriteFile(tables[0], bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if db, err := Open(dir, Options{}); err == nil {
				_ = db.Close()
				t.Error("opened with a check")
			} else if !errors.Is(err, ErrCorrupt) {
				t.Errorf("opened with a check: %v", err)
			}
			mustBePrivate(t, dir)
			db, err := Open(dir, Options{SkipCheck: true})
			if err != nil {
				t.Logf("not opened: %v", err)
				return
			}
			defer db.Close()
			if len(problems(t, db)) == 0 {
				t.Error("verify found nothing")
			}
		})
	}
}

// mustBePrivate: nobody but the owner may read the files of a folder.
func mustBePrivate(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v (%v)", e.Name(), info.Mode(), err)
		}
	}
}
