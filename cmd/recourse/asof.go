package main

import (
	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

func asofCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "asof",
		Usage:     "print a record, or all records of a table, as of a time",
		ArgsUsage: "DATABASE.TABLE[/ID] TIME",
		Description: "As the record was once all changes up to TIME, and at it, had happened. What the log does not\n" +
			"tell is unknown, and never guessed: where no change up to then is stored and no baseline knows the\n" +
			"record, it is as the next change found it, if the log was read whole between.\n\n" +
			"Of a table, the records come as they are found, in no order of their keys, in memory that does\n" +
			"not grow with the table; those that were not there are counted, those that are unknown are\n" +
			"printed as unknown.\n\n" +
			"Exit codes: 0 it was there; 2 it was not (of a table: none was); 9 busy; 11 unknown (of a table:\n" +
			"none is known to have been there, and some may have been); with --require-coverage, too, if the\n" +
			"log is not known to be whole.\n\n" +
			"Example:\n   recourse asof shop.customers/c-17 2026-11-23T20:30:00Z\n" +
			"   recourse asof shop.customers 2026-11-23 -o csv",
		Flags: []cli.Flag{noImagesFlag(), requireCoverage()},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 2, 2); err != nil {
				return err
			}
			key, isKey, err := keyOrTable(c.Args().First())
			if err != nil {
				return err
			}
			at, err := timeArg(e, c.Args().Get(1))
			if err != nil {
				return err
			}
			return withVerb(c, e, false, func(v *verb) error {
				if isKey {
					return v.asOf(key, at)
				}
				return v.asOfTable(key.Table, at)
			})
		},
	}
}

func (v *verb) asOf(key audit.Key, at audit.Time) error {
	a, err := v.AsOf(v.c.Context, key, at)
	if err != nil {
		return err
	}
	state := a.State()
	err = v.answer(nil, true, func() error { return v.p.AsOf(a) }, a.Summary.Coverage.Complete, codeOfState(state))
	if state == audit.Unknown && !isUnknown(err) {
		return unknownAnswer(key.String())
	}
	return err
}

// codeOfState is the code of a record that was there, or was not.
func codeOfState(s audit.State) int {
	if s == audit.Absent {
		return exitNothing
	}
	return exitOK
}

func (v *verb) asOfTable(table audit.Table, at audit.Time) error {
	s := v.p.TableAsOf(table.Database, table.Name)
	t, err := v.AsOfTable(v.c.Context, table, at, func(r *query.RecordAsOf) error { return s.Record(r) })
	if t == nil {
		return err
	}
	code := exitOK
	if t.Summary.Present == 0 {
		code = exitNothing
	}
	err = v.answer(err, true, func() error { return s.End(t) }, t.Summary.Coverage.Complete, code)
	maybe := t.Summary.Unknown > 0 || !t.Summary.Coverage.Complete // of what was not read, records are not even counted
	if t.Summary.Present == 0 && maybe && !t.Summary.Partial && !isUnknown(err) {
		return unknownAnswer(table.String())
	}
	return err
}
