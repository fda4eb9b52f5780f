package store_test

import (
	"testing"

	"recourse/store"
)

// TestNotes: a note is what was last written under its name, after a restart
// too, and a store with notes is whole.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := db.Note(t.Context(), "n"); err != nil || found {
		t.Fatalf("a note that was never written: found %v, %v", found, err)
	}
	for _, text := range []string{"first", "second"} {
		if err := db.SetNote(t.Context(), "n", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(dir, store.Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if text, found, err := db.Note(t.Context(), "n"); err != nil || !found || string(text) != "second" {
		t.Errorf("the note reads %q, found %v, %v", text, found, err)
	}
	v, err := db.Verify(t.Context(), func(p string) { t.Error(p) })
	if err != nil || v.Problems > 0 {
		t.Errorf("verify: %+v, %v", v, err)
	}
}
