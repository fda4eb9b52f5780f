package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsAssignCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "assign", Usage: "say who is to answer alerts", ArgsUsage: "ID…",
		Description: "It says nothing of the alert's state.\n" + actCodes + "Example:\n   recourse alerts assign 3f9a --to ann",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "to", Usage: "who is to: `NAME`; \"\" is nobody"}, byFlag(), noteFlag()},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(*workspace) (audit.AlertEvent, error) {
				if !c.IsSet("to") {
					return audit.AlertEvent{}, usagef("who is to answer them is not said: give --to NAME")
				}
				return audit.AlertEvent{Action: audit.ActionAssigned, Assignee: c.String("to"), Note: c.String("note")}, nil
			})
		},
	}
}
