package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"recourse/query"
)

func pickaxeCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "pickaxe",
		Usage:     "print when and where a value appeared and vanished",
		ArgsUsage: "VALUE",
		Description: "Of each record and attribute, the change with which the value appeared and the one that took it\n" +
			"away; or that it is there, or was lost from sight where an image is not known. By itself, the words\n" +
			"of VALUE must stand side by side in a value, in any case; with --exact a value must be VALUE, which\n" +
			"is JSON for null, booleans and numbers, and else text; with --regex its text must match an RE2\n" +
			"expression. Elements of arrays count. The index finds the records; an expression, and what has no\n" +
			"word in it, are looked for by reading everything.\n\n" +
			"--query narrows to records with a change that it finds and that carries the value.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse pickaxe eve@evil.example\n" +
			"   recourse pickaxe --exact BE0271000000 --query 'table:bank.*' -o json",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "exact", Usage: "the whole value must be VALUE"},
			&cli.BoolFlag{Name: "regex", Usage: "the value must match the expression VALUE"},
			&cli.StringFlag{Name: "query", Usage: "only records of which `QUERY` finds a change that carries the value"},
			limitFlag("sightings in a table", 100), requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			o, err := pickaxeOptions(c, e)
			if err != nil {
				return err
			}
			limit, err := limitOf(c)
			if err != nil {
				return err
			}
			return withVerb(c, e, true, func(v *verb) error { return v.pickaxe(c.Args().First(), o, limit) })
		},
	}
}

func pickaxeOptions(c *cli.Context, e *env) (o query.PickaxeOptions, err error) {
	switch {
	case c.Bool("exact") && c.Bool("regex"):
		return o, usagef("--exact and --regex: take one of them")
	case c.Bool("exact"):
		o.Mode = query.PickaxeExact
	case c.Bool("regex"):
		o.Mode = query.PickaxeRegex
	}
	if text := c.String("query"); text != "" {
		o.Within, err = parseQuery(e, text)
	}
	return o, err
}

func (v *verb) pickaxe(value string, o query.PickaxeOptions, limit int) error {
	x, err := v.Pickaxe(v.c.Context, value, o)
	if errors.Is(err, query.ErrNeedle) {
		return &exitError{code: exitUsage, err: err}
	}
	if x == nil {
		return err
	}
	return v.answer(err, true, func() error { return v.p.Pickaxe(x, limit) }, x.Summary.Coverage.Complete, foundAny(x.Summary.Sightings+x.Summary.Messages))
}
