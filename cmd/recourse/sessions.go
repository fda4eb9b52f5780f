package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

func sessionsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "sessions",
		Usage:     "put changes together where they follow one another without a long pause",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. Changes of one user on one node are a session until a pause\n" +
			"of --gap; --by says otherwise what they must have in common.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse sessions 'user:eve @-7d' --gap 10m",
		Flags: []cli.Flag{
			gapFlag(),
			&cli.StringFlag{Name: "by", Usage: "what a session's changes have in common: some of `user,node,table`", Value: "user,node"},
			whereFlag(), requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			expr, err := askedFor(c, e)
			if err != nil {
				return err
			}
			var o query.SessionOptions
			if o.Gap, err = durationFlag(c, "gap"); err != nil {
				return err
			}
			for name := range strings.SplitSeq(c.String("by"), ",") {
				f, err := facetNamed(strings.TrimSpace(name))
				if err != nil || f != audit.FacetUser && f != audit.FacetNode && f != audit.FacetTable {
					return usagef("--by %q: want some of user, node, table", c.String("by"))
				}
				o.By = append(o.By, f)
			}
			return withVerb(c, e, true, func(v *verb) error {
				s, err := v.Sessions(c.Context, expr, o)
				if s == nil {
					return err
				}
				return v.answer(err, true, func() error { return v.p.Sessions(s) }, s.Summary.Coverage.Complete, foundAny(s.Summary.Changes))
			})
		},
	}
}

func gapFlag() cli.Flag {
	return &cli.StringFlag{Name: "gap", Usage: "a pause so long ends a session, such as 90s, 15m or 1h", Value: "15m"}
}
