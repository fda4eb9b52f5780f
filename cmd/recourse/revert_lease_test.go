package main

import (
	"errors"
	"testing"
)

// TestLease: of two applies to one Harper the second is refused, and others are
// not; what is given back can be taken again.
func TestLease(t *testing.T) {
	dir := t.TempDir()
	e := &env{lookup: func(name string) (string, bool) { return dir, name == "XDG_RUNTIME_DIR" }}
	release, err := lease(e, "https://db1:9925")
	if err != nil {
		t.Fatal(err)
	}
	var busy *exitError
	if _, err := lease(e, "https://db1:9925"); !errors.Is(err, errLeased) || !errors.As(err, &busy) || busy.code != exitBusy {
		t.Errorf("a second lease: %v", err)
	}
	other, err := lease(e, "https://db2:9925")
	if err != nil {
		t.Fatalf("of another Harper: %v", err)
	}
	other()
	release()
	again, err := lease(e, "https://db1:9925")
	if err != nil {
		t.Fatalf("given back: %v", err)
	}
	again()
}
