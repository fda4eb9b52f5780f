package harpertest

import (
	"sync"
	"time"

	"recourse/audit"
)

// steppedClock is a clock that goes on by a hundredth of a millisecond at each
// look, and jumps when told.
type steppedClock struct {
	mu  sync.Mutex
	now float64
}

func (c *steppedClock) tick() audit.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += 0.01
	return audit.Time(c.now)
}

func (c *steppedClock) peek() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// set never goes back.
func (c *steppedClock) set(now float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = max(c.now, now)
}

func milliseconds(f float64) time.Duration { return time.Duration(f * 1e6) }
