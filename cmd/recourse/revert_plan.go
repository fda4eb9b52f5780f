package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
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
			"and none is asked but with --schema live.\n\n" +
			"Exit codes: 0 done; 2 with --detailed-exitcode: the plan is not empty; 3 it has conflicts;\n" +
			"12 Harper cannot be asked; 65 bad selection, policy or schema.\n\n" +
			"Example:\n   recourse revert plan sel.json --policy policy.yaml --strict record --schema live -o plan.rvp",
		Flags: append(append(policyFlags(), harperFlags()...),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan to `FILE`; without it to standard output"},
			&cli.StringFlag{Name: "author", Usage: "who makes the plan, and so cannot approve it: `NAME`; without it $USER"},
			&cli.StringFlag{Name: "expires", Usage: "the plan may be applied for `DURATION`: 12h, 3d; without it there is no limit"},
			&cli.IntFlag{Name: "approvals", Usage: "so many people must approve the plan, at least"},
			&cli.BoolFlag{Name: "contain", Usage: "propose to deactivate the accounts whose changes are selected"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "end with 2 when the plan is not empty"},
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
	policy, err := policyOf(c)
	if err != nil {
		return err
	}
	sel, err := readSelection(c.Args().First())
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	if c.Int("approvals") < 0 {
		return usagef("--approvals %d: want 0 or more", c.Int("approvals"))
	}
	plan, err := w.plan(c, e, sel, policy)
	if err != nil {
		return err
	}
	if err := writeFile(e, c.String("output"), func(out io.Writer) error { return revert.WritePlan(out, plan) }); err != nil {
		return err
	}
	n := plan.Header.Counts
	fmt.Fprintf(e.stderr, "plan %s: %d patch, %d insert, %d delete, %d conflicts, %d kept\n",
		plan.Header.ID, n.Patch, n.Insert, n.Delete, n.Conflict, n.Kept)
	if plan.Header.Coverage != nil {
		fmt.Fprintln(e.stderr, printable(plan.Header.Coverage.Note))
	}
	for _, warning := range plan.Header.Warnings {
		fmt.Fprintf(e.stderr, "warning: %s\n", printable(warning))
	}
	if err := conflictsLeft(plan); err != nil {
		return err
	}
	if c.Bool("detailed-exitcode") && !plan.Empty() {
		return exit(exitNothing)
	}
	return nil
}

func readSelection(path string) (*revert.Selection, error) {
	f, err := os.Open(path)
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
func (w *workspace) plan(c *cli.Context, e *env, sel *revert.Selection, policy revert.Policy) (*revert.Plan, error) {
	schema, err := schemaOf(c, e, w.cfg)
	if err != nil {
		return nil, err
	}
	records, err := revert.Records(c.Context, w.store, sel.Changes)
	if err != nil {
		return nil, err
	}
	req := revert.Request{
		Selection: sel, Policy: policy, Schema: schema, Instance: revert.Instance{ID: w.cfg.Cluster},
		Created: e.now().UTC().Format(time.RFC3339), Author: cmp.Or(c.String("author"), e.get("USER")), Tool: "recourse " + version,
		Approvals: c.Int("approvals"), Contain: c.Bool("contain"),
	}
	if s := c.String("expires"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return nil, usagef("--expires: %v", err)
		}
		req.Expires = e.now().Add(d).UTC().Format(time.RFC3339)
	}
	if req.Reverted, err = w.store.Reverted(c.Context); err != nil {
		return nil, err
	}
	if req.Own, err = w.store.Own(c.Context); err != nil {
		return nil, err
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return nil, err
	}
	tables := tablesOf(sel)
	req.Gaps = planGaps(reading, tables, sel.First)
	cov := planCoverage(reading, tables, sel.First)
	req.Coverage = &revert.Coverage{Complete: cov.Complete, Note: report.CoverageNote(cov)}
	return revert.Make(c.Context, req, records)
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

func readPlan(path string) (*revert.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	defer f.Close()
	return revert.ReadPlan(f)
}
