package revert

import (
	"cmp"
	"context"
	"sync"
	"time"

	"recourse/audit"
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

// workers do something for steps, several at the same time.
type workers struct {
	wg   sync.WaitGroup
	work chan *step

	mu  sync.Mutex
	bad error // the first
}

func newWorkers(n int, f func(*step) error) *workers {
	w := &workers{work: make(chan *step)}
	for range max(1, n) {
		w.wg.Go(func() {
			for s := range w.work {
				if err := audit.Guarded(func() error { return f(s) }); err != nil {
					w.mu.Lock()
					w.bad = cmp.Or(w.bad, err)
					w.mu.Unlock()
				}
			}
		})
	}
	return w
}

// do gives the step to a worker, and waits until one is free.
func (w *workers) do(s *step) { w.work <- s }

// failed is the first error so far.
func (w *workers) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

// end waits until all is done.
func (w *workers) end() error {
	close(w.work)
	w.wg.Wait()
	return w.bad
}
