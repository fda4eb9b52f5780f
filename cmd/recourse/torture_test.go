package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"recourse/internal/harpertest"
)

// TestTorture kills watch again and again with SIGKILL, at moments drawn by
// chance, while a server is written to without a pause. After each kill the
// store is whole, and holds all that its cursors and spans say was read; at the
// end nothing is lost, and nothing stored twice. Then it is told to end, in the
// middle of the work, and ends within five seconds.
func TestTorture(t *testing.T) {
	kills := func(n int) int {
		if testing.Short() {
			return n / 5
		}
		return n
	}
	for _, x := range []struct {
		line  harpertest.Line
		feed  string
		kills int
	}{
		{harpertest.LMDB, "", 25}, {harpertest.RocksDB, "", 25},
		{harpertest.LMDB, "component", 5}, {harpertest.RocksDB, "component", 5}, {harpertest.RocksDB, "events", 5},
	} {
		t.Run(fmt.Sprint(x.line, x.feed), func(t *testing.T) {
			t.Parallel()
			r := builtin(t, x.line, x.feed)
			torture(t, r, kills(x.kills), 10*time.Millisecond)
		})
	}
	t.Run("live", func(t *testing.T) { torture(t, live(t), 50, 0) })
}

func torture(t *testing.T, r rig, kills int, pause time.Duration) {
	s := newSite(t, r)
	w := startWriting(t, s, pause)
	dice := rand.New(rand.NewPCG(uint64(kills), uint64(len(r.feed))))
	k := newCheckpoint(s)
	for n := range kills {
		watch := startWatch(t, s)
		if n%3 > 0 { // else in the middle of beginning, perhaps
			watch.awaitStored(t)
		}
		time.Sleep(time.Duration(dice.Int64N(int64(500 * time.Millisecond))))
		watch.kill(t)
		k.check(t)
		if n%10 == 9 {
			s.verify(t)
		}
		if t.Failed() {
			t.Fatalf("after %d kills", n+1)
		}
	}
	w.pause.Store(0)
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		watch := startWatch(t, s)
		watch.awaitStored(t)
		watch.end(t, signal)
		k.check(t)
	}
	made := w.end(t)
	s.once(t)
	s.verify(t)
	compareWithLog(t, s, made)
	t.Logf("%d kills", kills)
	s.drop(t)
}

func (w *watching) awaitStored(t *testing.T) {
	t.Helper()
	select {
	case <-w.stored:
	case <-w.read:
		t.Fatalf("watch has ended: %v\n%s", w.cmd.Wait(), w.said())
	case <-time.After(3 * time.Minute):
		t.Fatalf("watch has stored nothing in three minutes\n%s", w.said())
	}
}

// end tells watch to end, and gives it the five seconds.
func (w *watching) end(t *testing.T, signal os.Signal) {
	t.Helper()
	began := time.Now()
	if err := w.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-w.read
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("on %v: %v\n%s", signal, err, w.said())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("on %v watch took %v to end", signal, took)
	}
}

// verify has the program itself check the store.
func (s *site) verify(t *testing.T) {
	t.Helper()
	if out, err := command(s.rig, s.data, "verify").CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
