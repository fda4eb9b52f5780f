package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/report"
	"recourse/query"
	"recourse/rules"
	"recourse/testdata/incidents"
)

func demoCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "the whole story on a captured incident; no Harper needed",
		Description: "Imports what was read from a real Harper's audit log while an attacker was at work, flags it,\n" +
			"looks into it, plans the reversion, applies it to a built-in server that holds the incident's\n" +
			"end state, proves every write, and compares the outcome with a run without the attacker.\n\n" +
			"Exit codes: 0 the outcome is as it should be; 6 it is not.\n\nExample:\n   recourse demo --keep demo-data",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "keep", Usage: "keep the data folder, the selection and the plan in `DIR`"},
			&cli.StringFlag{Name: "line", Usage: "the incident as Harper 5.0 on LMDB told it, or 5.1 on RocksDB: lmdb or rocksdb", Value: "lmdb"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runDemo(c, e)
		},
	}
}

func runDemo(c *cli.Context, e *env) (err error) {
	line := c.String("line")
	if line != "lmdb" && line != "rocksdb" {
		return usagef("--line %q: want lmdb or rocksdb", line)
	}
	dir := c.String("keep")
	if dir == "" {
		if dir, err = os.MkdirTemp("", "recourse-demo-*"); err != nil {
			return err
		}
		defer closeWith(&err, func() error { return os.RemoveAll(dir) })
	} else if err := emptyDir(dir); err != nil {
		return err
	}
	d := &demo{e: e, c: c, dir: dir, line: line, text: c.String("output") != "json"}
	out, err := d.run(c.Context)
	if err != nil {
		return err
	}
	if !d.text {
		if err := json.NewEncoder(e.stdout).Encode(out); err != nil {
			return err
		}
	}
	if out.Unexplained > 0 || out.Verified != out.Written || out.HonestLost > 0 {
		return exit(exitIntegrity)
	}
	return nil
}

// emptyDir makes a folder, or takes one that is empty: what is in it would be
// mixed with the demonstration.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return inputErr(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return inputErr(err)
	}
	if len(entries) > 0 {
		return inputErr(fmt.Errorf("keep the demonstration in %s: the folder is not empty", dir))
	}
	return nil
}

// A demoResult is the demonstration's summary.
type demoResult struct {
	Line        string         `json:"line"`
	Changes     int            `json:"changes_read"`
	Alerts      int            `json:"alerts"`
	Selected    int            `json:"malicious_changes"`
	Flagged     int            `json:"malicious_changes_flagged"`
	Written     int            `json:"records_written"`
	Verified    int            `json:"records_verified"`
	HonestKept  int            `json:"honest_changes_kept"`
	HonestLost  int            `json:"honest_values_lost"`
	Conflicts   map[string]int `json:"conflicts"`
	Before      int            `json:"differences_before"`
	After       int            `json:"differences_after"`
	Unexplained int            `json:"differences_unexplained"`
	TookMS      int64          `json:"took_ms"`
}

// A demo tells the story, part by part.
type demo struct {
	e    *env
	c    *cli.Context
	dir  string
	line string
	text bool
	fsys fs.FS
	w    *workspace
	out  demoResult
}

func (d *demo) say(format string, args ...any) {
	if d.text {
		fmt.Fprintf(d.e.stdout, format+"\n", args...)
	}
}

