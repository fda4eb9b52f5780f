package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/store"
)

func showCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print one change with its diff and images",
		ArgsUsage: "SEQ",
		Description: "SEQ is the number that search prints for a change.\n\n" +
			"Exit codes: 0 found; 2 there is no such change; 9 busy.\n\n" +
			"Example:\n   recourse show 17 -o json",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "no-images", Usage: "leave the record's images out"}},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			seq, err := strconv.ParseUint(c.Args().First(), 10, 64)
			if err != nil || seq == 0 {
				return &exitError{
					code: exitUsage, err: fmt.Errorf("show %q: want a change's number, such as search prints", c.Args().First()),
					hint: "recourse search txn:TIME prints the changes of a transaction, recourse history KEY those of a record",
				}
			}
			return runShow(c, e, audit.Seq(seq))
		},
	}
}

func runShow(c *cli.Context, e *env, seq audit.Seq) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	change, err := w.store.Get(c.Context, seq)
	if errors.Is(err, store.ErrNotFound) {
		return &exitError{code: exitNothing, err: fmt.Errorf("show %d: no such change; the newest is %d", seq, w.store.Last())}
	}
	if err != nil {
		return err
	}
	var readings report.Readings
	if readings.Observations, err = w.store.Observations(c.Context, seq); err != nil {
		return err
	}
	if readings.Divergences, err = w.store.Divergences(c.Context, seq); err != nil {
		return err
	}
	return p.Change(change, readings)
}
