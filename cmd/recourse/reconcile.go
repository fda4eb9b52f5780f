package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/report"
	"recourse/query"
)

func reconcileCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "reconcile",
		Usage:     "hold the logs that Harper still has against what is stored",
		ArgsUsage: "[DATABASE.TABLE…]",
		Description: "Reads the logs of all tables, or of those named, once more, on every node; stores what is missing\n" +
			"(marked late), and counts what the log shows otherwise than it is stored, and what is stored but is\n" +
			"gone from the log: somebody deleted it. `watch` does the same once a day. The sinks of the\n" +
			"configuration are told of the alerts that this raises; what does not get through waits for `watch`.\n\n" +
			"Exit codes: 0 log and store agree, what was missing is stored now; 5 a table could not be read, or\n" +
			"changes are gone from the log; 9 busy; 12 Harper not reachable or refuses.\n\n" +
			"Example:\n   recourse reconcile shop.orders --from -6h",
		Flags: append(append([]cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "from `TIME` on; default: all that Harper keeps"},
			&cli.StringFlag{Name: "overlap", Usage: "more than the longest transaction", Value: "60s"},
			&cli.StringFlag{Name: "retention", Usage: "how long Harper keeps its log; default: what it says itself, else 3d"},
			&cli.StringFlag{Name: "node", Usage: "name the node `NAME`; else its address"},
			&cli.BoolFlag{Name: "json", Usage: "read JSON in place of CBOR; loses dates, bytes and NaN"},
			&cli.StringFlag{Name: "log-level", Usage: "debug, info, warn or error", Value: "error"},
		}, append(harperFlags(), clusterFlags()...)...), rulesFlags()...),
		Action: func(c *cli.Context) error { return runReconcile(c, e) },
	}
}

func runReconcile(c *cli.Context, e *env) (err error) {
	var tables []audit.Table
	for _, arg := range c.Args().Slice() {
		t, err := audit.ParseTable(arg)
		if err != nil {
			return usagef("%v", err)
		}
		tables = append(tables, t)
	}
	var from audit.Time
	if s := c.String("from"); s != "" {
		at, err := query.ParseTime(s, e.now())
		if err != nil {
			return usagef("--from: %v", err)
		}
		if at > audit.TimeOf(e.now()) {
			return usagef("--from %s lies in the future: there is no log yet to be read", s)
		}
		from = at
	}
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	d := &daemon{w: w}
	if d.set, err = w.rules(c, e); err != nil {
		return err
	}
	if err := d.open(c, e); err != nil {
		return err
	}
	if err := d.knowsNodes(c.Context); err != nil {
		return err
	}
	if err := w.deliver(c.Context); err != nil {
		return err
	}
	got, err := d.cluster.Reconcile(c.Context, tables, from)
	if err != nil && len(got) == 0 {
		return err
	}
	if _, err := d.w.catchUp(c.Context, d.set); err != nil {
		return err
	}
	if err := w.flush(c.Context, e, flushFor); err != nil { // a secret may be there for watch alone
		fmt.Fprintf(e.stderr, "the sinks were not told, and what is to be told waits for watch: %s\n", printable(err.Error()))
	}
	if err := missingTables(tables, got); err != nil {
		return err
	}
	if len(got) == 0 {
		return &exitError{code: exitHarper, err: errors.New("reconcile: Harper shows this user no table with an audit log"), hint: "`recourse doctor` looks at the user's rights"}
	}
	if err := p.List(reconciled(got, p.Format() == report.Table)); err != nil {
		return err
	}
	return verdict(c.Context, got, err)
}

// knowsNodes refuses a node under another name than it was read by: everything
// would seem to be missing.
func (d *daemon) knowsNodes(ctx context.Context) error {
	cursors, err := d.w.store.Cursors(ctx)
	if err != nil || len(cursors) == 0 {
		return err
	}
	for _, m := range d.cluster.Members {
		if !slices.ContainsFunc(cursors, func(c audit.Cursor) bool { return c.Node == m.Name }) {
			return &exitError{code: exitUsage, err: fmt.Errorf("reconcile: the log of a node %q was never read here", m.Name),
				hint: fmt.Sprintf("the store knows the node %q: name the node as `watch` does, with --node or --target", cursors[0].Node)}
		}
	}
	return nil
}

// missingTables refuses names that no node has a log of.
func missingTables(tables []audit.Table, got []ingest.Reconciled) error {
	for _, t := range tables {
		found := false
		for _, r := range got {
			found = found || r.Table == t
		}
		if !found {
			return &exitError{code: exitHarper, err: fmt.Errorf("reconcile %s: Harper has no such table with an audit log", t), hint: "`recourse coverage` lists the tables that are known"}
		}
	}
	return nil
}

// verdict is the error that tells what is wrong, after it was printed.
func verdict(ctx context.Context, got []ingest.Reconciled, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed, gone := 0, 0
	for _, r := range got {
		if r.Err != nil {
			failed++
			err = errors.Join(err, r.Err)
		}
		gone += r.Gone
	}
	if err != nil {
		code := exitPartly
		if failed == len(got) && exitCode(ctx, err) == exitHarper {
			code = exitHarper // nothing could be read at all
		}
		return &exitError{code: code, err: fmt.Errorf("reconcile: %d of %d logs could not be read to their end: %w", failed, len(got), err)}
	}
	if gone > 0 {
		return &exitError{code: exitPartly, err: fmt.Errorf("reconcile: %d stored changes are gone from the log", gone), hint: "see `recourse alerts list`: somebody deleted a part of the log; what is stored stays"}
	}
	return nil
}

// reconciled is the list that is printed.
func reconciled(got []ingest.Reconciled, forPeople bool) report.Listing {
	l := report.Listing{
		Name: "reconciled",
		Columns: []string{"node", "database", "table", "from", "to", "logged", "stored", "healed", "differ", "gone",
			"unreadable", "minutes", "error"},
	}
	if forPeople {
		l.Columns = []string{"node", "table", "logged", "stored", "healed", "differ", "gone", "unreadable", "error"}
	}
	type document struct {
		ingest.Reconciled
		Database string  `json:"database"`
		Table    string  `json:"table"`
		Error    *string `json:"error"`
	}
	docs := []document{}
	for _, r := range got {
		d := document{Reconciled: r, Database: r.Table.Database, Table: r.Table.Name}
		failure := ""
		if r.Err != nil {
			failure = r.Err.Error()
			d.Error = &failure
		}
		if d.Minutes == nil {
			d.Minutes = []ingest.Minute{}
		}
		docs = append(docs, d)
		if forPeople {
			l.Rows = append(l.Rows, []any{r.Node, r.Table.String(), r.Logged, r.Stored, r.Healed, r.Differ, r.Gone, r.Unreadable, failure})
			continue
		}
		l.Rows = append(l.Rows, []any{r.Node, r.Table.Database, r.Table.Name, r.From, r.To, r.Logged, r.Stored, r.Healed, r.Differ,
			r.Gone, r.Unreadable, len(r.Minutes), failure})
	}
	l.Document = map[string]any{"reconciled": docs}
	return l
}
