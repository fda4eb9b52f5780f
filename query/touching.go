package query

import (
	"context"
	"sync"

	"recourse/audit"
)

// touching shows the changes of some records in outline, one at a time and in no
// order; there may be some of other records among them.
func (e *Engine) touching(ctx context.Context, keys []audit.Key, see func(*audit.Change)) error {
	r, err := e.open(ctx, Expr{}, Position{})
	if err != nil {
		return err
	}
	defer r.close()
	seqs, err := r.view.Touching(ctx, keys)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	_, err = r.look(ctx, seqs, wanted{outline: true}, func(_, _ int, c *audit.Change) error {
		mu.Lock()
		defer mu.Unlock()
		see(c)
		return nil
	})
	return err
}
