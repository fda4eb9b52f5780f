package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func alertsRedeliverCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "redeliver", Usage: "tell sinks of alerts again", ArgsUsage: "[ID…]",
		Description: "What was given up of the alerts (--dead: of all) is put back into the outbox, with its old key, so\n" +
			"that a receiver which has had it all the same knows it. Of an alert of which nothing was given up,\n" +
			"how it stands now is told anew. Delivery is tried at once; what does not get through waits for watch.\n\n" +
			"Exit codes: 0 done; 2 there is no such alert, nothing was given up,\n" +
			"or no sink wants it; 9 busy; 64 usage.\n\n" +
			"Example:\n   recourse alerts redeliver --dead --sink pager",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sink", Usage: "only to sink `NAME`"},
			&cli.BoolFlag{Name: "dead", Usage: "all that was given up"},
			byFlag(),
		},
		Action: func(c *cli.Context) error { return runAlertsRedeliver(c, e) },
	}
}

func runAlertsRedeliver(c *cli.Context, e *env) (err error) {
	if c.Bool("dead") == c.Args().Present() {
		return usagef("redeliver: give the IDs of alerts, or --dead for all that was given up")
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	sink := c.String("sink")
	switch {
	case len(w.cfg.Sinks) == 0:
		return usagef("redeliver: the configuration has no sinks")
	case sink != "" && w.sinkNamed(sink) == nil:
		return usagef("--sink %q: the configuration has no such sink", sink)
	}
	by, err := w.actor(c, e)
	if err != nil {
		return err
	}
	ids, err := w.alertIDs(c, c.Args().Slice())
	if err == nil {
		err = w.deliver(c.Context)
	}
	if err != nil {
		return err
	}
	n, err := w.redeliver(c, e, sink, ids, by)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%d notices put into the outbox again\n", n)
	if n == 0 {
		return exit(exitNothing)
	}
	return w.flush(c.Context, e, flushActs)
}

func (w *workspace) redeliver(c *cli.Context, e *env, sink string, ids []string, by string) (int, error) {
	if c.Bool("dead") {
		return w.store.Redeliver(c.Context, sink, "", by)
	}
	total := 0
	for _, id := range ids {
		n, err := w.store.Redeliver(c.Context, sink, id, by)
		if err == nil && n == 0 {
			n, err = w.store.Tell(c.Context, sink, id, by)
		}
		if err != nil {
			return total, err
		}
		if total += n; n == 0 {
			fmt.Fprintf(e.stderr, "alert %s: no sink wants it\n", printable(id))
		}
	}
	return total, nil
}
