package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsReopenCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "reopen", Usage: "open closed alerts again", ArgsUsage: "ID…",
		Description: "The verdict is taken back; it stays in the history.\n" + actCodes + "Example:\n   recourse alerts reopen 3f9a --note 'it goes on'",
		Flags:       []cli.Flag{byFlag(), noteFlag()},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(*workspace) (audit.AlertEvent, error) {
				return audit.AlertEvent{Action: audit.ActionReopened, Note: c.String("note")}, nil
			})
		},
	}
}
