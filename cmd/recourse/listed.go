package main

import (
	"github.com/urfave/cli/v2"

	"recourse/internal/report"
)

// listed prints what a workspace has of something; none of it is exitNothing.
func listed(c *cli.Context, e *env, list func(*workspace) (report.Listing, error)) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	l, err := list(w)
	if err != nil {
		return err
	}
	if err := p.List(l); err != nil {
		return err
	}
	if len(l.Rows) == 0 {
		return exit(exitNothing)
	}
	return nil
}
