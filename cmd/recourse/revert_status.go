package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
)

func revertStatusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "what the journal says of applied plans",
		ArgsUsage: "[PLAN]",
		Description: "Without an argument one line for each plan that was applied; with a plan's file, or how its\n" +
			"digest begins, one line for each of its steps.\n\n" +
			"Exit codes: 0; 2 nothing was applied; 9 busy.\n\nExample:\n   recourse revert status plan.rvp",
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 1); err != nil {
				return err
			}
			return listed(c, e, "", func(w *workspace) (report.Listing, error) {
				plans, err := w.store.Plans(c.Context)
				if err != nil {
					return report.Listing{}, err
				}
				if c.Args().Present() {
					return w.stepsOf(c.Context, e, plans, c.Args().First())
				}
				return w.applied(c.Context, plans)
			})
		},
	}
}

// lastReceipts is where each step of a plan stands.
func (w *workspace) lastReceipts(ctx context.Context, plan string) ([]audit.Receipt, error) {
	receipts, err := w.store.Receipts(ctx, plan)
	if err != nil {
		return nil, err
	}
	at := map[int]int{}
	var last []audit.Receipt
	for _, r := range receipts {
		i, seen := at[r.Step]
		if !seen {
			i = len(last)
			at[r.Step] = i
			last = append(last, r)
		}
		last[i] = r
	}
	return last, nil
}

func (w *workspace) applied(ctx context.Context, plans []string) (report.Listing, error) {
	list := report.Listing{Name: "plans", Columns: []string{"plan", "steps", "verified", "repaired", "skipped", "raced", "failed", "unknown", "open", "aborted", "last"}}
	for _, plan := range plans {
		steps, err := w.lastReceipts(ctx, plan)
		if err != nil {
			return list, err
		}
		n := map[audit.Phase]int{}
		open, last := 0, audit.Time(0)
		for _, r := range steps {
			n[r.Phase]++
			last = max(last, r.At)
			if !r.Phase.Done() {
				open++
			}
		}
		list.Rows = append(list.Rows, []any{plan, len(steps) - n[audit.PhaseAborted], n[audit.PhaseVerified], n[audit.PhaseRepaired], n[audit.PhaseSkipped],
			n[audit.PhaseRaced], n[audit.PhaseFailed], n[audit.PhaseUnknown], open, n[audit.PhaseAborted] > 0, last})
	}
	return list, nil
}

func (w *workspace) stepsOf(ctx context.Context, e *env, plans []string, name string) (report.Listing, error) {
	list := report.Listing{Name: "steps", Columns: []string{"step", "database", "table", "key", "phase", "class", "at", "version", "why"}}
	if digest, err := planDigest(e, name); err == nil {
		name = digest
	}
	for _, plan := range plans {
		if !strings.HasPrefix(plan, name) {
			continue
		}
		steps, err := w.lastReceipts(ctx, plan)
		if err != nil {
			return list, err
		}
		for _, r := range steps {
			var version any
			if r.Version != 0 {
				version = r.Version
			}
			list.Rows = append(list.Rows, []any{r.Step, r.Key.Table.Database, r.Key.Table.Name, r.Key.ID, string(r.Phase), r.Class, r.At, version, r.Why})
		}
	}
	return list, nil
}
