package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
)

func alertsListCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "print all alerts, newest first",
		Description: "Alerts that nobody is told of (their rule is experimental, they are silenced, inhibited by\n" +
			"another one, repeat it or are part of it) are among them, marked so.\n\n" +
			"Exit codes: 0 there are alerts; 2 there is none; 9 busy.\n\n" +
			"Example:\n   recourse alerts list --severity high --state open --since -24h -o ndjson",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "severity", Usage: "only of this severity or above: info, low, medium, high, critical"},
			&cli.StringFlag{Name: "rule", Usage: "only of this rule, or of those that the pattern with * and ? matches"},
			&cli.StringSliceFlag{Name: "state", Usage: "only in this state: open, acknowledged, in-progress, closed; may be repeated"},
			&cli.StringFlag{Name: "since", Usage: "only with a change at or after `TIME`"},
			&cli.StringFlag{Name: "assignee", Usage: "only of this assignee; \"\" are those of nobody"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runAlertsList(c, e)
		},
	}
}

// alertFilter is which alerts the flags of list let pass.
func alertFilter(c *cli.Context, e *env) (func(*audit.Alert) bool, error) {
	least := 0
	if s := c.String("severity"); s != "" {
		if least = audit.SeverityRank(s); least < 0 {
			return nil, usagef("--severity %q: want one of %s", s, strings.Join(audit.Severities, ", "))
		}
	}
	var since audit.Time
	if s := c.String("since"); s != "" {
		var err error
		if since, err = query.ParseTime(s, e.now()); err != nil {
			return nil, usagef("--since: %v", err)
		}
	}
	states := c.StringSlice("state")
	for _, s := range states {
		if !slices.Contains(audit.AlertStates, audit.AlertState(s)) {
			return nil, usagef("--state %q: want open, acknowledged, in-progress or closed", s)
		}
	}
	rule := c.String("rule")
	return func(a *audit.Alert) bool {
		return (least == 0 || audit.SeverityRank(a.Severity) >= least) && (rule == "" || audit.Glob(rule, a.Rule)) &&
			(len(states) == 0 || slices.Contains(states, string(a.State))) && (!c.IsSet("since") || a.LastTime >= since) &&
			(!c.IsSet("assignee") || a.Assignee == c.String("assignee"))
	}, nil
}

func runAlertsList(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	wanted, err := alertFilter(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	list := w.store.Alerts
	if f := p.Format(); f == report.Table || f == report.CSV || f == report.Markdown {
		list = w.store.AlertHeads // they show no changes
	}
	alerts, err := list(c.Context)
	if err != nil {
		return err
	}
	alerts = slices.DeleteFunc(alerts, func(a audit.Alert) bool { return !wanted(&a) })
	slices.SortStableFunc(alerts, func(a, b audit.Alert) int { return cmp.Compare(b.LastTime, a.LastTime) })
	if err := p.Alerts(alerts); err != nil {
		return err
	}
	if len(alerts) == 0 {
		return exit(exitNothing)
	}
	return nil
}
