package main

import (
	"github.com/urfave/cli/v2"
)

func revertCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "revert",
		Usage: "take changes back",
		Description: "select freezes which changes are to go, and expand proposes more; plan works out the writes that take\n" +
			"them back and leave later honest work alone; show prints the plan; apply writes, and proves each write;\n" +
			"resume goes on after a crash; verify looks again. ledger lists what was applied; undo, redo and\n" +
			"restore make plans as well. Only apply and resume write to Harper.\n\n" +
			"Example:\n" +
			"   recourse revert select --user eve --from -2h -o sel.json\n" +
			"   recourse revert plan sel.json -o plan.rvp\n" +
			"   recourse revert show plan.rvp\n" +
			"   recourse revert apply plan.rvp --dry-run\n" +
			"   recourse revert apply plan.rvp",
		Subcommands: []*cli.Command{
			revertSelectCommand(e), revertExpandCommand(e), revertPlanCommand(e), revertShowCommand(e),
			revertResolveCommand(e), revertKeygenCommand(e), revertApproveCommand(e), revertCheckCommand(e), revertDrillCommand(e), revertContainCommand(e), revertReportCommand(e),
			revertApplyCommand(e), revertResumeCommand(e), revertAbortCommand(e), revertVerifyCommand(e), revertStatusCommand(e),
			revertLedgerCommand(e), revertUndoCommand(e), revertRedoCommand(e), revertRestoreCommand(e),
		},
	}
}
