package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func alertsResolveCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "resolve", Usage: "close alerts with a verdict", ArgsUsage: "ID…",
		Description: "The verdicts are true (what the rule looks for, and harmful), benign (what it looks for, and meant\n" +
			"to be), false (not what it looks for) and duplicate. What a rule's verdicts say of its precision,\n" +
			"rules list shows. An alert that grows much after it was closed is opened again, but for a duplicate.\n\n" +
			actCodes + "Example:\n   recourse alerts resolve 3f9a --verdict benign --note 'month end'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "verdict", Usage: "what it turned out to be: true, benign, false"},
			&cli.StringFlag{Name: "duplicate-of", Usage: "it is a duplicate of alert `ID`"},
			byFlag(), noteFlag(),
		},
		Action: func(c *cli.Context) error {
			return actOnAlerts(c, e, func(w *workspace) (audit.AlertEvent, error) { return resolution(c, w) })
		},
	}
}

// resolution is what the flags of resolve say.
func resolution(c *cli.Context, w *workspace) (audit.AlertEvent, error) {
	e := audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.Verdict(c.String("verdict")), Note: c.String("note")}
	of := c.String("duplicate-of")
	switch {
	case of != "" && e.Verdict != "" && e.Verdict != audit.VerdictDuplicate:
		return e, usagef("--verdict %s and --duplicate-of: an alert is one or the other", e.Verdict)
	case of != "":
		a, err := w.alert(c, of)
		e.Verdict, e.DuplicateOf = audit.VerdictDuplicate, a.ID
		return e, err
	case e.Verdict == audit.VerdictDuplicate:
		return e, usagef("of which alert it is a duplicate is not said: give --duplicate-of ID")
	case !slices.Contains(audit.Verdicts, e.Verdict):
		return e, usagef("--verdict %q: want true, benign or false, or --duplicate-of ID", e.Verdict)
	}
	return e, nil
}
