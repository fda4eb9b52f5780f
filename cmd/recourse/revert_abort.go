package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/revert"
)

func revertAbortCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "abort",
		Usage:     "close an apply for good, and say what was done and what was not",
		ArgsUsage: "PLAN|ID",
		Description: "Nothing is written to Harper, and nothing is taken back: what was done stays done, and the\n" +
			"ledger knows it (revert undo takes it back). Afterwards the plan cannot be applied or resumed;\n" +
			"plan again for what is left. With a plan's file, or its copy in the data folder, the records that\n" +
			"were not reached are listed too.\n\n" +
			"Exit codes: 0 closed; 2 nothing was applied; 9 busy; 10 closed, and of some writes it is not known\n" +
			"whether they were made.\n\n" +
			"Example:\n   recourse revert abort 3fe1a0 --reason 'the wrong window'",
		Flags: []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "why, for whoever reads the journal: `TEXT`"}},
		Action: func(c *cli.Context) (err error) {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			p, err := printer(c, e)
			if err != nil {
				return err
			}
			w, err := openWorkspace(c, e, false)
			if err != nil {
				return err
			}
			defer closeWith(&err, w.close)
			digest, err := w.begunDigest(c.Context, e, c.Args().First())
			if err != nil {
				return err
			}
			plan, err := w.begunWhole(c.Context, e, c.Args().First())
			if err != nil { // without the plan, the journal tells what was reached
				plan = nil
			}
			a := &revert.Applier{Journal: w.store, Now: func() audit.Time { return audit.TimeOf(e.now()) }}
			res, err := a.Abort(c.Context, digest, plan, strings.TrimSpace(c.String("reason")))
			if err != nil {
				return err
			}
			if err := p.Applied(report.AppliedOf(res)); err != nil {
				return err
			}
			return abortError(res)
		},
	}
}

func abortError(res *revert.Result) error {
	if res.Unknown == 0 {
		return nil
	}
	return &exitError{
		code: exitOutcome, err: fmt.Errorf("abort apply: of %d writes it is not known whether they were made", res.Unknown),
		hint: "look at the records named",
	}
}
