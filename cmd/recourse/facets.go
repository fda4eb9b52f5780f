package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func facetsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "facets",
		Usage:     "count changes by who, what and where",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. All changes that match are counted, exactly, by each field\n" +
			"that --by names: user, op, table, node; attr, the attributes that they edited; mark (late, lossy,\n" +
			"synthetic); rule, the rules that have them as evidence. Of attr, mark and rule a change may have\n" +
			"several values, or none. Without --by it is user, op, table and attr.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage; 130 interrupted: what was\n" +
			"counted until then is printed.\n\n" +
			"Example:\n   recourse facets 'op:delete @-24h' --by user --by table --top 5",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "by", Usage: "count by `FIELD`; may be repeated"},
			&cli.IntFlag{Name: "top", Usage: "print at most so many values of each; 0 is all", Value: 10},
			whereFlag(), explainFlag(), requireCoverage(),
		},
		BashComplete: completeQuery,
		Action:       func(c *cli.Context) error { return runFacets(c, e) },
	}
}

// facetNamed is the facet of that name.
func facetNamed(name string) (audit.Facet, error) {
	var names []string
	for _, f := range audit.Facets() {
		if f.String() == strings.ToLower(name) {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, usagef("--by %q: want one of %s", name, strings.Join(names, ", "))
}

func runFacets(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	expr, err := askedFor(c, e)
	if err != nil {
		return err
	}
	if c.Int("top") < 0 {
		return usagef("--top %d: want 0 or more", c.Int("top"))
	}
	var by []audit.Facet
	for _, name := range c.StringSlice("by") {
		f, err := facetNamed(name)
		if err != nil {
			return err
		}
		if !slices.Contains(by, f) {
			by = append(by, f)
		}
	}
	if by == nil {
		by = []audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable, audit.FacetAttribute}
	}
	w, err := openToAsk(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	f, err := engine.Facets(c.Context, expr, by, c.Int("top"))
	if f == nil {
		return err
	}
	if failed := explained(c, e, p, f.Explanation, func() error { return p.Facets(f) }); failed != nil || err != nil {
		return cmp.Or(failed, err)
	}
	return covered(c, f.Complete, foundAny(f.Total))
}
