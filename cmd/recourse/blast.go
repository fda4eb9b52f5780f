package main

import "github.com/urfave/cli/v2"

func blastCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "blast",
		Usage:     "print how the records stand now that some changes have touched",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. Each record that the changes have touched is one of\n\n" +
			"   still-bad    something is as one of them left it, and not as it was before them\n" +
			"   unknown      nothing is known to be, and something may be\n" +
			"   deleted      somebody else has deleted the record since\n" +
			"   overwritten  others have written since what they had written, be it the same value again\n" +
			"   reverted     all is as it was before them, or the ledger says that we have taken them back\n\n" +
			"with who else has written it since, and over what they had written or not.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole since the time of the query; 64 usage.\n\n" +
			"Example:\n   recourse blast 'user:eve @2026-11-23'",
		Flags: []cli.Flag{limitFlag("records in a table", 100), whereFlag(), requireCoverage()},
		Action: func(c *cli.Context) error {
			expr, err := askedFor(c, e)
			if err != nil {
				return err
			}
			limit, err := limitOf(c)
			if err != nil {
				return err
			}
			return withVerb(c, e, true, func(v *verb) error {
				b, err := v.Blast(c.Context, expr)
				if b == nil {
					return err
				}
				return v.answer(err, true, func() error { return v.p.Blast(b, limit) }, b.Summary.Coverage.Complete, foundAny(b.Summary.Records))
			})
		},
	}
}
