package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/revert"
)

func revertRestoreCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "plan to bring records back to how they were at a time",
		Description: "All that was done since the time to the records in scope is undone, whoever did it, reverts of\n" +
			"this program included; with --except-user what these users did stays. The records are those of\n" +
			"--table, of --record, or those of which a change since the time is found by --where: give one\n" +
			"kind. Of a record whose history does not show how it was at the time, the plan says so (no-base)\n" +
			"and leaves it alone. This makes a plan; revert apply carries it out, revert undo takes it back.\n\n" +
			"Exit codes: 0 done; 2 nothing in scope has changed since, or with --detailed-exitcode: the plan is\n" +
			"not empty; 3 it has conflicts; 8 earlier writes of this program have not been read yet, or an\n" +
			"apply was under way at the time; 9 busy; 11 with --require-coverage: the logs were not read whole\n" +
			"since the time; 64 usage.\n\n" +
			"Example:\n   recourse revert restore --at 2026-11-23T20:00:00Z --table shop.customers -o plan.rvp",
		Flags: append(planOutFlags(),
			&cli.StringFlag{Name: "at", Usage: "the `TIME` whose state is to be restored; changes of that very time stay"},
			&cli.StringSliceFlag{Name: "table", Usage: "all records of DATABASE.TABLE, wildcards allowed; may be repeated"},
			&cli.StringSliceFlag{Name: "record", Usage: "the record DATABASE.TABLE/ID; may be repeated"},
			&cli.StringFlag{Name: "where", Usage: "the records of which `QUERY` finds a change since the time"},
			&cli.StringSliceFlag{Name: "except-user", Usage: "leave what this user did; may be repeated"},
			requireCoverage(),
		),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runRevertRestore(c, e)
		},
	}
}

// A restoreScope says which records are restored, and when to.
type restoreScope struct {
	at   audit.Time
	keys []audit.Key // given by name
	expr *query.Expr // else: those of changes that it finds; nil: none
}

func runRevertRestore(c *cli.Context, e *env) (err error) {
	policy, err := policyOf(c, e)
	if err != nil {
		return err
	}
	scope, err := scopeOf(c, e)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, scope.expr != nil)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	draft, err := w.planRestore(c, e, scope, policy)
	if err != nil {
		return undoError(err)
	}
	if draft == nil {
		fmt.Fprintf(e.stderr, "nothing in scope has changed since %s\n", scope.at.ISO())
		return exit(exitNothing)
	}
	defer closeWith(&err, draft.Close)
	if err := planned(c, e, draft); err != nil {
		return err
	}
	return covered(c, draft.Header.Coverage.Complete, exitOK)
}

// scopeOf reads the flags.
func scopeOf(c *cli.Context, e *env) (restoreScope, error) {
	var s restoreScope
	if c.String("at") == "" {
		return s, usagef("revert restore: --at is missing: which time is to be restored?")
	}
	var err error
	if s.at, err = query.ParseTime(c.String("at"), e.now()); err != nil {
		return s, usagef("--at: %v", err)
	}
	kinds := 0
	for _, flag := range []string{"table", "record", "where"} {
		if c.IsSet(flag) {
			kinds++
		}
	}
	if kinds != 1 {
		return s, usagef("revert restore: give one of --table, --record and --where; --table '*' is everything")
	}
	for _, name := range c.StringSlice("record") {
		key, err := audit.ParseKey(name)
		if err != nil {
			return s, usagef("--record: %v", err)
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) > 0 {
		return s, nil
	}
	// From is inclusive, and the time itself stays.
	after := audit.Time(math.Nextafter(float64(s.at), math.Inf(1)))
	expr, err := criteriaExpr(e, revert.Criteria{From: exactTime(after), Table: c.StringSlice("table"), Query: c.String("where")})
	s.expr = &expr
	return s, err
}

// planRestore plans; nil if there is nothing that a plan could be about.
func (w *workspace) planRestore(c *cli.Context, e *env, scope restoreScope, policy revert.Policy) (*revert.Draft, error) {
	keys, err := w.scopeKeys(c.Context, scope)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	ledger, err := w.store.Ledger(c.Context)
	if err != nil {
		return nil, err
	}
	if err := revert.CheckRead(c.Context, w.store, ledger); err != nil {
		return nil, err
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return nil, err
	}
	r := revert.Restore{At: scope.at, Except: map[string]bool{}, Hidden: hiddenOf(reading, keys), Ledger: ledger, Cluster: policy.Cluster}
	for _, user := range c.StringSlice("except-user") {
		r.Except[user] = true
	}
	criteria := revert.Criteria{From: scope.at.ISO(), Table: c.StringSlice("table"), Query: c.String("where")}
	sel, undo, err := r.Prepare(c.Context, criteria, revert.RecordsOf(c.Context, w.store, keys))
	if err != nil {
		return nil, err
	}
	if sel.Events == 0 {
		return nil, nil
	}
	about := *sel
	about.First = scope.at // what is missing since then may matter
	req, err := w.request(c, e, &about, policy)
	if err != nil {
		return nil, err
	}
	req.Selection, req.Undo = sel, undo
	lines := planLines(c, e)
	return revert.MakeDraft(c.Context, req, r.Histories(revert.Records(c.Context, w.store, sel.Changes, lines)), lines)
}

// scopeKeys are the records in scope that have changed since.
func (w *workspace) scopeKeys(ctx context.Context, scope restoreScope) ([]audit.Key, error) {
	if scope.expr == nil {
		return scope.keys, nil
	}
	set := map[audit.Key]bool{}
	for change, err := range w.engine().All(ctx, *scope.expr) {
		if err != nil {
			return nil, err
		}
		set[change.Key] = true
	}
	keys := make([]audit.Key, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	return keys, nil
}

// hiddenOf are, for the tables of records, the stretches of the log that were not
// read whole. Where no account was kept of what was read, they are the gaps.
func hiddenOf(r *query.Reading, keys []audit.Key) map[audit.Table][]audit.Stretch {
	hidden := map[audit.Table][]audit.Stretch{}
	for _, k := range keys {
		if _, done := hidden[k.Table]; done {
			continue
		}
		hidden[k.Table] = []audit.Stretch{}
		cov := r.Of([]audit.Table{k.Table}, 0, audit.Time(math.Inf(1)))
		for _, s := range cov.Open() {
			hidden[k.Table] = append(hidden[k.Table], s.Stretch)
		}
		if !slices.ContainsFunc(r.Spans, func(s audit.Span) bool { return s.Table == k.Table }) {
			hidden[k.Table] = hidden[k.Table][:0]
			for _, g := range cov.Gaps {
				hidden[k.Table] = append(hidden[k.Table], audit.Stretch{From: g.From, To: g.End()})
			}
		}
	}
	return hidden
}
