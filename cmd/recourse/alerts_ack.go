package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsAckCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "ack", Usage: "say that you have seen alerts", ArgsUsage: "ID…",
		Description: "A later growth of the alert is told all the same.\n" + actCodes + "Example:\n   recourse alerts ack 3f9a",
		Flags:       []cli.Flag{byFlag(), noteFlag()},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(*workspace) (audit.AlertEvent, error) {
				return audit.AlertEvent{Action: audit.ActionAcknowledged, Note: c.String("note")}, nil
			})
		},
	}
}
