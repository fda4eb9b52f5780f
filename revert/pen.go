package revert

import (
	"context"
	"sync"

	"recourse/audit"
)

// A pen writes receipts for steps that run at the same time. What comes while a
// write is under way is written together with the next, so that one sync of the
// disk serves several steps.
type pen struct {
	journal Journal

	mu      sync.Mutex
	waiting []*lines
	writing bool
}

// lines are receipts that wait to be written; done is closed when they are.
type lines struct {
	receipts []audit.Receipt
	done     chan struct{}
	err      error
}

// add writes receipts and returns when they are on disk. It does not stop for the
// end of ctx: what is being written then is finished.
func (p *pen) add(ctx context.Context, receipts ...audit.Receipt) error {
	return p.lay(ctx, receipts...)()
}

// lay is add that does not wait: the receipts come after all that were laid
// before. The function that it returns waits.
func (p *pen) lay(ctx context.Context, receipts ...audit.Receipt) (wait func() error) {
	if len(receipts) == 0 {
		return func() error { return nil }
	}
	l := &lines{receipts: receipts, done: make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, l)
	p.mu.Unlock()
	return func() error {
		p.write(context.WithoutCancel(ctx))
		<-l.done
		return l.err
	}
}

// write writes all that waits, unless somebody else is at it and will.
func (p *pen) write(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writing {
		return
	}
	p.writing = true
	for len(p.waiting) > 0 {
		all := p.waiting
		p.waiting = nil
		p.mu.Unlock()
		var receipts []audit.Receipt
		for _, w := range all {
			receipts = append(receipts, w.receipts...)
		}
		err := p.journal.AddReceipt(ctx, receipts...)
		p.mu.Lock()
		for _, w := range all {
			w.err = err
			close(w.done)
		}
	}
	p.writing = false
}