func (d *demo) run(ctx context.Context) (out *demoResult, err error) {
	start := d.e.now()
	d.out.Line = d.line
	if d.fsys, err = fs.Sub(incidents.Files, d.line); err != nil {
		return nil, err
	}
	d.intro()
	if d.w, err = openFolder(ctx, d.e, filepath.Join(d.dir, "data"), config{}, true); err != nil {
		return nil, err
	}
	defer closeWith(&err, d.w.close)
	if err := d.importPolls(ctx); err != nil {
		return nil, err
	}
	if err := d.flag(ctx); err != nil {
		return nil, err
	}
	if err := d.look(ctx); err != nil {
		return nil, err
	}
	plan, err := d.planIt(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.repair(ctx, plan); err != nil {
		return nil, err
	}
	d.out.TookMS = d.e.now().Sub(start).Milliseconds()
	d.summary()
	return &d.out, nil
}

func (d *demo) intro() {
	version := map[string]string{"lmdb": "5.0 (LMDB)", "rocksdb": "5.1.14 (RocksDB)"}[d.line]
	d.say(`REAL:     147 answers of read_audit_log, captured from a live Harper %s while somebody used
          the account of an employee, bram, to change prices, take over customers, delete and
          fake orders, move money, and wipe traces; the verdict of who did what; and the state
          that the same program reached without the attacker.
BUILT IN: the server that is repaired below. It is an in-process Harper that behaves as the
          real one was measured to, loaded with the incident's end state and its audit log.
`, version)
}

// importPolls stores the captured polls.
func (d *demo) importPolls(ctx context.Context) error {
	tail := filepath.Join(d.dir, "captures")
	if err := copyFiles(d.fsys, "tail", tail); err != nil {
		return err
	}
	im := ingest.Importer{Store: d.w.store, Node: d.line, Now: d.e.now}
	rep, err := im.Import(ctx, []string{tail})
	if err != nil {
		return err
	}
	d.out.Changes = rep.Appended.New
	tables, err := d.w.store.Tables(ctx)
	if err != nil {
		return err
	}
	d.say("$ recourse import captures/")
	d.say("%d answers read: %d changes of %d tables, each stored once (%d were read twice)", rep.Captures, rep.Appended.New, len(tables), rep.Appended.Known)
	for _, p := range rep.Partial {
		d.say("%s: the server failed to read its own log: %s", p.Table, p.Reason)
	}
	return nil
}

// flag runs the built-in rules.
func (d *demo) flag(ctx context.Context) error {
	set, err := rules.Builtin()
	if err != nil {
		return err
	}
	alerts, err := d.w.catchUp(ctx, set)
	if err != nil {
		return err
	}
	d.out.Alerts = len(alerts)
	slices.SortStableFunc(alerts, func(a, b audit.Alert) int {
		return cmp.Or(cmp.Compare(slices.Index(audit.Severities, b.Severity), slices.Index(audit.Severities, a.Severity)), cmp.Compare(a.FirstTime, b.FirstTime))
	})
	d.say("\n$ recourse alerts list")
	for _, a := range alerts {
		d.say("%-8s %4d changes  %s  %s", a.Severity, a.Count, a.FirstTime.Go().Format("15:04:05.000"), printable(a.Title))
	}
	return nil
}

// look shows what a responder would look at.
func (d *demo) look(ctx context.Context) error {
	if !d.text {
		return nil
	}
	expr, err := query.Parse(`"drop@evil.example"`, d.e.now())
	if err != nil {
		return err
	}
	res, err := d.w.engine().Search(ctx, query.Query{Expr: expr, Limit: 1})
	if err != nil {
		return err
	}
	if res.Summary.Count == 0 {
		return errors.New("demo: the attacker's e-mail address is not found")
	}
	key := audit.Key{Table: audit.Table{Database: "shop", Name: "customers"}, ID: "8"}
	d.say("\n$ recourse search '\"drop@evil.example\"'   finds %d changes; one of those customers:", res.Summary.Total)
	d.say("$ recourse history %s", key)
	var changes []audit.Change
	for c, err := range d.w.store.History(ctx, key) {
		if err != nil {
			return err
		}
		changes = append(changes, c)
	}
	color, err := wantsColor(d.c.String("color"), d.e)
	if err != nil {
		return err
	}
	p := report.New(d.e.stdout, report.Options{Format: report.Table, Color: color, Width: d.e.width})
	reading, err := d.w.reading(ctx, d.e)
	if err != nil {
		return err
	}
	return p.History(key, changes, recordCoverage(reading, key, changes))
}
