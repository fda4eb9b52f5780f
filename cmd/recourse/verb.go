package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
)

// A verb is a command that looks closer at what is stored: a workspace is open for
// it, and an engine that answers.
type verb struct {
	*query.Engine
	c *cli.Context
	e *env
	p *report.Printer
}

// withVerb opens what a verb needs, words included if it looks for any.
func withVerb(c *cli.Context, e *env, words bool, do func(*verb) error, more ...report.Format) (err error) {
	p, err := printer(c, e, more...)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, words)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	return do(&verb{Engine: engine, c: c, e: e, p: p})
}

// answer prints what a verb found. One that was interrupted has found something all
// the same: that is printed, and says that it is partial. Code is that of an
// answer that is all.
func (v *verb) answer(err error, found bool, print func() error, complete bool, code int) error {
	if err != nil && (v.c.Context.Err() == nil || !found) {
		return err
	}
	if failed := print(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return covered(v.c, complete, code)
}

// unknownAnswer ends a command that was asked for one thing of which the log does
// not tell.
func unknownAnswer(what string) error {
	return &exitError{
		code: exitCoverage, err: fmt.Errorf("%s: unknown, the log does not say", what),
		hint: "recourse coverage prints what was read and what not; a baseline says how records were before",
	}
}

// isUnknown says that a command ended so.
func isUnknown(err error) bool {
	var own *exitError
	return errors.As(err, &own) && own.code == exitCoverage
}

// keyOrTable reads an argument that is a record or a table.
func keyOrTable(arg string) (key audit.Key, isKey bool, err error) {
	if strings.Contains(arg, "/") {
		key, err = audit.ParseKey(arg)
		if err != nil {
			return key, true, usagef("%v", err)
		}
		return key, true, nil
	}
	key.Table, err = audit.ParseTable(arg)
	if err != nil {
		return key, false, usagef("%q: want DATABASE.TABLE/ID or DATABASE.TABLE", arg)
	}
	return key, false, nil
}

// timeArg reads a time that is an argument.
func timeArg(e *env, arg string) (audit.Time, error) {
	t, err := query.ParseTime(arg, e.now())
	if err != nil {
		return 0, usagef("time %q: %v", arg, err)
	}
	return t, nil
}

// durationFlag reads a flag that is a duration, such as 15m or 14d.
func durationFlag(c *cli.Context, name string) (time.Duration, error) {
	d, err := parseDuration(c.String(name))
	if err != nil || d <= 0 {
		return 0, usagef("--%s %q: want a time such as 90s, 15m, 1h or 7d", name, c.String(name))
	}
	return d, nil
}

func noImagesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-images", Usage: "leave the records out"}
}

func limitFlag(what string, n int) cli.Flag {
	return &cli.IntFlag{Name: "limit", Usage: "print at most so many " + what + "; 0 is all", Value: n}
}

// limitOf reads --limit.
func limitOf(c *cli.Context) (int, error) {
	n := c.Int("limit")
	if n < 0 {
		return 0, usagef("--limit %d: want 0 or more", n)
	}
	return n, nil
}
