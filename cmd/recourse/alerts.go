package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/store"
)

func alertsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "alerts",
		Usage: "what the rules found, and what became of it",
		Description: "import and watch raise alerts. What an alert rests on can be taken back with\n" +
			"revert select --alert ID. Alerts of the rules log-… are about the log itself: that it was\n" +
			"deleted, switched off, or written past; only watch raises them. An alert is open, then\n" +
			"acknowledged, in progress, and closed with a verdict; each step is kept in its history.\n" +
			"watch tells the sinks of the configuration (docs/notify.md).\n\n" +
			"Example:\n   recourse alerts list -o md",
		Subcommands: []*cli.Command{
			alertsListCommand(e), alertsShowCommand(e),
			alertsAckCommand(e), alertsStartCommand(e), alertsAssignCommand(e), alertsNoteCommand(e), alertsResolveCommand(e), alertsReopenCommand(e),
			alertsSilenceCommand(e), alertsSilencesCommand(e), alertsSinksCommand(e), alertsDeadCommand(e), alertsRedeliverCommand(e), alertsDropCommand(e),
		},
	}
}

// byFlag is that of all commands with which people act on alerts.
func byFlag() cli.Flag {
	return &cli.StringFlag{Name: "by", Usage: "who does it: `NAME`; without it \"by\" of the configuration, or the user of the operating system"}
}

func noteFlag() cli.Flag {
	return &cli.StringFlag{Name: "note", Usage: "say why, in the alert's history: `TEXT`"}
}

// actor is who acts on alerts.
func (w *workspace) actor(c *cli.Context, e *env) (string, error) {
	if by := cmp.Or(c.String("by"), w.cfg.By, e.get("USER")); by != "" {
		return by, nil
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username, nil
	}
	return "", usagef("who does it is not known: give --by NAME, or \"by\" in the configuration")
}

const actCodes = "The beginning of an id is enough where only one alert has it. The sinks that are told of states are\n" +
	"told at once, or else by watch.\n\n" +
	"Exit codes: 0 done; 2 there is no such alert; 8 it is not in a state for that; 9 busy; 64 usage.\n\n"

// actOnAlerts does the same with each alert that the arguments name, all of them
// found before the first is changed.
func actOnAlerts(c *cli.Context, e *env, event func(*workspace) (audit.AlertEvent, error)) (err error) {
	if err := wantArgs(c, 1, -1); err != nil {
		return err
	}
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	act, err := event(w)
	if err == nil {
		act.By, err = w.actor(c, e)
	}
	if err != nil {
		return err
	}
	ids, err := w.alertIDs(c, c.Args().Slice())
	if err != nil {
		return err
	}
	if err := w.deliver(c.Context); err != nil {
		return err
	}
	changed, err := w.act(c.Context, ids, act)
	if len(changed) == 0 {
		return err
	}
	// What was done before an alert that refuses is done, and is said.
	return errors.Join(err, w.flush(c.Context, e, flushActs), p.List(actedOn(changed)))
}

func (w *workspace) alertIDs(c *cli.Context, args []string) ([]string, error) {
	var ids []string
	for _, arg := range args {
		a, err := w.alert(c, arg)
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	return ids, nil
}

// act does the same with alerts, up to the first that refuses, and returns those that
// it did it with.
func (w *workspace) act(ctx context.Context, ids []string, e audit.AlertEvent) (changed []audit.Alert, err error) {
	for _, id := range ids {
		a, err := w.store.Act(ctx, id, e)
		if state, ok := errors.AsType[*audit.AlertStateError](err); ok {
			return changed, &exitError{code: exitPreflight, err: err, hint: state.Hint()}
		}
		if _, refused := errors.AsType[*audit.ActError](err); refused {
			return changed, &exitError{code: exitUsage, err: err, hint: actHint(e)}
		}
		if err != nil {
			return changed, err
		}
		changed = append(changed, a)
	}
	return changed, nil
}

// actHint says what helps with what cannot be done with an alert in any state.
func actHint(e audit.AlertEvent) string {
	if e.DuplicateOf != "" {
		return "--duplicate-of names another alert, the one that stays open; recourse alerts show ID says what that is a duplicate of"
	}
	return usageHint
}

// actedOn is how alerts stand after somebody acted on them.
func actedOn(alerts []audit.Alert) report.Listing {
	list := report.Listing{Name: "alerts", Columns: []string{"id", "severity", "state", "verdict", "assignee", "title"}}
	for _, a := range alerts {
		list.Rows = append(list.Rows, []any{a.ID, a.Severity, string(a.State), string(a.Verdict), a.Assignee, a.Title})
	}
	return list
}

// alert finds an alert by its id or by how that begins.
func (w *workspace) alert(c *cli.Context, id string) (audit.Alert, error) {
	a, err := w.store.Alert(c.Context, id)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	alerts, err := w.store.AlertHeads(c.Context)
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
		return w.store.Alert(c.Context, found[0].ID)
	case 0:
		return a, &exitError{code: exitNothing, err: fmt.Errorf("find alert %q: there is none", id), hint: "recourse alerts list prints the ids"}
	}
	return a, &exitError{code: exitUsage, err: fmt.Errorf("find alert %q: %d alerts begin so", id, len(found)), hint: "give more of the id"}
}
