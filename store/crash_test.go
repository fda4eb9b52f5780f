package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"recourse/audit"
)

// crashDir tells this test binary to be the process that is killed.
const crashDir = "RECOURSE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, appendUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// crashOptions make chunks and shelves that a process fills while it lives.
func crashOptions() Options {
	return Options{Memory: 1, Bulk: true, layout: layout{size: 50, shelf: 3, chunkBits: 2, shelfBits: 4}, images: imageLimits{memory: 1, displaced: 5, every: 200}}
}

// appendUntilKilled appends batches and prints each batch's last number once it
// is acknowledged.
func appendUntilKilled(dir string) error {
	db, err := Open(dir, crashOptions())
	if err != nil {
		return err
	}
	for {
		last := db.Last()
		b := audit.Batch{Cursors: []audit.Cursor{{Table: shop, Time: audit.Time(last)}}}
		if last > 0 { // the newest change again, read better
			again := crashChange(last)
			again.After.Trust = audit.Exact
			b.Changes = append(b.Changes, again)
		}
		// Chunks of which much is known now are summed up again.
		doubts, err := db.Doubtful(context.Background())
		for chunk, set := range doubts {
			if err == nil && rand.IntN(4) == 0 {
				err = db.Resum(context.Background(), chunk, set)
			}
		}
		if err != nil {
			return err
		}
		for i := range 1 + rand.IntN(40) {
			b.Changes = append(b.Changes, crashChange(last+audit.Seq(i)+1))
		}
		b.Spans = []audit.Span{{Table: shop, From: audit.Time(last), To: audit.Time(last) + audit.Time(len(b.Changes))}}
		out, err := db.Append(context.Background(), b)
		if err != nil {
			return err
		}
		if err := db.AddReceipt(context.Background(), audit.Receipt{Plan: "p", Step: int(out.Last)}); err != nil {
			return err
		}
		fmt.Println(out.Last)
	}
}

// crashChange is the change that has the number s; now and then a large one,
// which goes to the value log.
func crashChange(s audit.Seq) audit.Change {
	body := object(int(s))
	if s%50 == 0 {
		body = body.With("large", audit.BytesValue(make([]byte, 2*valueThreshold)))
	}
	at := audit.Time(s)
	if s%7 == 3 { // late
		at -= 40.5
	}
	c := made(fmt.Sprint(s%17), at, audit.OpPatch, body)
	c.After.Trust = audit.Prompt
	return c
}

// TestKilled kills a process that appends, several times on one store, and
// looks for everything that it had acknowledged.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rounds, total := 5, audit.Seq(0)
	for round := range rounds {
		acked := killWhileAppending(t, self, dir, time.Duration(20+rand.IntN(200))*time.Millisecond)
		db, err := Open(dir, crashOptions())
		if err != nil {
			t.Fatal(err)
		}
		mustBeWhole(t, db)
		if db.Last() < acked || acked < total {
			t.Errorf("round %d: %d acknowledged after %d, %d stored", round, acked, total, db.Last())
		}
		for c, err := range db.Follow(context.Background(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if want := crashChange(c.Seq); want.ID != c.ID || !want.After.Body.Equal(c.After.Body) {
				t.Fatalf("round %d: change %d is not what was appended", round, c.Seq)
			}
		}
		checkCrashed(t, db)
		receipts, err := db.Receipts(context.Background(), "p")
		if err != nil || len(receipts) > 0 && audit.Seq(receipts[len(receipts)-1].Step) < acked {
			t.Errorf("round %d: %d receipts, the last not of %d: %v", round, len(receipts), acked, err)
		}
		total = db.Last()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total == 0 {
		t.Error("no process lived to append anything")
	}
}

// checkCrashed: what goes with the changes was stored with them.
func checkCrashed(t *testing.T, db *DB) {
	t.Helper()
	spans, err := db.Spans(context.Background())
	if err != nil || db.Last() > 0 && (len(spans) != 1 || spans[0].From != 0 || spans[0].To < audit.Time(db.Last())) {
		t.Errorf("%d changes, spans %v, %v", db.Last(), spans, err)
	}
	amended := collect(t, db.AmendedSince(context.Background(), 0))
	for i, a := range amended {
		if c := mustGet(t, db, a.Seq); c.After.Trust != audit.Exact || a.Number != uint64(i+1) {
			t.Errorf("amendment %+v at %d, of trust %v", a, i, c.After.Trust)
		}
	}
	if cursor, found, err := db.Cursor(context.Background(), "", shop); err != nil || found && cursor.Time > 0 && len(amended) == 0 {
		t.Errorf("at %v nothing is amended; %v", cursor.Time, err)
	}
}

// killWhileAppending is the last number that the process acknowledged before
// it was killed, some time after its first.
func killWhileAppending(t *testing.T, self, dir string, after time.Duration) audit.Seq {
	t.Helper()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked audit.Seq
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a line that was cut short acknowledges nothing
		}
		n, perr := strconv.ParseUint(line[:len(line)-1], 10, 64)
		if err != nil || perr != nil {
			t.Fatal(err, perr)
		}
		if acked == 0 {
			defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
		}
		acked = audit.Seq(n)
	}
	_ = cmd.Wait() // killed
	return acked
}
