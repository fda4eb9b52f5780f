package query

import (
	"context"

	"recourse/audit"
)

// touching shows the changes of some records in outline, in no order; there may be
// some of other records among them. Several are shown at once, each with the number of
// the worker that does so; begin is told first how many these are.
func (e *Engine) touching(ctx context.Context, keys []audit.Key, begin func(workers int), see func(worker int, c *audit.Change)) error {
	r, err := e.open(ctx, Expr{}, Position{})
	if err != nil {
		return err
	}
	defer r.close()
	seqs, err := r.view.Touching(ctx, keys)
	if err != nil {
		return err
	}
	begin(r.parallel)
	_, err = r.look(ctx, seqs, wanted{outline: true}, func(worker, _ int, c *audit.Change) error {
		see(worker, c)
		return nil
	})
	return err
}
