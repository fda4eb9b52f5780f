package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

func revertPlanCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "work out the writes that take a selection back",
		ArgsUsage: "SELECTION",
		Description: "Each record's stored history is followed twice, as it was and as it would have been without\n" +
			"the selected changes. An attribute is written only if its last effective writer is among them.\n" +
			"What cannot be known is a conflict in the plan, never a guess. Nothing is written to Harper,\n" +
			"and none is asked but with --schema live. Where several clusters hold the same keys,\n" +
			"--cluster says which the plan is about.\n\n" +
			"Exit codes: 0 done; 2 with --detailed-exitcode: the plan is not empty; 3 it has conflicts;\n" +
			"12 Harper cannot be asked; 65 bad selection, policy or schema, or a record of several clusters.\n\n" +
			"Example:\n   recourse revert plan sel.json --policy policy.yaml --strict record --schema live -o plan.rvp",
		Flags: append(planOutFlags(),
			&cli.BoolFlag{Name: "contain", Usage: "propose to deactivate the accounts whose changes are selected"},
		),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertPlan(c, e)
		},
	}
}

func runRevertPlan(c *cli.Context, e *env) (err error) {
	policy, err := policyOf(c, e)
	if err != nil {
		return err
	}
	sel, err := readSelection(e, c.Args().First())
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	draft, err := w.plan(c, e, sel, policy)
	if err != nil {
		return err
	}
	defer closeWith(&err, draft.Close)
	return planned(c, e, draft)
}

func readSelection(e *env, path string) (*revert.Selection, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read selection: %w", err))
	}
	defer f.Close()
	sel, err := revert.ReadSelection(f)
	if err != nil {
		return nil, &exitError{code: exitInput, err: err, hint: hintOf(err)}
	}
	return sel, nil
}

// plan makes a plan of what is stored.
func (w *workspace) plan(c *cli.Context, e *env, sel *revert.Selection, policy revert.Policy) (*revert.Draft, error) {
	req, err := w.request(c, e, sel, policy)
	if err != nil {
		return nil, err
	}
	req.Selection, req.Contain = sel, c.Bool("contain")
	lines := planLines(c, e)
	return revert.MakeDraft(c.Context, req, revert.Records(c.Context, w.store, sel.Changes, lines), lines)
}

// request is what a plan about some changes is made of, besides which of them it
// undoes.
func (w *workspace) request(c *cli.Context, e *env, about *revert.Selection, policy revert.Policy) (revert.Request, error) {
	req := revert.Request{
		Policy: policy, Instance: revert.Instance{ID: w.cfg.Cluster}, Approvals: c.Int("approvals"),
		Created: e.now().UTC().Format(time.RFC3339), Author: cmp.Or(c.String("author"), e.get("USER")), Tool: "recourse " + version,
	}
	if policy.Cluster != nil {
		req.Instance.ID = *policy.Cluster
	}
	if req.Approvals < 0 {
		return req, usagef("--approvals %d: want 0 or more", req.Approvals)
	}
	if s := c.String("expires"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return req, usagef("--expires: %v", err)
		}
		req.Expires = e.now().Add(d).UTC().Format(time.RFC3339)
	}
	var err error
	if req.Schema, req.Instance.Version, err = schemaOf(c, e, w.cfg); err != nil {
		return req, err
	}
	if req.Ledger, err = w.store.Ledger(c.Context); err != nil {
		return req, err
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return req, err
	}
	req.Others = storedOthers{w.store, reading}
	if err := w.journals(c.Context, reading, &req); err != nil {
		return req, err
	}
	tables := tablesOf(about)
	if req.Instance.Nodes, err = w.nodesOf(c.Context, tables); err != nil {
		return req, err
	}
	req.Gaps = planGaps(reading, tables, about.First)
	cov := planCoverage(reading, tables, about.First)
	req.Coverage = &revert.Coverage{Complete: cov.Complete, Note: report.CoverageNote(cov)}
	return req, nil
}

// nodesOf are the nodes whose logs of some tables were read, sorted.
func (w *workspace) nodesOf(ctx context.Context, tables []audit.Table) ([]string, error) {
	cursors, err := w.store.Cursors(ctx)
	if err != nil {
		return nil, err
	}
	nodes := map[string]bool{}
	for i := range cursors {
		if c := &cursors[i]; c.Node != "" && slices.Contains(tables, c.Table) {
			nodes[c.Node] = true
		}
	}
	return slices.Sorted(maps.Keys(nodes)), nil
}

// tablesOf are the tables that a selection is about, sorted.
func tablesOf(sel *revert.Selection) []audit.Table {
	var tables []audit.Table
	for _, name := range slices.Sorted(maps.Keys(sel.Tables)) {
		if t, err := audit.ParseTable(name); err == nil {
			tables = append(tables, t)
		}
	}
	return tables
}

// planGaps are the stretches in which there may be changes that a plan should
// know and does not. What was before a log began is none: no image is taken from
// there.
func planGaps(r *query.Reading, tables []audit.Table, first audit.Time) []audit.Gap {
	var gaps []audit.Gap
	for _, g := range r.Gaps {
		if g.Healed == 0 && (g.Kind != audit.GapBefore || g.To > first) {
			gaps = append(gaps, g)
		}
	}
	return append(gaps, unread(r, tables, first)...)
}

// planCoverage is of a plan's tables, from the first selected change to where
// they were read, so that it is the same whenever the plan is made.
func planCoverage(r *query.Reading, tables []audit.Table, first audit.Time) query.Coverage {
	to := r.Now
	for _, t := range tables {
		to = min(to, r.ReadTo(t))
	}
	return r.Of(tables, first, to)
}

func readPlan(e *env, path string) (*revert.Plan, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	defer f.Close()
	return revert.ReadPlan(f)
}

// readPlanFor reads the plan that a command is about and opens the data folder. A
// plan that is damaged is told of before the folder is touched.
func readPlanFor(c *cli.Context, e *env) (*revert.Plan, *workspace, error) {
	plan, err := readPlan(e, c.Args().First())
	if err != nil {
		return nil, nil, err
	}
	w, err := openWorkspace(c, e, false)
	return plan, w, err
}
