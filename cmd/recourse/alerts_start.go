package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsStartCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "start", Usage: "say that you work on alerts", ArgsUsage: "ID…",
		Description: "An alert that is in progress is one that somebody has taken up.\n" + actCodes + "Example:\n   recourse alerts start 3f9a",
		Flags:       []cli.Flag{byFlag(), noteFlag()},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(*workspace) (audit.AlertEvent, error) {
				return audit.AlertEvent{Action: audit.ActionStarted, Note: c.String("note")}, nil
			})
		},
	}
}
