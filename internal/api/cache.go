package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"recourse/audit"
)

// A cache asks for the state at most once in a while, and once at a time: a
// store must not suffer from those who watch it.
type cache struct {
	get      StateFunc
	fresh    time.Duration // how long an answer, or an error, counts
	patience time.Duration
	now      func() time.Time

	mu   sync.Mutex
	last *asking
}

// An asking is one question for the state, answered or not.
type asking struct {
	done  chan struct{} // closed when the rest is set
	state State
	err   error
	ended time.Time
}

// state waits for the answer no longer than its patience. A function that never
// returns is not asked a second time.
func (c *cache) state(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	a := c.ask(ctx)
	select {
	case <-a.done:
		return a.state, a.err
	case <-ctx.Done():
		return State{}, fmt.Errorf("ask for the state: no answer within %v", c.patience)
	}
}

// ask is the question that stands, or a new one. It outlives whoever put it,
// as others may wait for the same answer.
func (c *cache) ask(ctx context.Context) *asking {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		select {
		case <-c.last.done:
			if age := c.now().Sub(c.last.ended); 0 <= age && age < c.fresh {
				return c.last
			}
		default:
			return c.last
		}
	}
	a := &asking{done: make(chan struct{})}
	c.last = a
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.patience)
	at := c.now()
	go func() {
		defer cancel()
		defer close(a.done)
		a.err = audit.Guarded(func() (err error) {
			a.state, err = c.get(asked)
			return err
		})
		if a.err != nil {
			a.state, a.err = State{}, fmt.Errorf("ask for the state: %w", a.err)
		} else if a.state.At.IsZero() {
			a.state.At = at
		}
		a.ended = c.now()
	}()
	return a
}
