package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/report"
	"recourse/revert"
)

func revertApplyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "write what a plan says, and prove each write",
		ArgsUsage: "PLAN",
		Description: "Before each write the record is read: if it is not what the plan expects, it is left alone.\n" +
			"The intent is journalled, the write is sent once, and then it is proven from Harper's audit log\n" +
			"and by reading the record again. After a crash, run the same command again: what is done is\n" +
			"not done twice; what Harper refused, or found otherwise than expected, is tried once more.\n" +
			"Use a Harper user of its own for this: the log says nothing else of who wrote.\n\n" +
			"Exit codes: 0 done; 3 done, but conflicts are left; 4 no record is as the plan expects, or\n" +
			"another apply has touched the plan's records since it was made;\n" +
			"5 some writes were skipped, raced or refused; 7 approvals are missing, or the plan has expired;\n" +
			"8 Harper's log has none of the plan's changes;\n" +
			"9 busy; 10 whether a write was made is not known; 12 Harper; 65 the plan is damaged;\n" +
			"130 interrupted.\n\n" +
			"Example:\n   recourse revert apply plan.rvp --target https://db1:9925 --rest-target https://db1:9926 --username recourse-svc --password-file pw",
		Flags: append(harperFlags(), approversFlag(), &cli.BoolFlag{Name: "dry-run", Usage: "look at every record and write nothing"},
			&cli.BoolFlag{Name: "other-log", Usage: "go on though Harper's log has none of the plan's changes: it was cut, or the server was made anew"}),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertApply(c, e)
		},
	}
}

func runRevertApply(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	plan, err := readPlan(c.Args().First())
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	if !c.Bool("dry-run") {
		if err := approved(c, w.cfg, plan, e.now()); err != nil {
			return err
		}
	}
	if err := w.checkLedger(c.Context, plan); err != nil {
		return err
	}
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return err
	}
	if o.Username == "" && !c.Bool("dry-run") {
		return &exitError{code: exitUsage, err: fmt.Errorf("apply plan: %w", revert.ErrNoUser),
			hint: "give --username and --password-file, over a socket too: its own writes are known in Harper's log by the user"}
	}
	bar := newProgress(e, "records")
	defer bar.done()
	server, err := w.server(c, e, client, o)
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") && server.began > audit.TimeOf(e.now()) { // by the server's clock too
		if err := approved(c, w.cfg, plan, server.began.Go()); err != nil {
			return err
		}
	}
	if err := server.preflight(c.Context, plan, c.Bool("other-log")); err != nil {
		return err
	}
	res, err := w.applierOn(e, server).Apply(c.Context, plan, revert.ApplyOptions{
		User: o.Username, DryRun: c.Bool("dry-run"),
		Progress: func(s revert.Step) { bar.total = s.Of; bar.set(s.N) },
	})
	bar.done()
	if err != nil {
		return resumable(c.Context, err)
	}
	if err := p.Applied(report.AppliedOf(res)); err != nil {
		return err
	}
	return applyError(res)
}

// resumable says how to go on after an apply that had to stop.
func resumable(ctx context.Context, err error) error {
	code := exitCode(ctx, err)
	return &exitError{code: code, err: err, hint: "run the same command again: what is done is not done twice"}
}

// applyError gives the outcome of an apply its exit code. A dry run has no
// outcome but what it found.
func applyError(res *revert.Result) error {
	err := res.Err()
	var outcome *revert.ResultError
	if !errors.As(err, &outcome) {
		return err
	}
	code := exitInternal
	switch {
	case errors.Is(err, revert.ErrUnknownOutcome):
		code = exitOutcome
	case errors.Is(err, revert.ErrPlanStale):
		code = exitStale
	case errors.Is(err, revert.ErrPartial):
		code = exitPartly
	case errors.Is(err, revert.ErrConflicts):
		code = exitConflicts
	}
	return &exitError{code: code, err: err, hint: outcome.Hint()}
}

// applier joins the plan's executor with a live Harper and the journal.
func (w *workspace) applier(c *cli.Context, e *env, client *harper.Client, o harper.Options) (*revert.Applier, error) {
	server, err := w.server(c, e, client, o)
	if err != nil {
		return nil, err
	}
	return w.applierOn(e, server), nil
}

func (w *workspace) applierOn(e *env, server *harperServer) *revert.Applier {
	return &revert.Applier{
		Server: server, Journal: w.store, Ledger: w.store,
		Now: func() audit.Time { return audit.TimeOf(e.now()) },
	}
}

// server is the live Harper that a client speaks to.
func (w *workspace) server(c *cli.Context, e *env, client *harper.Client, o harper.Options) (*harperServer, error) {
	cluster := c.String("cluster")
	if cluster == "" {
		cluster = w.cfg.Cluster
	}
	stamp := ingest.Stamp{Cluster: cluster, Node: nodeName(o.Target), Observed: audit.TimeOf(e.now())}
	return newHarperServer(c.Context, client, stamp)
}

func revertVerifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "compare the live records with a plan",
		ArgsUsage: "PLAN",
		Description: "Reads every record of the plan again and says which are as the plan wants them, and who\n" +
			"changed the others since. Writes nothing.\n\n" +
			"Exit codes: 0 all are; 6 some are not; 9 busy; 12 Harper; 65 the plan is damaged.\n\n" +
			"Example:\n   recourse revert verify plan.rvp",
		Flags: harperFlags(),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertVerify(c, e)
		},
	}
}

func runRevertVerify(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	plan, err := readPlan(c.Args().First())
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return err
	}
	a, err := w.applier(c, e, client, o)
	if err != nil {
		return err
	}
	v, err := a.Verify(c.Context, plan)
	if err != nil {
		return err
	}
	if err := p.Verified(v); err != nil {
		return err
	}
	if v.Err() != nil {
		return &exitError{
			code: exitIntegrity, err: fmt.Errorf("verify plan: %d of %d records are not as the plan wants them", v.Differ, v.Records),
			hint: "each check that is not ok says why; revert status says what apply did",
		}
	}
	return nil
}
