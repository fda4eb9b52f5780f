package harpertest

import (
	"context"
	"sync"
	"time"
)

// A guard is a lock that does something after it was held for writing: what was
// written then goes to other nodes, whose locks must not be waited for within.
type guard struct {
	sync.RWMutex
	after func()
}

// Unlock implements [sync.Locker].
func (g *guard) Unlock() {
	g.RWMutex.Unlock()
	g.after()
}

// wait passes the time, or less if the caller goes.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
