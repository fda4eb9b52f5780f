package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"recourse/query"
)

func compareCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "print by what two sets of changes differ, or one from what is usual",
		ArgsUsage: "QUERY [QUERY]",
		Description: "Two queries: for each value of user, op, table, node, attr and rule, how often the first set has\n" +
			"it, how often it would if it were like the second (lift is the one by the other), and how many\n" +
			"standard deviations lie between. Put each query in quotes.\n\n" +
			"One query with --vs D: the same against the mean of the same hours in the days before, as far back\n" +
			"as D. The query must say from when on. Earlier times of which the log was not read whole are left\n" +
			"out; if none is left, what is usual is unknown.\n\n" +
			"Exit codes: 0 there are changes to compare; 2 there are none; 9 busy; 11 nothing usual is known;\n" +
			"with --require-coverage, too, if the log is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse compare 'user:eve @-24h' 'user:alice @-24h'\n" +
			"   recourse compare 'table:shop.* @-2h' --vs 14d",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "vs", Usage: "compare with the same hours as far back as `D`, such as 14d"},
			&cli.StringSliceFlag{Name: "by", Usage: "compare by `FIELD`; may be repeated"},
			&cli.IntFlag{Name: "top", Usage: "print at most so many values of each, those that differ most; 0 is all", Value: 10},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error { return runCompare(c, e) },
	}
}

func runCompare(c *cli.Context, e *env) error {
	o := query.CompareOptions{Top: c.Int("top")}
	if o.Top < 0 {
		return usagef("--top %d: want 0 or more", o.Top)
	}
	for _, name := range c.StringSlice("by") {
		f, err := facetNamed(name)
		if err != nil {
			return err
		}
		o.By = append(o.By, f)
	}
	usual := c.String("vs") != ""
	want := 2
	if usual {
		want = 1
	}
	if err := wantArgs(c, want, want); err != nil {
		return err
	}
	var exprs [2]query.Expr
	for i := range want {
		var err error
		if exprs[i], err = parseQuery(e, c.Args().Get(i)); err != nil {
			return err
		}
	}
	return withVerb(c, e, true, func(v *verb) error {
		if usual {
			return v.compareUsual(exprs[0], o)
		}
		r, err := v.Compare(c.Context, exprs[0], exprs[1], o)
		if err != nil {
			return err
		}
		complete := r.Summary.Coverage.Complete && r.Summary.CoverageB.Complete
		return v.answer(nil, true, func() error { return v.p.Compared(r) }, complete, foundAny(r.Summary.A+r.Summary.B))
	})
}

func (v *verb) compareUsual(expr query.Expr, o query.CompareOptions) error {
	back, err := durationFlag(v.c, "vs")
	if err != nil {
		return err
	}
	r, err := v.CompareUsual(v.c.Context, expr, back, o)
	if errors.Is(err, query.ErrUsual) {
		return &exitError{code: exitUsage, err: err}
	}
	if err != nil {
		return err
	}
	err = v.answer(nil, true, func() error { return v.p.Compared(r) }, r.Summary.Coverage.Complete, foundAny(r.Summary.A+r.Summary.B))
	if r.Summary.Windows == 0 && !isUnknown(err) {
		return unknownAnswer("what is usual there")
	}
	return err
}
