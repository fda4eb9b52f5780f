package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/query"
)

func histCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "hist",
		Usage:     "count changes over time",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. All changes that match are counted, exactly, in stretches of\n" +
			"time that begin at multiples of --step since 1970, in UTC; those without a change are shown too.\n" +
			"With --by, a stretch is parted by a field: the --top largest values, and all others as one. A\n" +
			"change with several values, of attr, mark and rule, counts for each.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage; 130 interrupted: what was\n" +
			"counted until then is printed.\n\n" +
			"Example:\n   recourse hist 'op:delete table:shop.* @-24h' --step 15m --by user",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "step", Usage: "how long a stretch is, such as 90s, 15m, 1h or 7d; auto makes a few dozen", Value: "auto"},
			&cli.StringFlag{Name: "by", Usage: "part each by `FIELD`: user, op, table, node, attr, mark or rule"},
			&cli.IntFlag{Name: "top", Usage: "name at most so many values", Value: 10},
			whereFlag(), explainFlag(), requireCoverage(),
		},
		BashComplete: completeQuery,
		Action:       func(c *cli.Context) error { return runHist(c, e) },
	}
}

func runHist(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	expr, err := askedFor(c, e)
	if err != nil {
		return err
	}
	o := query.HistogramOptions{Top: c.Int("top")}
	if o.Top < 1 {
		return usagef("--top %d: want 1 or more", o.Top)
	}
	if o.Step, err = histStep(c.String("step")); err != nil {
		return err
	}
	if by := c.String("by"); by != "" {
		if o.By, err = facetNamed(by); err != nil {
			return err
		}
	}
	w, err := openToAsk(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	h, err := engine.Histogram(c.Context, expr, o)
	if errors.Is(err, query.ErrBuckets) {
		return &exitError{code: exitUsage, err: err}
	}
	if h == nil {
		return err
	}
	if failed := explained(c, e, p, h.Explanation, func() error { return p.Histogram(h, c.String("by")) }); failed != nil || err != nil {
		return cmp.Or(failed, err)
	}
	return covered(c, h.Complete, foundAny(h.Total))
}

// histStep reads a step; auto is 0.
func histStep(s string) (time.Duration, error) {
	if s == "auto" {
		return 0, nil
	}
	d, err := parseDuration(s)
	if err != nil || d < time.Millisecond || d%time.Millisecond != 0 {
		return 0, usagef("--step %q: want auto, or a time such as 90s, 15m, 1h or 7d", s)
	}
	return d, nil
}
