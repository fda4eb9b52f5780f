package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
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
