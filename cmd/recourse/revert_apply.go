package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

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
		Description: "First the server, the users, the clocks and the log are looked at; what stands in the way is\n" +
			"named, and nothing is written. Before each write the record is read: if it is not what the plan\n" +
			"expects, it is left alone. The intent is journalled, the write is sent once, and then it is\n" +
			"proven from Harper's audit log and by reading the record again. What it went over, because\n" +
			"somebody wrote at the same moment, is written back. After a crash, run `revert resume`: what is\n" +
			"done is not done twice; what Harper refused, or found otherwise than expected, is tried once\n" +
			"more. Use a Harper user of its own for this: the log says nothing else of who wrote.\n\n" +
			applyCodes + "\n\n" +
			"Example:\n   recourse revert apply plan.rvp --target https://db1:9925 --rest-target https://db1:9926 --username recourse-svc --password-file pw",
		Flags: applyFlags(),
		Action: func(c *cli.Context) (err error) {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			plan, w, err := openPlan(c, e)
			if err != nil {
				return err
			}
			defer closeWith(&err, w.close)
			defer closeWith(&err, plan.close)
			return w.apply(c, e, plan)
		},
	}
}

const applyCodes = "Exit codes: 0 done; 3 done, but conflicts are left; 4 no record is as the plan expects, or\n" +
	"another apply has touched the plan's records since it was made, or its apply was aborted;\n" +
	"5 some writes were skipped, raced or refused, or it was halted; 7 approvals are missing, or the\n" +
	"plan has expired; 8 refused before anything was written; 9 busy; 10 whether a write was made is not known; 12 Harper; 65 the plan is damaged;\n" +
	"130 interrupted."

// applyFlags are those of every command that writes to Harper.
func applyFlags() []cli.Flag {
	return append(harperFlags(), approversFlag(),
		&cli.BoolFlag{Name: "dry-run", Usage: "look at every record and write nothing"},
		&cli.IntFlag{Name: "concurrency", Value: 8, Usage: "make at most `N` writes at the same time"},
		&cli.Float64Flag{Name: "rate", Usage: "begin at most `N` writes in a second; 0: as many as Harper takes"},
		&cli.IntFlag{Name: "canary", Value: 5, Usage: "make the first `N` writes of each kind to each table one by one, and end if one fails; 0: none"},
		&cli.IntFlag{Name: "max-conflicts", Usage: "end when more than `N` records did not go as planned; 0: go on"},
		&cli.StringSliceFlag{Name: "halt-on", Usage: "end when a record ends `SO`: " + strings.Join(revert.HaltWords(), ", ") + ", or none; attacker-active and dropped if not given"},
		&cli.DurationFlag{Name: "watch", Usage: "look for so long afterwards whether somebody writes the records again"},
		&cli.StringFlag{Name: "attacker-contained-by", Usage: "the users of the selection can do no more harm, because of `TEXT`"},
		&cli.StringSliceFlag{Name: "allow", Usage: "go on though `CHECK` speaks against it: " + strings.Join(allowable, ", ")},
		&cli.DurationFlag{Name: "max-lag", Value: defaultMaxLag, Usage: "refuse when the stored log ends longer ago than that"},
		&cli.BoolFlag{Name: "contain", Usage: "before the first write, deactivate the accounts that the plan proposes to"},
		&cli.BoolFlag{Name: "other-log", Usage: "go on though Harper's log has none of the plan's changes: it was cut, or the server was made anew; the same as --allow log"},
	)
}

// applyOptions are what the flags say.
func applyOptions(c *cli.Context, user string) (revert.ApplyOptions, error) {
	o := revert.ApplyOptions{
		User: user, DryRun: c.Bool("dry-run"), Concurrency: c.Int("concurrency"), Rate: c.Float64("rate"),
		Canary: c.Int("canary"), MaxConflicts: c.Int("max-conflicts"),
	}
	if o.Canary == 0 {
		o.Canary = -1
	}
	if o.Concurrency < 1 || o.Concurrency > 64 || o.Rate < 0 || o.MaxConflicts < 0 || c.Duration("watch") < 0 {
		return o, usagef("--concurrency goes from 1 to 64; --rate, --max-conflicts and --watch are not negative")
	}
	for _, word := range c.StringSlice("halt-on") {
		for part := range strings.SplitSeq(word, ",") {
			if part == "none" {
				o.HaltOn = []string{}
				continue
			}
			if !slices.Contains(revert.HaltWords(), part) {
				return o, usagef("--halt-on %q: want one of %s, or none", part, strings.Join(revert.HaltWords(), ", "))
			}
			o.HaltOn = append(o.HaltOn, part)
		}
	}
	return o, nil
}

