package main

import (
	"testing"
	"time"

	"recourse/internal/harpertest"
)

// TestWatchWhileWriting writes by every way there is while watch runs, kills
// watch three times with SIGKILL on the way, and holds what is stored against
// the whole log. It runs on the built-in server of both lines, and on a live one
// when HARPER_TEST_URL is set: only there is it known that the protocol is right.
func TestWatchWhileWriting(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			watchWhileWriting(t, builtin(t, line, ""), 1500)
		})
	}
	t.Run("live", func(t *testing.T) { watchWhileWriting(t, live(t), 10000) })
}

func watchWhileWriting(t *testing.T, r rig, changes int) {
	s := newSite(t, r)
	w := &writer{site: s}
	watch := startWatch(t, s)
	for part := range 4 {
		w.write(t, changes*(part+1)/4)
		if part < 3 {
			watch.kill(t)
			watch = startWatch(t, s)
		}
	}
	time.Sleep(300 * time.Millisecond)
	watch.kill(t)
	s.once(t)
	compareWithLog(t, s, changes)
	s.drop(t)
}
