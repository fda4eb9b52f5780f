package harpertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

func TestRetention(t *testing.T) {
	clock := &steppedClock{now: 1e12}
	for _, line := range lines {
		s := scratch(t, Options{Line: line, Clock: clock.tick, Retention: time.Hour})
		write := func() {
			if err := s.Put("u", dr, "1", value(t, `{}`)); err != nil {
				t.Fatal(err)
			}
		}
		write()
		clock.set(clock.peek() + 2*3.6e6)
		write()
		want := 1
		if line == RocksDB {
			want = 2 // files go at a restart, and only if nothing in them is young
		}
		if n := ask(t, s, readR).Len(); n != want {
			t.Errorf("%s: %d groups, want %d", line, n, want)
		}
		clock.set(clock.peek() + 2*3.6e6)
		s.Restart()
		if n := ask(t, s, readR).Len(); n != 0 {
			t.Errorf("%s: %d groups after all are too old", line, n)
		}
		if s.Count(dr) != 1 {
			t.Errorf("%s: the record is gone", line)
		}
	}
}

// TestPurgeIsOfTheDatabase deletes one table's log on RocksDB and loses the
// other's, but only after a restart.
func TestPurgeIsOfTheDatabase(t *testing.T) {
	s := scratch(t, Options{Line: RocksDB})
	for _, table := range []audit.Table{dt, dr} {
		if err := s.Put("u", table, "1", value(t, `{}`)); err != nil {
			t.Fatal(err)
		}
	}
	purge := fmt.Sprintf(`{"operation":"delete_audit_logs_before","schema":"d","database":"d","table":"t","timestamp":%s}`, s.Now())
	ask(t, s, purge)
	if n := len(s.Entries("d")); n != 2 {
		t.Errorf("%d entries before the restart", n)
	}
	s.Restart()
	id := ask(t, s, purge).Get("job_id").Text()
	if n := len(s.Entries("d")); n != 0 {
		t.Errorf("%d entries after the restart", n)
	}
	for job := range ask(t, s, `{"operation":"get_job","id":"`+id+`"}`).Elems() {
		if n, _ := job.Get("result").Get("transactions_deleted").Float64(); n != 2 {
			t.Error(job.JSON())
		}
	}
}

// TestCompoundKeyOn51 shows images that RocksDB's line cannot rebuild: it
// compares keys by identity.
func TestCompoundKeyOn51(t *testing.T) {
	s := scratch(t, Options{Line: RocksDB})
	id := audit.ID(`["k",2]`)
	if err := errors.Join(s.Put("u", dr, id, value(t, `{"a":1}`)), s.Patch("u", dr, id, value(t, `{"a":2}`)), s.Delete("u", dr, id)); err != nil {
		t.Fatal(err)
	}
	var images []string
	for g := range ask(t, s, readR).Elems() {
		for r := range g.Get("records").Elems() {
			images = append(images, r.JSON())
		}
	}
	if got := strings.Join(images, " "); got != `{"a":1,"id":["k",2]} {} null` {
		t.Error(got)
	}
}

func TestWipe(t *testing.T) {
	s := scratch(t, Options{})
	for _, text := range []string{`{"a":1}`, `{"a":2}`} {
		if err := s.Put("u", dr, "1", value(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	cut := s.Entries("d")[1].LocalTime
	if n, err := s.Wipe(dr, cut); n != 1 || err != nil {
		t.Error(n, err)
	}
	history := ask(t, s, `{"operation":"read_audit_log","schema":"d","database":"d","table":"R","search_type":"hash_value","search_values":[1]}`).Get("1")
	if history.Len() != 1 || len(s.Entries("d")) != 1 || s.Count(dr) != 1 {
		t.Errorf("%s, %d entries, %d records", history.JSON(), len(s.Entries("d")), s.Count(dr))
	}
	if _, err := s.Wipe(audit.Table{Database: "d", Name: "nope"}, cut); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
}
