package ingest

import (
	"context"

	"recourse/audit"
)

// A writer stores what one goroutine reads while that reads on: in the order in
// which it is given, many captures at once. Three batches are held at most: one
// that fills, one that waits, one that is being stored.
type writer struct {
	pending audit.Batch
	size    int // of pending, in bytes
	work    chan storing
	failed  chan struct{} // closed at the first error
	ended   chan struct{}

	// Of the goroutine that stores, until ended.
	total audit.Appended
	err   error
}

// storing is a batch to be stored, or somebody who waits until all before is.
type storing struct {
	batch audit.Batch
	done  chan<- error
}

// How much is stored at once. commit cuts it further to what the store takes.
const (
	writeChanges = 4096
	writeBytes   = 4 << 20
)

func newWriter(ctx context.Context, sink Sink) *writer {
	w := &writer{work: make(chan storing, 1), failed: make(chan struct{}), ended: make(chan struct{})}
	go w.run(ctx, sink)
	return w
}

func (w *writer) run(ctx context.Context, sink Sink) {
	defer close(w.ended)
	for s := range w.work {
		if w.err == nil {
			var got audit.Appended
			w.err = audit.Guarded(func() (err error) {
				got, err = commit(ctx, sink, s.batch)
				return err
			})
			w.total = addAppended(w.total, got)
			if w.err != nil {
				close(w.failed)
			}
		}
		if s.done != nil {
			s.done <- w.err
		}
	}
}

// add takes a batch whose changes are the caller's to use again. An error is of
// what was added before.
func (w *writer) add(b audit.Batch) error {
	p := &w.pending
	if p.Changes == nil {
		p.Changes = make([]audit.Change, 0, writeChanges+len(b.Changes))
	}
	for i := range b.Changes {
		w.size += storedSize(&b.Changes[i])
	}
	p.Changes = append(p.Changes, b.Changes...)
	p.Gaps, p.Spans = append(p.Gaps, b.Gaps...), append(p.Spans, b.Spans...)
	if len(p.Changes) >= writeChanges || w.size >= writeBytes {
		w.send()
	}
	select {
	case <-w.failed:
		return w.flush()
	default:
		return nil
	}
}

func (w *writer) send() {
	w.work <- storing{batch: w.pending}
	w.pending, w.size = audit.Batch{}, 0
}

// flush waits until all that was added is stored.
func (w *writer) flush() error {
	w.send()
	done := make(chan error, 1)
	w.work <- storing{done: done}
	return <-done
}

// close ends the writer, and says what was stored: all of it, or all but what
// has not been handed on yet.
func (w *writer) close(all bool) (audit.Appended, error) {
	if all {
		w.send()
	}
	close(w.work)
	<-w.ended
	return w.total, w.err
}
