package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/revert"
)

func revertVerifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "compare the live records with a plan",
		ArgsUsage: "PLAN",
		Description: "Reads every record of the plan again and says which are as the plan wants them, and who\n" +
			"changed the others since. With --watch it then looks for so long whether somebody writes them\n" +
			"again. Writes nothing.\n\n" +
			"Exit codes: 0 all are; 5 a user of the selection has written some since; 6 some are not;\n" +
			"9 busy; 12 Harper; 65 the plan is damaged.\n\n" +
			"Example:\n   recourse revert verify plan.rvp --watch 10m",
		Flags: append(harperFlags(), &cli.DurationFlag{Name: "watch", Usage: "look for so long whether somebody writes the records again"}),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertVerify(c, e)
		},
	}
}

func runRevertVerify(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	plan, w, err := openPlan(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	defer closeWith(&err, plan.close)
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	a, err := w.applier(c, e, client, o)
	if err != nil {
		return err
	}
	v, err := a.VerifyOpened(c.Context, plan.OpenedPlan, p.Format() == report.Table)
	if err != nil {
		return err
	}
	if err := p.Verified(v); err != nil {
		return err
	}
	if d := c.Duration("watch"); d > 0 {
		seen, err := a.WatchOpened(c.Context, plan.OpenedPlan, revert.WatchOptions{User: o.Username, For: d})
		for _, line := range sightings(seen) {
			fmt.Fprintln(e.stderr, printable(line))
		}
		if err != nil {
			return err
		}
		if err := watchError(seen); err != nil {
			return err
		}
	}
	if v.Err() != nil {
		return &exitError{
			code: exitIntegrity, err: fmt.Errorf("verify plan: %d of %d records are not as the plan wants them", v.Differ, v.Records),
			hint: "each check that is not ok says why; revert status says what apply did",
		}
	}
	return nil
}
