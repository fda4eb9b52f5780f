package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/query"
)

func searchCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "search",
		Aliases:   []string{"q"},
		Usage:     "find changes, newest first",
		ArgsUsage: "QUERY",
		Description: "Terms that stand together must all hold; or, not (-) and parentheses do what they say.\n\n" +
			"   word \"a phrase\" pay*      values that a change wrote or removed; carries:word anywhere in the record\n" +
			"   user:eve op:delete table:shop.customers id:318 attr:email key:shop.customers/c-17\n" +
			"   before.status:pending after.total>100 before:unknown set:vip\n" +
			"   @-2h  @2026-11-23  @2026-11-23T20:00..21:00  txn:1795465916125.6418\n" +
			"   *                         everything\n\n" +
			"Flags go before a query that begins with a minus sign, after --.\n\n" +
			"The answer says what of the log was read where the query looks: that nothing was found is\n" +
			"not that there is nothing.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse search 'user:eve table:shop.* @-24h -op:insert' --limit 20",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "limit", Usage: "print at most so many; 0 is all", Value: 50},
			&cli.StringFlag{Name: "after", Usage: "go on from a page's `CURSOR`"},
			&cli.BoolFlag{Name: "no-images", Usage: "leave the records' images out"},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, -1); err != nil {
				return err
			}
			return runSearch(c, e, strings.Join(c.Args().Slice(), " "))
		},
	}
}

func runSearch(c *cli.Context, e *env, text string) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	expr, err := parseQuery(e, text)
	if err != nil {
		return err
	}
	if c.Int("limit") < 0 {
		return usagef("--limit %d: want 0 or more", c.Int("limit"))
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	res, err := engine.Search(c.Context, query.Query{Expr: expr, Limit: c.Int("limit"), After: c.String("after")})
	if errors.Is(err, query.ErrCursor) {
		return &exitError{code: exitUsage, err: err, hint: "take the cursor from the summary of the page before"}
	}
	if err != nil {
		return err
	}
	if err := p.Changes(res.Changes, res.Summary); err != nil {
		return err
	}
	code := exitOK
	if res.Summary.Count == 0 {
		code = exitNothing
	}
	return covered(c, res.Summary.Complete, code)
}

// parseQuery reads a query, and shows where it is wrong.
func parseQuery(e *env, text string) (query.Expr, error) {
	expr, err := query.Parse(text, e.now())
	if syntax, ok := errors.AsType[*query.SyntaxError](err); ok {
		return expr, &exitError{code: exitUsage, err: fmt.Errorf("%w\n%s", err, syntax.Caret()), hint: cmp.Or(syntax.Hint(), "recourse search --help shows how a query is written")}
	}
	if err != nil {
		return expr, &exitError{code: exitUsage, err: err}
	}
	return expr, nil
}
