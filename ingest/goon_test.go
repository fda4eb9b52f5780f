package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestALoopThatPanicsBeginsAnew, and says what it was.
func TestALoopThatPanicsBeginsAnew(t *testing.T) {
	var log bytes.Buffer
	rests, runs := 0, 0
	o := &Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Pause: func(context.Context, time.Duration) bool { rests++; return true }}
	goOn(t.Context(), o, "count", func(context.Context) {
		if runs++; runs < 3 {
			panic("at two")
		}
	})
	if runs != 3 || rests != 2 || !bytes.Contains(log.Bytes(), []byte("at two")) || !bytes.Contains(log.Bytes(), []byte("in=count")) {
		t.Errorf("%d runs, %d rests: %s", runs, rests, &log)
	}
}

// TestAFollowerThatPanicsBeginsAnew with the tables that it had: nobody lists them for
// it again, and if the context ends meanwhile it does.
func TestAFollowerThatPanicsBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 0
		tailer := NewTailer(Options{Now: func() time.Time {
			if rounds++; rounds == 2 {
				panic("in a round")
			}
			if rounds > 4 {
				cancel()
			}
			return time.Now()
		}})
		f := newFollower(tailer, "shop")
		f.list(nil)
		goOn(ctx, &tailer.o, "read a database's logs", f.run)
		if rounds < 4 || ctx.Err() == nil {
			t.Errorf("%d rounds", rounds)
		}
	})
}
