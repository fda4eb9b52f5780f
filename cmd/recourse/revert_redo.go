package main

import (
	"github.com/urfave/cli/v2"

	"recourse/revert"
)

func revertRedoCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "redo",
		Usage:     "plan to do an apply again that was taken back",
		ArgsUsage: "APPLY",
		Description: "APPLY is a plan's file, or how its digest begins. What was taken back of it, in whole or for some\n" +
			"records, is done again. Where nothing changed meanwhile these are the same writes. This makes\n" +
			"a plan; revert apply carries it out.\n\n" +
			"Exit codes: 0 done; 2 nothing of it was taken back, or with --detailed-exitcode: the plan is not\n" +
			"empty; 3 it has conflicts; 8 writes of the undo have not been read from Harper's log yet;\n" +
			"9 busy; 64 no such apply.\n\n" +
			"Example:\n   recourse revert redo 7f3a91 -o redo.rvp && recourse revert apply redo.rvp",
		Flags: planOutFlags(),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertUndo(c, e, revert.RedoOf)
		},
	}
}
