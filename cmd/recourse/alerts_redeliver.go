package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
)

func alertsRedeliverCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "redeliver", Usage: "tell sinks of alerts again", ArgsUsage: "[ID…]",
		Description: "What was given up of the alerts (--dead: of all) is put back into the outbox, with its old key, so\n" +
			"that a receiver which has had it all the same knows it. Of an alert of which nothing was given up,\n" +
			"how it stands now is told anew. --to tells another sink of all that was given up of --sink, and of what\n" +
			"waits there if the configuration has that sink no more. Delivery is tried at once; what does not get\n" +
			"through waits for watch.\n\n" +
			"Exit codes: 0 done; 2 there is no such alert, nothing was given up,\n" +
			"or no sink wants it; 9 busy; 64 usage.\n\n" +
			"Example:\n   recourse alerts redeliver --dead --sink pager",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sink", Usage: "only to sink `NAME`"},
			&cli.BoolFlag{Name: "dead", Usage: "all that was given up"},
			&cli.StringFlag{Name: "to", Usage: "tell sink `NAME` in place of --sink"},
			byFlag(),
		},
		Action: func(c *cli.Context) error { return runAlertsRedeliver(c, e) },
	}
}

func runAlertsRedeliver(c *cli.Context, e *env) (err error) {
	to, sink := c.String("to"), c.String("sink")
	switch {
	case to != "" && (sink == "" || c.Args().Present()):
		return usagef("redeliver: --to goes with --sink, and takes all that was given up there")
	case to == "" && c.Bool("dead") == c.Args().Present():
		return usagef("redeliver: give the IDs of alerts, or --dead for all that was given up")
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	if err := w.checkSinks(c.Context, to, sink); err != nil {
		return err
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

// checkSinks refuses names of sinks to which nothing can be delivered.
func (w *workspace) checkSinks(ctx context.Context, to, sink string) error {
	hint := "docs/notify.md says how a sink is configured"
	switch {
	case len(w.cfg.Sinks) == 0:
	case to != "" && w.sinkNamed(to) == nil:
		return usagef("--to %q: the configuration has no such sink", to)
	case to != "" && to == sink:
		return usagef("--to %q: that is --sink itself; --dead tells it again", to)
	case to == "" && sink != "" && w.sinkNamed(sink) == nil:
		hint = "--to NAME tells another sink of what was given up of it; recourse alerts drop forgets it"
		return &exitError{code: exitUsage, err: fmt.Errorf("--sink %q: the configuration has no such sink", sink), hint: hint}
	default:
		return nil
	}
	states, err := w.store.SinkStates(ctx)
	if err != nil {
		return err
	}
	if len(states) > 0 {
		hint += "; what was not told is kept (recourse alerts sinks) until then, or until recourse alerts drop"
	}
	return &exitError{code: exitUsage, err: errors.New("redeliver: the configuration has no sinks, so nobody can be told of anything"), hint: hint}
}

func (w *workspace) redeliver(c *cli.Context, e *env, sink string, ids []string, by string) (int, error) {
	if to := c.String("to"); to != "" {
		return w.store.Reroute(c.Context, sink, to, by)
	}
	if c.Bool("dead") {
		n, err := w.store.Redeliver(c.Context, sink, "", by)
		if err == nil && sink == "" {
			err = w.sayLeft(c.Context, e)
		}
		return n, err
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

// sayLeft tells of what was given up of sinks that the configuration has no more.
func (w *workspace) sayLeft(ctx context.Context, e *env) error {
	states, err := w.store.SinkStates(ctx)
	if err != nil {
		return err
	}
	for _, s := range states {
		if n := s.Dead + s.Waiting; n > 0 && w.sinkNamed(s.Sink) == nil {
			fmt.Fprintf(e.stderr, "left alone: %d notices to %s, which the configuration has no more: redeliver --sink %s --to NAME, or alerts drop\n", n, printable(s.Sink), printable(s.Sink))
		}
	}
	return nil
}
