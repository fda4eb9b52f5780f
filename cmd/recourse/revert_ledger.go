package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/revert"
)

func revertLedgerCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "ledger",
		Usage: "list what was applied, and what of it still counts",
		Description: "One line for each plan that was begun to be carried out. Its id is what undo and redo take.\n" +
			"State: valid; undone; partly-undone, if it was taken back for some records; empty, if it has\n" +
			"undone nothing. \"changes\" counts those that it has undone, or taken something back for, and\n" +
			"\"standing\" those for which that still counts; \"open\" counts steps without a known end.\n\n" +
			"Exit codes: 0; 2 nothing was applied; 9 busy.\n\nExample:\n   recourse revert ledger -o json",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return listed(c, e, "", func(w *workspace) (report.Listing, error) {
				ledger, err := w.store.Ledger(c.Context)
				if err != nil {
					return report.Listing{}, err
				}
				return w.ledgerRows(c.Context, ledger)
			})
		},
	}
}

func (w *workspace) ledgerRows(ctx context.Context, l *audit.Ledger) (report.Listing, error) {
	list := report.Listing{Name: "applies", Columns: []string{
		"id", "state", "purpose", "of", "at", "author", "by", "events", "records", "changes", "standing", "written", "open", "since", "selection", "plan"}}
	counts := countEntries(l)
	for i := range l.Applies {
		a := &l.Applies[i]
		steps, err := w.lastReceipts(ctx, a.Plan)
		if err != nil {
			return list, err
		}
		open := 0
		for _, r := range steps {
			if !r.Phase.Done() || r.Phase == audit.PhaseUnknown {
				open++
			}
		}
		of := []string{}
		for _, u := range a.Undoes {
			of = append(of, revert.ShortPlan(u))
		}
		n := counts[a.Plan]
		row := []any{revert.ShortPlan(a.Plan), n.state(), a.Purpose, of, known(a.At), a.Author, a.By, a.Events, a.Records,
			n.changes, n.standing, n.written, open, known(a.Since), a.Selection, a.Plan}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// known is a time for a listing, in which 0 is none.
func known(t audit.Time) any {
	if t == 0 {
		return nil
	}
	return t
}

// An entryCount is how much the ledger has of one apply.
type entryCount struct {
	changes  int // that it has entries for
	standing int // whose entries still count
	written  int // its own writes
}

func (n entryCount) state() string {
	switch {
	case n.changes == 0:
		return "empty"
	case n.standing == 0:
		return "undone"
	case n.standing < n.changes:
		return "partly-undone"
	}
	return "valid"
}

func countEntries(l *audit.Ledger) map[string]entryCount {
	counts := map[string]entryCount{}
	stands := l.Standing()
	for id, entries := range l.Entries {
		for _, e := range entries {
			n := counts[e.Plan]
			n.changes++
			if stands(e.Plan, id) {
				n.standing++
			}
			counts[e.Plan] = n
		}
	}
	for _, plan := range l.Own {
		n := counts[plan]
		n.written++
		counts[plan] = n
	}
	return counts
}
