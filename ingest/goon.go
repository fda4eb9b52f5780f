package ingest

import (
	"context"
	"errors"
	"time"

	"recourse/audit"
)

// afterPanic is how long a loop rests after it panicked, lest it fill the log.
const afterPanic = 10 * time.Second

// goOn runs a loop to its end. A panic in it, which is a defect of the program, is
// logged and ends neither the loop, which begins anew after a rest, nor what else
// the process does: the cursors stand where the last commit left them.
func goOn(ctx context.Context, o *Options, doing string, loop func(context.Context)) {
	for ctx.Err() == nil {
		err := audit.Guarded(func() error { loop(ctx); return nil })
		var defect *audit.Panic
		if !errors.As(err, &defect) {
			return
		}
		o.Log.Error("a defect of the program", "in", doing, "node", o.Node, "panic", defect.Value, "stack", string(defect.Stack))
		if !o.Pause(ctx, afterPanic) {
			return
		}
	}
}
