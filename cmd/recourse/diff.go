package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

func diffCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "print what became of a record, or of a table's records, between two times",
		ArgsUsage: "DATABASE.TABLE[/ID] TIME TIME",
		Description: "Each side is as asof has it. Of a table, the records that were added, removed or changed are\n" +
			"printed by key, and those that were changed between and of which one side is not known; those that\n" +
			"were changed and are as they were are counted.\n\n" +
			"Exit codes: 0 something differs; 2 nothing does; 9 busy; 11 unknown: nothing is known to differ,\n" +
			"and something may; with --require-coverage, too, if the log is not known to be whole.\n\n" +
			"Example:\n   recourse diff shop.customers/c-17 2026-11-23T20:00Z 2026-11-23T21:00Z\n" +
			"   recourse diff shop.customers -- -2h now",
		Flags: []cli.Flag{noImagesFlag(), requireCoverage()},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 3, 3); err != nil {
				return err
			}
			key, isKey, err := keyOrTable(c.Args().First())
			if err != nil {
				return err
			}
			var times [2]audit.Time
			for i := range times {
				if times[i], err = timeArg(e, c.Args().Get(1+i)); err != nil {
					return err
				}
			}
			if times[0] >= times[1] {
				return usagef("%s is not before %s", c.Args().Get(1), c.Args().Get(2))
			}
			return withVerb(c, e, false, func(v *verb) error {
				if isKey {
					return v.diff(key, times[0], times[1])
				}
				return v.diffTable(key.Table, times[0], times[1])
			})
		},
	}
}

func (v *verb) diff(key audit.Key, from, to audit.Time) error {
	d, err := v.Diff(v.c.Context, key, from, to)
	if err != nil {
		return err
	}
	return v.differs(nil, d, func() error { return v.p.Diff(d) }, key.String(), d.Summary.Unknown > 0)
}

func (v *verb) diffTable(table audit.Table, from, to audit.Time) error {
	s := v.p.TableDiff()
	d, err := v.DiffTable(v.c.Context, table, from, to, func(r *query.RecordDiff) error { return s.Record(r) })
	if d == nil {
		return err
	}
	maybe := d.Summary.Unknown > 0 || !d.Summary.Coverage.Complete // of what was not read, records are not even counted
	return v.differs(err, d, func() error { return s.End(d, table) }, table.String(), maybe)
}

// differs ends a diff with the code that it deserves. maybe says that more may differ.
func (v *verb) differs(err error, d *query.Diff, print func() error, what string, maybe bool) error {
	code := exitOK
	if !d.Summary.Differs() {
		code = exitNothing
	}
	err = v.answer(err, true, print, d.Summary.Coverage.Complete, code)
	if code == exitNothing && maybe && !d.Summary.Partial && !isUnknown(err) {
		return unknownAnswer("diff of " + what)
	}
	return err
}
