package revert

import (
	"errors"
	"testing"

	"recourse/audit"
)

// TestPanicInWorker: a worker that panics over a step goes on with the next, so that
// nobody waits for one that is gone, and the panic is the error of the whole.
func TestPanicInWorker(t *testing.T) {
	done := make(chan *step, 100)
	w := newWorkers(2, func(s *step) error {
		if len(done) == 3 {
			panic("a defect")
		}
		done <- s
		return nil
	})
	for range 20 {
		w.do(&step{})
	}
	if _, ok := errors.AsType[*audit.Panic](w.end()); !ok {
		t.Fatalf("the panic is not told: %v", w.bad)
	}
	err := encodeLines(2000, func(i int) any {
		if i == 1500 {
			panic("a defect")
		}
		return i
	}, func(i int, err error) error {
		if i != 1500 {
			t.Errorf("line %d is said to be wrong", i)
		}
		return err
	}, func([]byte) error { return nil })
	if _, ok := errors.AsType[*audit.Panic](err); !ok {
		t.Fatalf("the panic is not told: %v", err)
	}
}
