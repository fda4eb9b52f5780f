package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
)

// listed prints what a workspace has of something; without any it says none on
// stderr, and ends with exitNothing.
func listed(c *cli.Context, e *env, none string, list func(*workspace) (report.Listing, error)) (err error) {
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
		if none != "" {
			fmt.Fprintln(e.stderr, none)
		}
		return exit(exitNothing)
	}
	return nil
}
