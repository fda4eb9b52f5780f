package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
)

func alertsDeadCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "dead", Usage: "print the notices of alerts that were given up",
		Description: "A notice is given up when its sink refuses it, when it could not be delivered for too long (maxAge)\n" +
			"or when too many were waiting (maxWaiting). It is kept until alerts redeliver puts it back,\n" +
			"or alerts drop forgets it.\n\n" +
			"Exit codes: 0 there are some; 2 there is none; 9 busy.\n\nExample:\n   recourse alerts dead --sink pager",
		Flags: []cli.Flag{&cli.StringFlag{Name: "sink", Usage: "only those to sink `NAME`"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			none := "nothing was given up"
			if sink := c.String("sink"); sink != "" {
				none += " of sink " + printable(sink)
			}
			return listed(c, e, none, func(w *workspace) (report.Listing, error) { return w.deadListing(c.Context, c.String("sink")) })
		},
	}
}

// deadListing are the deliveries that were given up, to one sink or all.
func (w *workspace) deadListing(ctx context.Context, sink string) (report.Listing, error) {
	all, err := w.store.DeadDeliveries(ctx)
	if sink != "" {
		all = slices.DeleteFunc(all, func(d audit.Delivery) bool { return d.Sink != sink })
	}
	list := report.Listing{Name: "dead", Columns: []string{"sink", "alert", "notice", "severity", "key", "at", "dead", "attempts", "error"}}
	for _, d := range all {
		list.Rows = append(list.Rows, []any{d.Sink, d.Alert.ID, string(d.Notice), d.Alert.Severity, d.Key(), d.At, d.Dead, d.Attempts, d.Error})
	}
	return list, err
}
