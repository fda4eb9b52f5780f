package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
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
			"   payment~ payment~2         words in which one or two characters may differ\n" +
			"   user:eve op:delete table:shop.customers id:318 attr:email key:shop.customers/c-17\n" +
			"   before.status:pending after.total>100 before:unknown set:vip rule:mass-delete\n" +
			"   @-2h  @2026-11-23  @2026-11-23T20:00..2026-11-23T21:00  txn:1795465916125.6418\n" +
			"   user:in(eve,bob) user:in(list:staff) delta.balance>1000 first:user+table appears:\"x\" alert:ID\n" +
			"   @alert:ID±10m  @q:NAME    around an alert; a saved query\n" +
			"   *                         everything\n\n" +
			"Pipes go on from what was found: where fields sort limit stats hist facets top first last\n" +
			"context sessions seq pivot history blame asof diff blast compare plan save. docs/query.md has all\n" +
			"of it.\n\n" +
			"--where takes what a rule's where takes (docs/rules.md), and reads the changes that the query\n" +
			"leaves; without a query, all of them. --explain says how the answer was found.\n\n" +
			"Flags go before a query that begins with a minus sign, after --.\n\n" +
			"The answer says what of the log was read where the query looks: that nothing was found is\n" +
			"not that there is nothing.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage; 130 interrupted: what was found until then is\n" +
			"printed.\n\n" +
			"Example:\n   recourse search 'op:delete @-24h | stats by(user,table) count'\n" +
			"   recourse search 'user:eve table:shop.* @-24h -op:insert' --limit 20\n" +
			"   recourse search --where 'after.price < before.price / 10' table:shop.products",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "limit", Usage: "print at most so many; 0 is all", Value: 50},
			&cli.StringFlag{Name: "after", Usage: "go on from a page's `CURSOR`"},
			&cli.IntFlag{Name: "skip", Usage: "leave so many out, from the newest or from --after on"},
			&cli.BoolFlag{Name: "no-images", Usage: "leave the records' images out"},
			whereFlag(), explainFlag(), requireCoverage(),
		},
		BashComplete: completeQuery,
		Action:       func(c *cli.Context) error { return runSearch(c, e) },
	}
}

// hintCursor is for a cursor that is not of the query.
const hintCursor = "take the cursor from the summary of the page before, and ask the same query again"

func runSearch(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	asked := query.AskedAt(c.String("after"), e.now())
	pipeline, err := pipelineOf(c, e, asked)
	if err != nil {
		return err
	}
	if !pipeline.Relative {
		asked = time.Time{}
	}
	for _, flag := range []string{"limit", "skip"} {
		if c.Int(flag) < 0 {
			return usagef("--%s %d: want 0 or more", flag, c.Int(flag))
		}
	}
	if len(pipeline.Pipes) > 0 {
		return runPipes(c, e, p, pipeline, asked)
	}
	w, err := openToAsk(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	q := query.Query{Expr: pipeline.Filter, Limit: c.Int("limit"), After: c.String("after"), Skip: c.Int("skip"), Asked: asked}
	var res *query.Result
	stream := q.Limit == 0 && p.Format() == report.NDJSON // an answer of any length
	if stream {
		res, err = engine.Stream(c.Context, q, p.ChangeLines)
	} else {
		res, err = engine.Search(c.Context, q)
	}
	if errors.Is(err, query.ErrCursor) {
		return &exitError{code: exitUsage, err: err, hint: hintCursor}
	}
	partial := res != nil && res.Summary.Partial != ""
	if err != nil && !partial {
		return queryError(err)
	}
	err = explained(c, e, p, res.Explanation, func() error {
		if stream {
			return p.SummaryLine(res.Summary)
		}
		return p.Changes(res.Changes, res.Summary)
	})
	if err != nil {
		return err
	}
	if partial {
		return exit(exitInterrupted)
	}
	return covered(c, res.Summary.Complete, foundAny(res.Summary.Count))
}

// foundAny is the code of an answer with so many changes.
func foundAny(n int) int {
	if n == 0 {
		return exitNothing
	}
	return exitOK
}

// parseQuery reads a query, and shows where it is wrong.
func parseQuery(e *env, text string) (query.Expr, error) {
	expr, err := query.Parse(text, e.now())
	return expr, queryError(err)
}

// queryError shows where a query is wrong.
func queryError(err error) error {
	syntax, ok := errors.AsType[*query.SyntaxError](err)
	if !ok {
		return err
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("%w\n%s", err, syntax.Caret()), hint: cmp.Or(syntax.Hint(), "recourse search --help shows how a query is written")}
}
