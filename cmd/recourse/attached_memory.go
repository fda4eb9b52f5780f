package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"recourse/internal/api"
)

// A besideCommand is a command that the daemon carries out for another process.
type besideCommand struct {
	name string
	end  context.CancelCauseFunc
}

// writers are the commands that are not ended for want of memory: what they do
// has to come to an end of its own.
var writers = []string{"revert apply", "revert resume", "revert undo", "revert contain", "import", "baseline", "reconcile"}

func (d *daemon) enter(name string, end context.CancelCauseFunc) *besideCommand {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &besideCommand{name, end}
	d.commands = append(d.commands, c)
	return c
}

func (d *daemon) exit(c *besideCommand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = slices.DeleteFunc(d.commands, func(other *besideCommand) bool { return other == c })
}

// newestReader is the command that came last of those that may be ended; nil: none.
func (d *daemon) newestReader() *besideCommand {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range slices.Backward(d.commands) {
		if !slices.Contains(writers, c.name) {
			return c
		}
	}
	return nil
}

// A memoryError ends a command that would take what the daemon itself needs.
type memoryError struct{ limit memorySize }

func (e *memoryError) Error() string {
	return fmt.Sprintf("the process that has the data folder has used up its %s of memory, this command being the last that came", bytesWords(int64(e.limit)))
}

func (e *memoryError) Unwrap() error { return context.Canceled }

// Hint says what to do.
func (e *memoryError) Hint() string {
	return "ask for less, with --limit or a narrower query; -o ndjson with --limit 0 prints an answer of any length as it goes; or give recourse watch more with --memory"
}

// guardMemory ends commands of other processes, the newest first, when what lives
// in the process is more than it may use: an answer that is too large for it is
// not to take the daemon along.
func (d *daemon) guardMemory(ctx context.Context) error {
	return again(ctx, memoryEvery, func() { d.checkMemory(heapBytes, d.w.cfg.Memory) })
}

// memoryEvery is how often the memory is looked at.
const memoryEvery = 100 * time.Millisecond

func (d *daemon) checkMemory(used func() int64, limit memorySize) {
	if used() <= int64(limit) {
		return
	}
	c := d.newestReader()
	if c == nil {
		return
	}
	runtime.GC() // what is dead does not count
	if used() <= int64(limit) {
		return
	}
	d.log.Warn("ended a command: the memory is used up", "name", c.name, "limit", int64(limit))
	c.end(&memoryError{limit})
	d.exit(c) // it is on its way out
}

// heapBytes is how much the objects in the process's memory take up.
func heapBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// againHint says what becomes of a command that is run again after it was interrupted:
// those that store or write as they go, go on from there.
func againHint(name string) string {
	if name == "watch" || name == "reindex" || slices.Contains(writers, name) {
		return "run the same command again: what is done is not done twice"
	}
	return "run the same command again"
}

// interruption is why a command ended before its time, and the exit code of that.
func interruption(ctx context.Context, name string) *exitError {
	err := &exitError{code: exitInterrupted, err: errors.New("interrupted"), hint: againHint(name)}
	cause := context.Cause(ctx)
	if memory, ok := errors.AsType[*memoryError](cause); ok {
		err.code, err.err, err.hint = exitBusy, memory, memory.Hint()
	} else if errors.Is(cause, context.DeadlineExceeded) {
		err.err, err.hint = errors.New("the answer took longer than it may"), "ask for less, or for a stream (Accept: application/x-ndjson)"
	} else if errors.Is(cause, api.ErrStopping) {
		err.err = errors.New("interrupted: recourse watch, which carried the command out, is told to stop")
	}
	return err
}
