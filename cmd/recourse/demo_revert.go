package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/query"
	"recourse/revert"
)

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
	draft, err := d.w.plan(d.c, d.e, sel, policy)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(d.dir, "plan.rvp")
	if err := errors.Join(writeFile(d.e, filepath.Join(d.dir, "sel.json"), sel.Write), writeFile(d.e, file, draft.Write), draft.Close()); err != nil {
		return nil, err
	}
	plan, err := readPlan(d.e, file)
	if err != nil {
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
	return d.w.readChanges(ctx, strings.NewReader(list.String()), io.Discard)
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
