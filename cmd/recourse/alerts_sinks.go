package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/notify"
	"recourse/internal/report"
)

func alertsSinksCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "sinks", Usage: "print who is told of alerts, and how that stands",
		Description: "The sinks are those of the configuration (docs/notify.md), and those of which something is\n" +
			"waiting still. --test sends a test alert to one of them, past the outbox.\n\n" +
			"Exit codes: 0; 2 there is none; 5 the test did not get through; 9 busy; 64 there is no such sink.\n\n" +
			"Example:\n   recourse alerts sinks --test pager",
		Flags: []cli.Flag{&cli.StringFlag{Name: "test", Usage: "send a test alert to sink `NAME`"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if name := c.String("test"); name != "" {
				return runAlertsSinksTest(c, e, name)
			}
			return listed(c, e, "the configuration has no sinks: nobody is told of alerts (docs/notify.md)", func(w *workspace) (report.Listing, error) {
				states, err := w.store.SinkStates(c.Context)
				return w.sinkListing(states), err
			})
		},
	}
}

func runAlertsSinksTest(c *cli.Context, e *env, name string) (err error) {
	if _, err := printer(c, e); err != nil { // it prints nothing, and takes no wrong -o all the same
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	return w.testSink(c.Context, e, name)
}

func (w *workspace) sinkListing(states []audit.SinkState) report.Listing {
	list := report.Listing{Name: "sinks", Columns: []string{"sink", "type", "min_severity", "rules", "states", "redact", "waiting", "repeats", "dead", "oldest"}}
	row := func(name string, settings ...any) {
		i := slices.IndexFunc(states, func(s audit.SinkState) bool { return s.Sink == name })
		s := audit.SinkState{}
		if i >= 0 {
			s = states[i]
		}
		var oldest any = s.Oldest
		if s.Oldest == 0 {
			oldest = ""
		}
		list.Rows = append(list.Rows, append(append([]any{name}, settings...), s.Waiting, s.Repeats, s.Dead, oldest))
	}
	for i := range w.cfg.Sinks {
		s := &w.cfg.Sinks[i]
		redact := s.Redact
		if redact == "" {
			redact = notify.NamesOnly
		}
		row(s.Name, s.Type, s.MinSeverity, append([]string{}, s.Rules...), s.Route().States, string(redact))
	}
	for _, st := range states {
		if w.sinkNamed(st.Sink) == nil {
			row(st.Sink, "not configured", "", []string{}, false, "")
		}
	}
	return list
}

func (w *workspace) sinkNamed(name string) *sinkConfig {
	for i := range w.cfg.Sinks {
		if w.cfg.Sinks[i].Name == name {
			return &w.cfg.Sinks[i]
		}
	}
	return nil
}

func (w *workspace) testSink(ctx context.Context, e *env, name string) error {
	c := w.sinkNamed(name)
	if c == nil {
		return usagef("--test %q: the configuration has no such sink", name)
	}
	s, err := w.sink(ctx, e, c.Config)
	if err != nil {
		return err
	}
	limit := c.Timeout
	if limit == 0 {
		limit = notify.DefaultTimeout
	}
	ctx, done := context.WithTimeout(ctx, limit)
	defer done()
	now := e.now()
	result, err := s.Send(ctx, notify.TestDelivery(name, now, now.UnixNano()))
	if err != nil {
		return &exitError{code: exitPartly, err: fmt.Errorf("tell %s of a test alert: %w", name, err), hint: "docs/notify.md says what a sink needs"}
	}
	if result.Trouble != "" {
		fmt.Fprintf(e.stderr, "%s\n", printable(result.Trouble))
	}
	fmt.Fprintf(e.stderr, "%s took a test alert in %s\n", name, e.now().Sub(now).Round(time.Millisecond))
	return nil
}
