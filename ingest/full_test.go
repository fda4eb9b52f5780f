package ingest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harpertest"
	"recourse/store"
)

// A logBook keeps what a loop logs.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) has(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), s)
}

// TestFullDisk: while there is no room nothing is stored, what is stored stays
// and can be read, and it is said why. With room again, the same tailer goes on,
// and nothing is missing.
func TestFullDisk(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		var free atomic.Int64
		free.Store(1 << 30)
		db, err := store.Open(t.TempDir(), store.Options{NoSync: true, Free: func(string) (int64, error) { return free.Load(), nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		n := 0
		some := func(count int) {
			for range count {
				n++
				put(t, srv, dogs, fmt.Sprint(n), map[string]any{"id": n})
			}
		}
		stored := func() bool { return int(db.Last()) == n }
		some(20)
		var book logBook
		write := func() {
			wait(t, stored)
			free.Store(10 << 20)
			time.Sleep(600 * time.Millisecond) // the store asks twice a second
			some(20)
			wait(t, func() bool { return book.has(store.ErrDiskFull.Error()) })
			if got := int(db.Last()); got != 20 {
				t.Errorf("%d changes are stored without room, want the 20 of before", got)
			}
			if v, err := db.Verify(t.Context(), func(p string) { t.Error(p) }); err != nil || v.Changes != 20 {
				t.Errorf("%+v, %v", v, err)
			}
			if err := db.CheckRoom(); !errors.Is(err, store.ErrDiskFull) {
				t.Errorf("got %v", err)
			}
			free.Store(1 << 30)
		}
		// follow waits until it is also said that there is room again.
		follow(t, srv, db, ingest.Options{Log: slog.New(slog.NewTextHandler(&book, nil))}, write,
			func() bool { return stored() && book.has("reading again") })
		ids := map[audit.ID]bool{}
		for _, c := range changesOf(t, db) {
			ids[c.Key.ID] = true
		}
		if len(ids) != n {
			t.Errorf("%d records' changes are stored, want %d", len(ids), n)
		}
	})
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
