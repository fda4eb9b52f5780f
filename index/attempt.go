package index

import (
	"runtime/debug"
	"time"
)

// patience is how long bleve may take for something after it has had an error. A
// merge, which a full disk can make fail, does not keep it from writing.
const patience = 10 * time.Second

// attempt waits until bleve has done something, or does no more. When what it
// rests on panics, over damage, it counts an error and goes on waiting, with its
// locks held; then nothing can be written or closed any more, and what do works
// with must be left alone. The caller holds write.
func (x *Index) attempt(do func() error) error {
	if x.stopped {
		return errStopped
	}
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		debug.SetPanicOnFault(true)
		defer guard(&err)
		err = do()
	}()
	tick := time.NewTicker(x.patience / 10)
	defer tick.Stop()
	for start := time.Now(); ; {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if x.hadErrors() && time.Since(start) > x.patience {
				x.stopped = true
				return errStopped
			}
		}
	}
}

func (x *Index) hadErrors() bool {
	n, ok := x.bleve.StatsMap()["TotOnErrors"].(uint64)
	return ok && n > 0
}