// apply carries a plan out, or takes it up where it was left.
func (w *workspace) apply(c *cli.Context, e *env, plan *openedPlan) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		if err := w.approved(c, e, plan.Outline, e.now()); err != nil {
			return err
		}
	}
	if err := w.checkLedger(c.Context, e, plan); err != nil {
		return err
	}
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	options, err := applyOptions(c, o.Username)
	if err != nil {
		return err
	}
	if o.Username == "" && !options.DryRun {
		return &exitError{code: exitUsage, err: fmt.Errorf("apply plan: %w", revert.ErrNoUser),
			hint: "give --username and --password-file, over a socket too: its own writes are known in Harper's log by the user"}
	}
	server, err := w.server(c, e, client, o)
	if err != nil {
		return err
	}
	if !options.DryRun && server.began > audit.TimeOf(e.now()) { // by the server's clock too
		if err := w.approved(c, e, plan.Outline, server.began.Go()); err != nil {
			return err
		}
	}
	if err := w.clear(c, e, server, plan, options); err != nil {
		return err
	}
	if !options.DryRun {
		release, err := lease(e, o.Target)
		if err != nil {
			return err
		}
		defer release()
		if err := w.keepPlan(c, e, plan); err != nil {
			return err
		}
	}
	if c.Bool("contain") {
		steps, err := w.contain(c, e, client, plan.Outline, options)
		if err == nil {
			err = containError(steps)
		}
		if err != nil {
			return err
		}
	}
	return w.carryOut(c, e, p, server, plan, options)
}

// carryOut applies, and prints what became of it.
func (w *workspace) carryOut(c *cli.Context, e *env, p *report.Printer, server *harperServer, plan *openedPlan, o revert.ApplyOptions) error {
	bar := newProgress(e, "records")
	bar.total = plan.Actions
	done := 0
	o.Progress = func(revert.Step) { done++; bar.set(done) }
	a := w.applierOn(server)
	res, err := a.ApplyOpened(c.Context, plan.OpenedPlan, o)
	bar.done()
	if err != nil {
		return resumable(c.Context, err)
	}
	applied := report.AppliedOf(res)
	var seen []revert.Sighting
	if d := c.Duration("watch"); d > 0 && !o.DryRun {
		seen, err = a.WatchOpened(c.Context, plan.OpenedPlan, revert.WatchOptions{User: o.User, For: d})
		applied.Notes = append(applied.Notes, sightings(seen)...)
		if err != nil {
			applied.Notes = append(applied.Notes, "the watch afterwards ended early: "+err.Error())
		}
	}
	if err := p.Applied(applied); err != nil {
		return err
	}
	if err := applyError(res); err != nil {
		return err
	}
	return watchError(seen)
}

// keepPlan puts a copy of the plan into the data folder, so that its apply can be
// taken up by its name alone.
func (w *workspace) keepPlan(c *cli.Context, e *env, plan *openedPlan) error {
	path := w.planPath(plan.Outline.Header.Digest)
	if err := w.keepApprovals(c, e, path); err != nil {
		return err
	}
	if _, err := e.stat(path); err == nil {
		return nil
	}
	if err := e.makeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	return writeFile(e, path, plan.Write)
}

func (w *workspace) planPath(digest string) string {
	return filepath.Join(w.dir, "plans", digest+".rvp")
}

// resumable says how to go on after an apply that had to stop.
func resumable(ctx context.Context, err error) error {
	if errors.Is(err, revert.ErrAborted) {
		return &exitError{code: exitStale, err: err, hint: "fetch the log anew and plan again from the same selection: what was done stays done"}
	}
	code := exitCode(ctx, err)
	return &exitError{code: code, err: err, hint: "run the same command again, or revert resume: what is done is not done twice"}
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
	return w.applierOn(server), nil
}

func (w *workspace) applierOn(server *harperServer) *revert.Applier {
	return &revert.Applier{
		Server: server, Journal: w.store, Ledger: w.store, Now: server.now,
	}
}

// server is the live Harper that a client speaks to.
func (w *workspace) server(c *cli.Context, e *env, client *harper.Client, o harper.Options) (*harperServer, error) {
	cluster := c.String("cluster")
	if cluster == "" {
		cluster = w.cfg.Cluster
	}
	now := steadyClock(e.now)
	stamp := ingest.Stamp{Cluster: cluster, Node: nodeName(o.Target), Observed: now()}
	return newHarperServer(c.Context, client, stamp, now)
}
