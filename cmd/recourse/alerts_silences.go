package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
)

func alertsSilencesCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "silences", Usage: "print the silences",
		Description: "\"matched\" is how many alerts nobody was told of for a silence.\n\n" +
			"Exit codes: 0 there are silences; 2 there is none; 9 busy.\n\nExample:\n   recourse alerts silences --all -o json",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "those that have ended, too"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return listed(c, e, "no silence is at work", func(w *workspace) (report.Listing, error) {
				return w.silences(c.Context, audit.TimeOf(e.now()), c.Bool("all"))
			})
		},
	}
}

// silences are those that are active, or all.
func (w *workspace) silences(ctx context.Context, now audit.Time, ended bool) (report.Listing, error) {
	all, err := w.store.Silences(ctx)
	if !ended {
		all = slices.DeleteFunc(all, func(s audit.Silence) bool { return !s.Active(now) })
	}
	return silenceListing(all, now), err
}

// silenceListing shows silences; their logs are in JSON alone.
func silenceListing(all []audit.Silence, now audit.Time) report.Listing {
	type doc struct {
		audit.Silence
		Active bool `json:"active"`
	}
	docs := []doc{}
	list := report.Listing{Name: "silences", Columns: []string{"id", "active", "match", "matched", "expires", "by", "reason"}}
	for _, s := range all {
		active := s.Active(now)
		docs = append(docs, doc{s, active})
		list.Rows = append(list.Rows, []any{s.ID, active, silenceWords(s.Match), s.Matched, s.Expires, s.By, s.Reason})
	}
	list.Document = map[string][]doc{"silences": docs}
	return list
}

func silenceWords(m audit.SilenceMatch) string {
	var parts []string
	add := func(field string, values []string) {
		if len(values) > 0 {
			parts = append(parts, field+"="+strings.Join(values, "|"))
		}
	}
	add("rule", m.Rules)
	add("severity", m.Severities)
	for _, field := range slices.Sorted(maps.Keys(m.Group)) {
		add(field, m.Group[field])
	}
	return strings.Join(parts, " ")
}
