package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func historyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "history",
		Usage:     "print all changes of one record, oldest first",
		ArgsUsage: "DATABASE.TABLE/ID",
		Description: "The ID is JSON: dev.dog/318 and dev.dog/\"318\" are two records. Text that is not JSON\n" +
			"needs no quotes: shop.customers/c-17.\n\n" +
			"Exit codes: 0 found; 2 nothing of the record is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole since the record's first change.\n\n" +
			"Example:\n   recourse history shop.customers/c-17",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "no-images", Usage: "leave the record's images out"},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			key, err := audit.ParseKey(c.Args().First())
			if err != nil {
				return usagef("%v", err)
			}
			return runHistory(c, e, key)
		},
	}
}

func runHistory(c *cli.Context, e *env, key audit.Key) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	var changes []audit.Change
	for change, err := range w.store.History(c.Context, key) {
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return err
	}
	cov := recordCoverage(reading, key, changes)
	if err := p.History(key, changes, cov); err != nil {
		return err
	}
	code := exitOK
	if len(changes) == 0 {
		code = exitNothing
	}
	return covered(c, cov.Complete, code)
}
