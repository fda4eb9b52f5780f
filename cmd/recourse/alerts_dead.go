package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
)

func alertsDeadCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "dead", Usage: "print the notices of alerts that were given up",
		Description: "A notice is given up when its sink refuses it, when it could not be delivered for too long (maxAge)\n" +
			"or when too many were waiting (maxWaiting). It is kept until alerts redeliver puts it back.\n\n" +
			"Exit codes: 0 there are some; 2 there is none; 9 busy.\n\nExample:\n   recourse alerts dead --sink pager",
		Flags: []cli.Flag{&cli.StringFlag{Name: "sink", Usage: "only those to sink `NAME`"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runAlertsDead(c, e)
		},
	}
}

func runAlertsDead(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	all, err := w.store.DeadDeliveries(c.Context)
	if err != nil {
		return err
	}
	if sink := c.String("sink"); sink != "" {
		all = slices.DeleteFunc(all, func(d audit.Delivery) bool { return d.Sink != sink })
	}
	list := report.Listing{Name: "dead", Columns: []string{"sink", "alert", "notice", "severity", "key", "at", "dead", "attempts", "error"}}
	for _, d := range all {
		list.Rows = append(list.Rows, []any{d.Sink, d.Alert.ID, string(d.Notice), d.Alert.Severity, d.Key(), d.At, d.Dead, d.Attempts, d.Error})
	}
	if err := p.List(list); err != nil {
		return err
	}
	if len(all) == 0 {
		return exit(exitNothing)
	}
	return nil
}
