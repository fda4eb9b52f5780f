package main

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

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
	return narrowed(expr, where)
}

// narrowed is an expression narrowed by --where.
func narrowed(expr query.Expr, where string) (query.Expr, error) {
	if where == "" {
		return expr, nil
	}
	condition, err := rules.ParseCondition("--where", where)
	if err != nil {
		return expr, &exitError{code: exitUsage, err: err, hint: "docs/rules.md says what a condition may say"}
	}
	return query.Conjunction(expr, conditionExpr(where, condition)), nil
}

// pipelineOf is the query with its pipes that the arguments are, narrowed by
// --where. Relative times in it are reckoned from now.
func pipelineOf(c *cli.Context, e *env, now time.Time) (*query.Pipeline, error) {
	where := c.String("where")
	least := 1
	if where != "" {
		least = 0
	}
	if err := wantArgs(c, least, -1); err != nil {
		return nil, err
	}
	pipeline := &query.Pipeline{}
	if c.Args().Present() {
		var err error
		if pipeline, err = parsePipeline(c, e, now, strings.Join(c.Args().Slice(), " ")); err != nil {
			return nil, err
		}
	}
	var err error
	pipeline.Filter, err = narrowed(pipeline.Filter, where)
	return pipeline, err
}

// parsePipeline reads a query with pipes, and shows where it is wrong. What is no
// field may be an attribute that is stored, which the hint then says.
func parsePipeline(c *cli.Context, e *env, now time.Time, text string) (*query.Pipeline, error) {
	language := query.Language{Now: now, Condition: compiled}
	p, err := language.Parse(text)
	if err == nil {
		return p, nil
	}
	if w, failed := openWorkspace(c, e, false); failed == nil {
		language.Attributes, _ = w.engine().Attributes(c.Context)
		if failed := w.close(); failed == nil && language.Attributes != nil {
			_, err = language.Parse(text)
		}
	}
	return nil, queryError(err)
}

// compiled is the condition of a | where, as a part of a query.
func compiled(text string) (query.Expr, error) {
	condition, err := rules.ParseCondition("where", text)
	if err != nil {
		return query.Expr{}, placedError(text, err)
	}
	return conditionExpr(text, condition), nil
}

// A conditionError is a mistake in a condition that stands in a query.
type conditionError struct {
	offset int
	text   string
}

func (e *conditionError) Error() string { return e.text }

// Offset is where in the condition the mistake stands, in bytes.
func (e *conditionError) Offset() int { return e.offset }

// placedError is the first of the mistakes in a condition, with its place.
func placedError(text string, err error) error {
	var all rules.LintErrors
	if !errors.As(err, &all) || len(all) == 0 {
		return err
	}
	first := all[0]
	offset := 0
	for line := 1; line < first.Line; line++ {
		next := strings.IndexByte(text[offset:], '\n')
		if next < 0 {
			break
		}
		offset += next + 1
	}
	for range first.Column - 1 {
		_, n := utf8.DecodeRuneInString(text[offset:])
		offset += n
	}
	return &conditionError{offset, first.Message}
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
