package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

func blameCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "blame",
		Usage:     "print which change each attribute of a record comes from",
		ArgsUsage: "DATABASE.TABLE/ID [ATTRIBUTE]",
		Description: "For each attribute, those within objects too, the change that gave it its value, and who made\n" +
			"it. A write that left an attribute as it was does not count; with --strict a write of the whole\n" +
			"record does. A delete takes all away. Changes that were found late stand where they belong. What\n" +
			"was so before the first change that is stored, or was first seen where an image was missing, is\n" +
			"unknown.\n\n" +
			"With an ATTRIBUTE, which is a name, names joined by dots, or a JSON Pointer, all values that it\n" +
			"ever had are told too.\n\n" +
			"Exit codes: 0 found; 2 nothing of the record is stored, or it never had the ATTRIBUTE, and the log\n" +
			"was read whole; 9 busy; 11 unknown: the same, and the log is not known to be whole, or what the last\n" +
			"change left is not known; with --require-coverage, too, if the log is not known to be whole since\n" +
			"the first change.\n\n" +
			"Example:\n   recourse blame shop.customers/c-17\n   recourse blame shop.customers/c-17 address.city",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "a write of the whole record counts for all its attributes"},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 2); err != nil {
				return err
			}
			key, err := audit.ParseKey(c.Args().First())
			if err != nil {
				return usagef("%v", err)
			}
			o := query.BlameOptions{Attr: c.Args().Get(1), Strict: c.Bool("strict")}
			return withVerb(c, e, false, func(v *verb) error { return v.blame(key, o) })
		},
	}
}

func (v *verb) blame(key audit.Key, o query.BlameOptions) error {
	b, err := v.Blame(v.c.Context, key, o)
	nothing := b != nil && (!b.Found() || o.Attr != "" && len(b.Attributes)+len(b.History) == 0)
	code := exitOK
	if nothing {
		code = exitNothing
	}
	err = v.answer(err, b != nil, func() error { return v.p.Blame(b) }, b != nil && b.Summary.Coverage.Complete, code)
	if b == nil || b.Summary.Partial || isUnknown(err) {
		return err
	}
	if !b.Known() || nothing && !b.Summary.Coverage.Complete {
		return unknownAnswer(strings.TrimSpace("blame " + key.String() + " " + o.Attr))
	}
	if nothing && b.Found() {
		fmt.Fprintf(v.e.stderr, "%s never had %s\n", printable(key.String()), printable(o.Attr))
	}
	return err
}
