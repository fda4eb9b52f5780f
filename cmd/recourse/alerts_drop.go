package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func alertsDropCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "drop", Usage: "forget what a sink was not told of",
		Description: "What was given up of a sink is forgotten, and what waits for it if the configuration has no such sink\n" +
			"any more. The alerts stay, and their histories say who dropped what. alerts redeliver --to tells another\n" +
			"sink of it instead.\n\n" +
			"Exit codes: 0 done; 2 there is nothing of the kind; 9 busy; 64 usage.\n\n" +
			"Example:\n   recourse alerts drop --sink old-pager",
		Flags: []cli.Flag{&cli.StringFlag{Name: "sink", Usage: "of sink `NAME`"}, byFlag()},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if c.String("sink") == "" {
				return usagef("drop: --sink says of which sink")
			}
			return runAlertsDrop(c, e)
		},
	}
}

func runAlertsDrop(c *cli.Context, e *env) (err error) {
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	by, err := w.actor(c, e)
	if err == nil {
		err = w.deliver(c.Context)
	}
	if err != nil {
		return err
	}
	n, err := w.store.Drop(c.Context, c.String("sink"), by)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%d notices dropped\n", n)
	if n == 0 {
		return exit(exitNothing)
	}
	return nil
}
