package main

import (
	"github.com/urfave/cli/v2"

	"recourse/query"
)

func actorCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "actor",
		Usage:     "print what is known of a user",
		ArgsUsage: "USER",
		Description: "When the user was first and last seen, at which hours of which weekdays, in which tables and by\n" +
			"which operations, each with its first time; the sessions, the alerts that rest on the user's changes,\n" +
			"the records that were changed most, and who else has changed these. An empty USER stands for the\n" +
			"changes for which the log names nobody.\n\n" +
			"Exit codes: 0 found; 2 no change of the user is stored; 9 busy; 11 with --require-coverage: the log\n" +
			"is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse actor eve\n   recourse actor eve --query '@2026-11-23 table:shop.*' -o json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "query", Usage: "only changes that `QUERY` finds"},
			gapFlag(), limitFlag("sessions in a table", 20),
			&cli.IntFlag{Name: "top", Usage: "name at most so many records and other users", Value: 20},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			o := query.ActorOptions{Top: c.Int("top")}
			if o.Top < 1 {
				return usagef("--top %d: want 1 or more", o.Top)
			}
			var err error
			if o.Gap, err = durationFlag(c, "gap"); err != nil {
				return err
			}
			limit, err := limitOf(c)
			if err != nil {
				return err
			}
			if text := c.String("query"); text != "" {
				if o.Within, err = parseQuery(e, text); err != nil {
					return err
				}
			}
			return withVerb(c, e, true, func(v *verb) error {
				a, err := v.Actor(c.Context, c.Args().First(), o)
				if a == nil {
					return err
				}
				return v.answer(err, true, func() error { return v.p.Actor(a, limit) }, a.Summary.Coverage.Complete, foundAny(a.Summary.Changes))
			})
		},
	}
}
