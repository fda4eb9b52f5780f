package main

import (
	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/query"
)

func reportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "write a report on changes, to be attached to a ticket",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. The report has what of the log was read, a histogram, who and\n" +
			"which tables, sessions, the blast radius, the alerts, a timeline of the changes with what they\n" +
			"edited, and what is open. It is Markdown, or with -o html one page that loads nothing; -o json,\n" +
			"ndjson and yaml have it as a document.\n\n" +
			"Exit codes: 0 found; 2 nothing found in what is stored; 9 busy; 11 with --require-coverage: the\n" +
			"log is not known to be whole there; 64 usage.\n\n" +
			"Example:\n   recourse report 'user:eve @2026-11-23' -o html >incident.html",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "title", Usage: "what the report is called; the query if not given"},
			limitFlag("changes in the timeline, the oldest", 500), gapFlag(), whereFlag(), noImagesFlag(), requireCoverage(),
		},
		Action: func(c *cli.Context) error { return runReport(c, e) },
	}
}

func runReport(c *cli.Context, e *env) error {
	if c.String("output") == "" {
		if err := c.Set("output", string(report.Markdown)); err != nil {
			return err
		}
	}
	if f := c.String("output"); f == string(report.Table) || f == string(report.CSV) {
		return usagef("-o %s: a report is md, html, json, ndjson or yaml", f)
	}
	expr, err := askedFor(c, e)
	if err != nil {
		return err
	}
	o := query.CaseOptions{Title: c.String("title")}
	if o.Limit, err = limitOf(c); err != nil {
		return err
	}
	if o.Limit == 0 {
		o.Limit = -1
	}
	if o.Gap, err = durationFlag(c, "gap"); err != nil {
		return err
	}
	return withVerb(c, e, true, func(v *verb) error {
		r, err := v.Case(c.Context, expr, o)
		if r == nil {
			return err
		}
		found := 0
		if r.First != nil {
			found = 1
		}
		return v.answer(err, true, func() error { return v.p.Case(r) }, r.Complete, foundAny(found))
	}, report.HTML)
}
