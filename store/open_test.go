package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

func hintOf(err error) string {
	var h interface{ Hint() string }
	if !errors.As(err, &h) {
		return ""
	}
	return h.Hint()
}

func TestOpenBusy(t *testing.T) {
	dir := t.TempDir()
	db := openAt(t, dir)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrBusy) || hintOf(err) == "" {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openAt(t, dir); again.Last() != 1 {
		t.Errorf("%d changes after opening again", again.Last())
	}
}

func TestOpenRefuses(t *testing.T) {
	setFormat := func(n uint64) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db, err := Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			rewrite(t, db, formatKey(), func([]byte) []byte { return seal(formatKey(), uintPayload(n)) })
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, prepare := range map[string]func(t *testing.T, dir string){
		"a newer format": setFormat(formatVersion + 1),
		"other files": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"another program's database": func(t *testing.T, dir string) {
			b, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
			if err != nil {
				t.Fatal(err)
			}
			err = b.Update(func(txn *badger.Txn) error { return txn.Set([]byte("x"), []byte("y")) })
			if err = errors.Join(err, b.Close()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			prepare(t, dir)
			before, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // and it does not become one by being refused
				if db, err := Open(dir, Options{}); !errors.Is(err, ErrFormat) || hintOf(err) == "" {
					t.Errorf("got %v, hint %q", err, hintOf(err))
					_ = db.Close()
				}
			}
			if after, err := os.Stat(dir); err != nil || name == "other files" && after.Mode() != before.Mode() {
				t.Errorf("mode of a foreign directory: %v, was %v", after.Mode(), before.Mode())
			}
		})
	}
	if _, err := Open(filepath.Join(os.DevNull, "x"), Options{}); err == nil {
		t.Error("opened below a file")
	}
}

// TestFormat1: what a program of format 1 stored is read as it is, and such a
// program refuses the store from then on.
func TestFormat1(t *testing.T) {
	dir := t.TempDir()
	db := openAt(t, dir)
	a, b := made("1", 10, audit.OpInsert, object(1)), made("1", 20, audit.OpUpdate, object(2))
	appendAll(t, db, a, b)
	g := audit.Gap{Node: "n", Table: shop, From: 12, To: 13, Reason: "because", Entries: 3, Observed: 99.5}
	at := audit.Cursor{Node: "n", Table: shop, Time: 7}
	if _, err := db.Append(context.Background(), audit.Batch{Gaps: []audit.Gap{g}, Cursors: []audit.Cursor{at}}); err != nil {
		t.Fatal(err)
	}
	// As the structs of format 1 were written: these fields and no others.
	old := map[string]any{
		string(gapKey(&g)):           map[int]any{1: "n", 2: "shop", 3: "customers", 4: bits(12), 5: bits(13), 6: "because", 7: 3, 8: bits(99.5)},
		string(cursorKey("n", shop)): map[int]any{1: "n", 2: "shop", 3: "customers", 4: bits(7)},
		string(changeKey(2)): map[int]any{1: b.ID[:], 3: "n1", 4: bits(20), 5: "ann", 6: "update", 7: "update", 8: "shop", 9: "customers", 10: "1",
			13: []any{2, 1, 3, []byte(b.After.Body)}, 14: 1, 16: bits(25)},
	}
	for key, fields := range old {
		payload, err := encode(fields)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, db, []byte(key), func([]byte) []byte { return seal([]byte(key), payload) })
	}
	rewrite(t, db, formatKey(), func([]byte) []byte { return seal(formatKey(), uintPayload(1)) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, dir)
	gaps, err := db.Gaps(context.Background())
	cursors, err2 := db.Cursors(context.Background())
	if diff := cmp.Diff([]audit.Gap{g}, gaps) + cmp.Diff([]audit.Cursor{at}, cursors); diff != "" || err != nil || err2 != nil {
		t.Errorf("%v %v %s", err, err2, diff)
	}
	b.Seq, b.Before = 2, audit.PresentImage(object(1), audit.Folded, audit.Provisional)
	if diff := cmp.Diff(b, mustGet(t, db, 2)); diff != "" {
		t.Error(diff)
	}
	mustBeWhole(t, db)
	rewrite(t, db, formatKey(), func(v []byte) []byte {
		if v[len(v)-1] != formatVersion {
			t.Errorf("the format is %x", v)
		}
		return v
	})
}

func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "store")
	for range 2 {
		db := openAt(t, dir)
		appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
		checkModes(t, dir)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		checkModes(t, dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	db := open(t)
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	ctx := context.Background()
	_, err := db.Append(ctx, audit.Batch{})
	_, err2 := db.Get(ctx, 1)
	for _, err := range []error{err, err2, db.SetProgress(ctx, "x", 1), db.RunGC(ctx)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	for _, err := range db.Follow(ctx, 0) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("follow: %v", err)
		}
	}
}

// TestSynced: a killed process loses nothing even unsynced, so TestKilled cannot
// tell; a machine that loses its power can.
func TestSynced(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		db, err := Open(t.TempDir(), Options{NoSync: noSync})
		if err != nil {
			t.Fatal(err)
		}
		if o := db.badger.Opts(); o.SyncWrites == noSync || o.NumVersionsToKeep != 1 || !o.VerifyValueChecksum {
			t.Errorf("opened with %+v", o)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLogger(t *testing.T) {
	var buf bytes.Buffer
	db, err := Open(t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(buf.Bytes(), []byte("from=badger")) {
		t.Errorf("logged %q", buf.String())
	}
	l := &engineLog{}
	l.Errorf("Ignoring table %s", "x")
	if !l.lost.Load() {
		t.Error("a table that was left out is not noticed")
	}
}
