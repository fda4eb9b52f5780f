package main

import (
	"github.com/urfave/cli/v2"
)

func alertsShowCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print one alert with its history and the changes it rests on",
		ArgsUsage: "ID",
		Description: "The beginning of an id is enough where only one alert has it. Whether the log of the alert's\n" +
			"tables is whole, from its first change to its last, stands below.\n\n" +
			"Exit codes: 0 found; 2 there is no such alert; 9 busy; 11 with --require-coverage: the log is\n" +
			"not known to be whole there.\n\n" +
			"Example:\n   recourse alerts show 3f9a",
		Flags: []cli.Flag{requireCoverage()},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runAlertsShow(c, e, c.Args().First())
		},
	}
}

func runAlertsShow(c *cli.Context, e *env, id string) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	a, err := w.alert(c, id)
	if err != nil {
		return err
	}
	history, err := w.store.AlertHistory(c.Context, a.ID)
	if err != nil {
		return err
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return err
	}
	cov := alertCoverage(reading, a)
	if err := p.Alert(a, cov, history...); err != nil {
		return err
	}
	return covered(c, cov != nil && cov.Complete, exitOK)
}
