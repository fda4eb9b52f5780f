package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"recourse/audit"
)

// TestLeftovers: a store opens in which a process was killed while it made a
// file, and while it made the store.
func TestLeftovers(t *testing.T) {
	touch := func(dir, name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, names := range [][]string{{"LOCK"}, {"LOCK", "REWRITE-KEYREGISTRY", "MANIFEST-REWRITE"}} {
		dir := t.TempDir()
		for _, name := range names {
			touch(dir, name)
		}
		db := openAt(t, dir)
		appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"000049.vlog", "00077.mem", "000012.vlog"} {
			touch(dir, name)
		}
		db = openAt(t, dir)
		if db.Last() != 1 {
			t.Errorf("%d changes are stored", db.Last())
		}
		appendAll(t, db, made("2", 2, audit.OpUpsert, object(1)))
		mustBeWhole(t, db)
		// It may be one that the process which has the store is just making.
		touch(dir, "000999.vlog")
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrBusy) {
			t.Errorf("a store that is open: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "000999.vlog")); err != nil {
			t.Errorf("a log of a store that is open: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
