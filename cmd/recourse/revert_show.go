package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

func revertShowCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print a plan",
		ArgsUsage: "PLAN",
		Description: "A table or Markdown shows each record with its attributes; JSON is the plan's summary.\n" +
			"The plan file itself is NDJSON.\n\n" +
			"Exit codes: 0; 3 the plan has conflicts; 65 the file is damaged.\n\n" +
			"Example:\n   recourse revert show plan.rvp -o md",
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			p, err := printer(c, e)
			if err != nil {
				return err
			}
			plan, err := readPlan(c.Args().First())
			if err != nil {
				return err
			}
			if err := p.Plan(plan); err != nil {
				return err
			}
			return conflictsLeft(plan)
		},
	}
}

// conflictsLeft is the exit for conflicts that nobody decided.
func conflictsLeft(p *revert.Plan) error {
	n := p.Unresolved()
	if n == 0 {
		return nil
	}
	return &exitError{
		code: exitConflicts, err: fmt.Errorf("plan %s: %w: %d", p.Header.ID, revert.ErrConflicts, n),
		hint: "revert show lists them with what speaks for each choice; apply leaves these records alone and writes the others",
	}
}
