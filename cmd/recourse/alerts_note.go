package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsNoteCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "note", Usage: "write something into the history of alerts", ArgsUsage: "ID…",
		Description: "Notes cannot be altered or taken back.\n" + actCodes + "Example:\n   recourse alerts note 3f9a --text 'ann is on call and looks'",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "text", Usage: "what to write: `TEXT`"}, byFlag()},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(*workspace) (audit.AlertEvent, error) {
				if c.String("text") == "" {
					return audit.AlertEvent{}, usagef("what to write is not said: give --text TEXT")
				}
				return audit.AlertEvent{Action: audit.ActionNoted, Note: c.String("text")}, nil
			})
		},
	}
}
