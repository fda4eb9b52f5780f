package revert

import (
	"context"
	"sync"
	"time"
)

// A pacer holds writes back so that no more are begun in a second than asked for.
type pacer struct {
	every time.Duration // zero: as fast as it goes
	next  time.Time
}

// wait returns when the next write may begin.
func (p *pacer) wait(ctx context.Context, sleep func(context.Context, time.Duration) error) error {
	if p.every <= 0 {
		return nil
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	pause := p.next.Sub(now)
	p.next = p.next.Add(p.every)
	if pause <= 0 {
		return nil
	}
	return sleep(ctx, pause)
}

// sleep waits so long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// linger is how long what is on its way may take after an apply was told to stop.
const linger = 30 * time.Second

// lingering is a context for what was begun and is to be finished: it ends a
// while after ctx does.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(linger, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	return work, func() { stop(); cancel() }
}

// together runs f for each step, several at the same time, and stops beginning
// new ones when ctx ends or one has failed. begin, unless nil, is called before
// each, in order. It returns when all that were begun have ended.
func together(ctx context.Context, steps []*step, width int, begin func() error, f func(*step) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		bad  error
		work = make(chan *step)
	)
	failed := func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if bad == nil {
			bad = err
		}
		return bad != nil
	}
	for range min(width, len(steps)) {
		wg.Go(func() {
			for s := range work {
				failed(f(s))
			}
		})
	}
	for _, s := range steps {
		var err error
		if begin != nil {
			err = begin()
		}
		if err == nil {
			err = ctx.Err()
		}
		if failed(err) {
			break
		}
		work <- s
	}
	close(work)
	wg.Wait()
	return bad
}
