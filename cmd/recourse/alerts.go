package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/store"
)

func alertsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "alerts",
		Usage: "what the rules found",
		Description: "import and watch raise alerts. What an alert rests on can be taken back with\n" +
			"revert select --alert ID. Alerts of the rules log-… are about the log itself: that it was\n" +
			"deleted, switched off, or written past; only watch raises them.\n\n" +
			"Example:\n   recourse alerts list -o md",
		Subcommands: []*cli.Command{
			{
				Name:  "list",
				Usage: "print all alerts, newest first",
				Description: "Exit codes: 0 there are alerts; 2 there is none; 9 busy.\n\n" +
					"Example:\n   recourse alerts list --severity high -o ndjson",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "severity", Usage: "only of this severity or above: info, low, medium, high, critical"},
					&cli.StringFlag{Name: "rule", Usage: "only of this rule"},
				},
				Action: func(c *cli.Context) error {
					if err := noArgs(c); err != nil {
						return err
					}
					return runAlertsList(c, e)
				},
			},
			{
				Name:      "show",
				Usage:     "print one alert with the changes it rests on",
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
			},
		},
	}
}

var severities = []string{"info", "low", "medium", "high", "critical"}

func runAlertsList(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	least := 0
	if s := c.String("severity"); s != "" {
		if least = slices.Index(severities, s); least < 0 {
			return usagef("--severity %q: want one of %s", s, strings.Join(severities, ", "))
		}
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	alerts, err := w.store.Alerts(c.Context)
	if err != nil {
		return err
	}
	alerts = slices.DeleteFunc(alerts, func(a audit.Alert) bool {
		return slices.Index(severities, a.Severity) < least || c.String("rule") != "" && a.Rule != c.String("rule")
	})
	slices.SortStableFunc(alerts, func(a, b audit.Alert) int { return cmp.Compare(b.LastTime, a.LastTime) })
	if err := p.Alerts(alerts); err != nil {
		return err
	}
	if len(alerts) == 0 {
		return exit(exitNothing)
	}
	return nil
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
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return err
	}
	cov := alertCoverage(reading, a)
	if err := p.Alert(a, cov); err != nil {
		return err
	}
	return covered(c, cov != nil && cov.Complete, exitOK)
}

// alert finds an alert by its id or by how that begins.
func (w *workspace) alert(c *cli.Context, id string) (audit.Alert, error) {
	a, err := w.store.Alert(c.Context, id)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	alerts, err := w.store.Alerts(c.Context)
	if err != nil {
		return a, err
	}
	var found []audit.Alert
	for _, a := range alerts {
		if id != "" && strings.HasPrefix(a.ID, id) {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return a, &exitError{code: exitNothing, err: fmt.Errorf("find alert %q: there is none", id), hint: "recourse alerts list prints the ids"}
	}
	return a, &exitError{code: exitUsage, err: fmt.Errorf("find alert %q: %d alerts begin so", id, len(found)), hint: "give more of the id"}
}
