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
