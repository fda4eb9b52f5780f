package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/rules"
)

// whereFlag and explainFlag are those of all commands that answer a query.
func whereFlag() cli.Flag {
	return &cli.StringFlag{Name: "where", Usage: "only changes of which the condition `EXPR` of a rule holds"}
}

func explainFlag() cli.Flag {
	return &cli.BoolFlag{Name: "explain", Usage: "say how the answer was found and what that cost"}
}

// askedFor is the query that the arguments are, narrowed by --where. With that
// there need be no query.
func askedFor(c *cli.Context, e *env) (query.Expr, error) {
	where := c.String("where")
	least := 1
	if where != "" {
		least = 0
	}
	if err := wantArgs(c, least, -1); err != nil {
		return query.Expr{}, err
	}
	var expr query.Expr
	if c.Args().Present() {
		var err error
		if expr, err = parseQuery(e, strings.Join(c.Args().Slice(), " ")); err != nil {
			return expr, err
		}
	}
	if where == "" {
		return expr, nil
	}
	condition, err := rules.ParseCondition("--where", where)
	if err != nil {
		return expr, &exitError{code: exitUsage, err: err, hint: "docs/rules.md says what a condition may say"}
	}
	return query.Conjunction(expr, conditionExpr(where, condition)), nil
}

// conditionExpr is a condition as a part of a query, with what can be said of it
// in the language of queries before it, so that the rest is not read.
func conditionExpr(text string, c *rules.Condition) query.Expr {
	var all query.And
	for _, need := range c.Needs() {
		var one query.Or
		for _, value := range need.Values {
			one = append(one, query.Field{Name: query.FieldName(need.Field), Pattern: query.Exactly(value)})
		}
		if need.Field == "attr" { // what a message says to have changed, it did not
			one = append(one, query.Field{Name: query.FieldKind, Pattern: query.Exactly(string(audit.KindMessage))})
		}
		all = append(all, one)
	}
	return query.Of(append(all, query.Where{Text: text, Holds: c.Holds}))
}

// explained prints an answer and, if that is asked for, how it was found.
func explained(c *cli.Context, e *env, p *report.Printer, why query.Explanation, print func() error) error {
	asked := c.Bool("explain")
	if asked {
		p.Explain(why)
	}
	if err := print(); err != nil || !asked || p.Explained() {
		return err
	}
	return report.PrintExplanation(e.stderr, why)
}
