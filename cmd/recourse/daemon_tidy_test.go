package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"recourse/store"
)

// TestTidy: giving room back goes on until the daemon ends, and what fails is told of
// and ends nothing.
func TestTidy(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.TempDir(), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d := &daemon{w: &workspace{store: db}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, closed := range []bool{false, true} {
		if closed {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if err := d.tidy(ctx, time.Millisecond); err != nil {
			t.Error(err)
		}
		cancel()
		if said := strings.Contains(log.String(), "the room of replaced values is not given back"); said != closed {
			t.Errorf("closed %t: said %q", closed, log.String())
		}
	}
}
