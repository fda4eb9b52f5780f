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
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
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
	if d.w, err = openFolder(filepath.Join(d.dir, "data"), config{}, true); err != nil {
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
		return cmp.Or(cmp.Compare(slices.Index(severities, b.Severity), slices.Index(severities, a.Severity)), cmp.Compare(a.FirstTime, b.FirstTime))
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
	return p.History(key, changes, report.Coverage{})
}

// planIt selects what the investigation found malicious, and plans.
func (d *demo) planIt(ctx context.Context) (*revert.Plan, error) {
	only, err := d.verdict(ctx)
	if err != nil {
		return nil, err
	}
	d.out.Selected = len(only)
	alerts, err := d.w.store.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	flagged := map[audit.Seq]bool{}
	for _, a := range alerts {
		for _, ev := range a.Changes {
			if only[ev.Seq] {
				flagged[ev.Seq] = true
			}
		}
	}
	d.out.Flagged = len(flagged)
	everything, err := query.Parse("*", d.e.now())
	if err != nil {
		return nil, err
	}
	sel, err := revert.Select(revert.Criteria{File: "verdict.ndjson"}, d.w.selected(ctx, everything, only))
	if err != nil {
		return nil, err
	}
	policy := revert.Policy{Numbers: map[string]revert.Number{"bank.accounts.balance": revert.NumberCounter}}
	plan, err := d.w.plan(d.c, d.e, sel, policy)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		writeFile(d.e, filepath.Join(d.dir, "sel.json"), sel.Write),
		writeFile(d.e, filepath.Join(d.dir, "plan.rvp"), planWriter(plan)),
	); err != nil {
		return nil, err
	}
	n := plan.Header.Counts
	d.say("\n$ recourse revert select --changes verdict.ndjson -o sel.json")
	d.say("%d changes of %d records, the investigation's verdict; the alerts rest on %d of them", sel.Events, sel.Records, d.out.Flagged)
	d.say("\n$ recourse revert plan sel.json --counter bank.accounts.balance -o plan.rvp")
	d.say("plan %s: %d records to patch, %d to re-create, %d to delete; %d conflicts; %d honest values kept",
		plan.Header.ID, n.Patch, n.Insert, n.Delete, n.Conflict, n.Kept)
	d.out.Conflicts = map[string]int{}
	for class, n := range plan.Header.Classes {
		d.out.Conflicts[string(class)] = n
	}
	return plan, nil
}

// verdict finds the stored changes that the truth names as malicious.
func (d *demo) verdict(ctx context.Context) (map[audit.Seq]bool, error) {
	var truth struct {
		Malicious []struct {
			DB        string     `json:"db"`
			Table     string     `json:"table"`
			Timestamp audit.Time `json:"timestamp"`
			ID        audit.ID   `json:"id"`
			Type      string     `json:"type"`
		} `json:"malicious"`
	}
	data, err := fs.ReadFile(d.fsys, "truth.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, m := range truth.Malicious {
		op := audit.OpUpdate
		if m.Type == "delete" {
			op = audit.OpDelete
		}
		at := m.Timestamp
		row, err := json.Marshal(changeLine{Database: m.DB, Table: m.Table, Key: m.ID, Time: &at, Op: op})
		if err != nil {
			return nil, err
		}
		list.Write(append(row, '\n'))
	}
	if err := os.WriteFile(filepath.Join(d.dir, "verdict.ndjson"), []byte(list.String()), 0o600); err != nil {
		return nil, err
	}
	return d.w.readChangeList(ctx, strings.NewReader(list.String()))
}

// repair applies the plan to the built-in server and judges the outcome.
func (d *demo) repair(ctx context.Context, plan *revert.Plan) error {
	line := map[string]harpertest.Line{"lmdb": harpertest.LMDB, "rocksdb": harpertest.RocksDB}[d.line]
	const user, password = "recourse-svc", "built-in"
	srv := harpertest.New(harpertest.Options{Line: line, Users: []harpertest.User{{Name: user, Password: password, SuperUser: true}}})
	defer srv.Close()
	if err := srv.LoadIncident(d.fsys); err != nil {
		return err
	}
	want, err := d.goodState()
	if err != nil {
		return err
	}
	d.out.Before = len(differences(srv, want, plan))
	o := harper.Options{Target: srv.OpsURL(), REST: srv.RESTURL(), Username: user, Password: password}
	client, err := harper.New(o)
	if err != nil {
		return err
	}
	defer client.Close()
	bar := newProgress(d.e, "records")
	a, err := d.w.applier(d.c, d.e, client, o)
	if err != nil {
		return err
	}
	d.say("\n$ recourse revert apply plan.rvp      (to the built-in server)")
	res, err := a.Apply(ctx, plan, revert.ApplyOptions{User: user, Progress: func(s revert.Step) { bar.total = s.Of; bar.set(s.N) }})
	bar.done()
	if err != nil {
		return err
	}
	d.out.Written, d.out.Verified = len(res.Steps), res.Verified+res.Already
	d.say("%d records written, each proven from the audit log and by reading it again: %d verified, %d skipped, %d failed (%s)",
		res.Applied, res.Verified, res.Skipped, res.Raced+res.Failed+res.Unknown, time.Duration(res.TookMS)*time.Millisecond)
	for _, s := range res.Steps {
		if s.Phase != audit.PhaseVerified {
			d.say("  %s %s: %s", s.Key, s.Phase, printable(s.Why))
		}
	}
	v, err := a.Verify(ctx, plan)
	if err != nil {
		return err
	}
	d.say("\n$ recourse revert verify plan.rvp\n%d of %d records are as the plan wants them", v.OK, v.Records)
	d.judge(differences(srv, want, plan), plan)
	return nil
}
