package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

// planOutFlags are those of all commands that make a plan.
func planOutFlags() []cli.Flag {
	return append(append(policyFlags(), harperFlags()...),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan to `FILE`; without it to standard output"},
		&cli.StringFlag{Name: "author", Usage: "who makes the plan, and so cannot approve it: `NAME`; without it $USER"},
		&cli.StringFlag{Name: "expires", Usage: "the plan may be applied for `DURATION`: 12h, 3d; without it there is no limit"},
		&cli.IntFlag{Name: "approvals", Usage: "so many people must approve the plan, at least"},
		&cli.BoolFlag{Name: "detailed-exitcode", Usage: "end with 2 when the plan is not empty"},
	)
}

// planLines makes the files in which a plan's lines are kept until it is written:
// beside the file that it goes to, else where the system keeps such. Nil: none may be
// made.
func planLines(c *cli.Context, e *env) func() (revert.TempFile, error) {
	if e.readOnly {
		return nil
	}
	return func() (revert.TempFile, error) { return e.scratch(c.String("output")) }
}

// planned writes a plan that was made and says on stderr what is in it.
func planned(c *cli.Context, e *env, plan *revert.Draft) error {
	if err := writeFile(e, c.String("output"), plan.Write); err != nil {
		return err
	}
	n := plan.Header.Counts
	fmt.Fprintf(e.stderr, "plan %s: %d patch, %d insert, %d delete, %d conflicts, %d kept\n",
		plan.Header.ID, n.Patch, n.Insert, n.Delete, n.Conflict, n.Kept)
	if plan.Header.Coverage != nil {
		fmt.Fprintln(e.stderr, printable(plan.Header.Coverage.Note))
	}
	for _, warning := range plan.Header.Warnings {
		fmt.Fprintf(e.stderr, "warning: %s\n", printable(warning))
	}
	if err := conflictsLeft(plan.Header.ID, plan.Unresolved); err != nil {
		return err
	}
	if c.Bool("detailed-exitcode") && !plan.Empty() {
		return exit(exitNothing)
	}
	return nil
}

// checkLedger refuses a plan whose records another apply has touched since it was
// made.
func (w *workspace) checkLedger(ctx context.Context, e *env, plan *openedPlan) error {
	ledger, err := w.store.Ledger(ctx)
	if err != nil {
		return err
	}
	err = revert.CheckLedger(ctx, plan.Outline, ledger, w.lives(ctx, e, plan))
	var stale *revert.StaleError
	if errors.As(err, &stale) {
		return &exitError{code: exitStale, err: err, hint: stale.Hint()}
	}
	return err
}
