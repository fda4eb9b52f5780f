package main

import (
	"context"
	"fmt"
	"math"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/revert"
)

// settle enters into the ledger the writes of an apply that was cut off, as far as
// they have been read from Harper's log, and warns of steps whose end it does not
// find. Only the plan says what the steps were to undo: its file, or the copy that
// apply has kept.
func (w *workspace) settle(c *cli.Context, e *env, a audit.Apply) error {
	receipts, err := w.store.Receipts(c.Context, a.Plan)
	if err != nil {
		return err
	}
	cut := revert.CutOff(receipts)
	if len(cut) == 0 {
		return nil
	}
	plan, err := readPlan(e, c.Args().First())
	if err != nil {
		plan, err = readPlan(e, w.planPath(a.Plan))
	}
	if err != nil {
		fmt.Fprintf(e.stderr, "warning: apply %s has %d steps without a known end, and there is no copy of its plan; give its file, so that what they have written is looked for\n",
			revert.ShortPlan(a.Plan), len(cut))
		return nil
	}
	left, err := w.settlePlan(c.Context, plan, receipts)
	if err == nil && len(left) > 0 {
		fmt.Fprintf(e.stderr, "warning: apply %s has %d steps without a known end, such as that of %s; what they may have written is not taken back\n",
			revert.ShortPlan(a.Plan), len(left), printable(left[0].String()))
	}
	return err
}

func (w *workspace) settlePlan(ctx context.Context, plan *revert.Plan, receipts []audit.Receipt) ([]audit.Key, error) {
	own, err := w.store.Own(ctx)
	if err != nil {
		return nil, err
	}
	return plan.Settle(ctx, w.store, receipts, own, w.store)
}

// journals tells a request what only the journals know: by record, what steps of
// applies were about to write that were cut off, and what writes of ours may not
// have been read yet. Those of applies that ended well before the logs were read
// have been.
func (w *workspace) journals(ctx context.Context, r *query.Reading, req *revert.Request) error {
	read := audit.Time(math.Inf(1))
	for _, t := range r.Tables {
		read = min(read, r.ReadTo(t)) // 0: its log was never read here
	}
	ended := map[string]bool{}
	for i := range req.Ledger.Applies {
		a := &req.Ledger.Applies[i]
		ended[a.Plan] = a.Ended != 0 && a.Ended < read-readAgain
	}
	plans, err := w.store.Plans(ctx)
	if err != nil {
		return err
	}
	req.CutOff, req.Wrote = map[audit.Key][]audit.Receipt{}, map[audit.Key][]audit.Time{}
	for _, plan := range plans {
		if ended[plan] {
			continue
		}
		receipts, err := w.store.Receipts(ctx, plan)
		if err != nil {
			return err
		}
		for k, times := range revert.Wrote(receipts) {
			req.Wrote[k] = append(req.Wrote[k], times...)
		}
		for _, intents := range revert.CutOff(receipts) {
			for _, in := range intents {
				req.CutOff[in.Key] = append(req.CutOff[in.Key], in)
			}
		}
	}
	return nil
}

// readAgain is how long, in milliseconds, before the end of an apply its writes
// and the two clocks may lie.
const readAgain = 120_000
