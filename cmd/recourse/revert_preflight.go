package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/revert"
)

const (
	// preflightSample is how many records of each table the preflight looks up in
	// Harper's log.
	preflightSample = 20
	// preflightTogether is of how many records the versions are asked for at once.
	preflightTogether = 10_000
	// defaultMaxLag is how old the end of the stored log may be.
	defaultMaxLag = time.Hour
	// maxSkew is how far the two clocks may be apart: by ours it is told which
	// versions lie in the future.
	maxSkew = time.Minute
)

// allowable are the checks that --allow takes. What is left out no word can make
// good: a table that is not there, or of which no log is kept.
var allowable = []string{"instance", "log", "lag", "gap", "sourced", "attacker", "user", "future", "skew", "schema"}

// A preflight is what is looked at before an apply.
type preflight struct {
	revert.Preflight
	e      *env
	w      *workspace
	server *harperServer
	plan   *openedPlan
	user   string // as whom is written
	maxLag time.Duration
	why    string // --attacker-contained-by
}

// clear looks at everything and lets the apply begin, or names all that stands in
// its way. A dry run it warns.
func (w *workspace) clear(c *cli.Context, e *env, server *harperServer, plan *openedPlan, o revert.ApplyOptions) error {
	p := &preflight{e: e, w: w, server: server, plan: plan, user: o.User, maxLag: c.Duration("max-lag"), why: strings.TrimSpace(c.String("attacker-contained-by"))}
	if p.why == "" && c.Bool("contain") && len(plan.Outline.Containment) > 0 {
		p.why = "apply --contain deactivates them first"
	}
	p.Allow = map[string]bool{"log": c.Bool("other-log")}
	for _, word := range c.StringSlice("allow") {
		for name := range strings.SplitSeq(word, ",") {
			if !slices.Contains(allowable, name) {
				return usagef("--allow %q: want one of %s", name, strings.Join(allowable, ", "))
			}
			p.Allow[name] = true
		}
	}
	if err := p.look(c.Context); err != nil {
		return err
	}
	err := p.Err()
	for _, f := range p.Checks {
		if f.State == revert.CheckWarn || f.State == revert.CheckAllowed || o.DryRun && f.State == revert.CheckRefused {
			fmt.Fprintf(e.stderr, "preflight: %s (%s): %s\n", f.Check, f.State, printable(f.Found))
		}
	}
	var refused *revert.RefusedError
	if !errors.As(err, &refused) || o.DryRun {
		return nil
	}
	return &exitError{code: exitPreflight, err: fmt.Errorf("apply plan %s: %w", plan.Outline.Header.ID, refused), hint: refused.Hint()}
}

func (p *preflight) look(ctx context.Context) error {
	for _, f := range []func(context.Context) error{
		p.instance, p.tables, p.schema, p.log, p.lag, p.attacker, p.rights, p.future, p.clock,
	} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *preflight) say(check string, state revert.PreflightState, hint, format string, args ...any) {
	p.Add(revert.PreflightCheck{Check: check, State: state, Found: fmt.Sprintf(format, args...), Hint: hint})
}

// instance compares the clusters' names, as far as they are given; that it is the
// same server, log finds out.
func (p *preflight) instance(context.Context) error {
	its, ours := p.plan.Outline.Header.Instance.ID, p.server.stamp.Cluster
	if its != "" && ours != "" && its != ours {
		p.say("instance", revert.CheckRefused, "give the target of that cluster", "the plan is of cluster %q, and this is %q", its, ours)
	}
	return nil
}

// tables must be there, with a log and reachable, and best without a source that
// would be written to as well.
func (p *preflight) tables(ctx context.Context) error {
	for _, table := range p.plan.Tables() {
		info, err := p.server.client.DescribeTable(ctx, table)
		if errors.Is(err, harper.ErrNotFound) {
			p.say("table", revert.CheckRefused, "plan again without it", "%s is not there", table)
			continue
		}
		if err != nil {
			return fmt.Errorf("look at table %s before writing: %w", table, err)
		}
		if _, err := p.server.restFor(ctx, table); err != nil {
			return fmt.Errorf("look at table %s before writing: %w", table, err)
		}
		if !info.Audit {
			p.say("audit", revert.CheckRefused, "switch the table's audit log on, and plan again", "no log is kept of %s: no write could be proven", table)
		}
		if info.Sourced {
			p.say("sourced", revert.CheckRefused, "--allow sourced, if its source is to be written to as well", "%s is a caching table: Harper sends writes to its source", table)
		}
		if info.Expires {
			p.say("expires", revert.CheckWarn, "", "records of %s end by themselves; one that is made anew lives as long as a new one", table)
		}
	}
	return nil
}

// log looks up some records of each table in Harper's log: the plan's changes
// should be there, and nobody else should write as our user.
func (p *preflight) log(ctx context.Context) error {
	looked, known, others := 0, 0, audit.Change{}
	since, err := p.firstReceipt(ctx)
	if err != nil {
		return err
	}
	own, err := p.w.store.Own(ctx)
	if err != nil {
		return err
	}
	samples, err := p.samples()
	if err != nil {
		return err
	}
	for _, table := range p.plan.Tables() {
		versions := samples[table]
		trails, err := p.server.History(ctx, slices.Collect(maps.Keys(versions)), 0)
		if err != nil {
			return fmt.Errorf("look at the log of %s before writing: %w", table, err)
		}
		looked += len(trails)
		for key, trail := range trails {
			if trail.Err != nil || slices.ContainsFunc(trail.Changes, func(c audit.Change) bool { return c.Time == versions[key] }) {
				known++ // an entry that cannot be read is one
			}
			for _, c := range trail.Changes {
				if _, ours := own[c.Identify()]; c.User == p.user && !ours && (since == 0 || c.Time < since) {
					others = c
				}
			}
		}
	}
	if looked > 0 && known == 0 {
		p.say("log", revert.CheckRefused, "is this the server that the plan was made for? If it is, and its log was cut since, say --other-log", "harper's audit log has none of the changes that the plan is about")
	}
	if others.User != "" {
		p.say("user", revert.CheckRefused, "write as a user that does nothing else; --allow user, if nobody writes as this one now",
			"%q, as whom we would write, has written %s at %s without us: the log could not tell its writes from ours", p.user, others.Key, others.Time.ISO())
	}
	return nil
}

// samples are the first records of each table that the plan writes, with the
// versions that it expects.
func (p *preflight) samples() (map[audit.Table]map[audit.Key]audit.Time, error) {
	all := map[audit.Table]map[audit.Key]audit.Time{}
	for a, err := range p.plan.EachAction() {
		if err != nil {
			return nil, err
		}
		if all[a.K.Table] == nil {
			all[a.K.Table] = map[audit.Key]audit.Time{}
		}
		if some := all[a.K.Table]; len(some) < preflightSample {
			some[a.Key()] = a.Expect.Version
		}
	}
	return all, nil
}

// firstReceipt is when this data folder first wrote as our user: what that user
// wrote after it may be ours, though unproven. 0: never.
func (p *preflight) firstReceipt(ctx context.Context) (audit.Time, error) {
	plans, err := p.w.store.Plans(ctx)
	if err != nil {
		return 0, err
	}
	first := audit.Time(0)
	for _, plan := range plans {
		receipts, err := p.w.store.Receipts(ctx, plan)
		if err != nil {
			return 0, err
		}
		if len(receipts) > 0 && receipts[0].By == p.user && (first == 0 || receipts[0].At < first) {
			first = receipts[0].At - audit.Time(maxSkew.Milliseconds())
		}
	}
	return first, nil
}

// lag is how far behind the stored log is, and what of it could not be read since
// the plan was made.
func (p *preflight) lag(ctx context.Context) error {
	reading, err := p.w.reading(ctx, p.e)
	if err != nil {
		return err
	}
	made, err := time.Parse(time.RFC3339, p.plan.Outline.Header.Created)
	for _, table := range p.plan.Tables() {
		to := reading.ReadTo(table)
		if behind := p.server.began.Go().Sub(to.Go()); p.maxLag > 0 && p.server.began > 0 && behind > p.maxLag {
			p.say("lag", revert.CheckRefused, "recourse watch --once, and plan again", "the log of %s was last read %s ago: what came since the plan does not know", table, behind.Round(time.Second))
		}
		for _, g := range reading.Gaps {
			if g.Table == table && g.Healed == 0 && g.Kind != audit.GapBefore && err == nil && g.To > audit.TimeOf(made.Add(time.Second)) {
				p.say("gap", revert.CheckRefused, "recourse reconcile, and plan again", "the log of %s could not be read from %s to %s, since the plan was made", table, g.From.ISO(), g.To.ISO())
			}
		}
	}
	return nil
}

// clock compares the server's clock with ours.
func (p *preflight) clock(context.Context) error {
	if p.server.began == 0 {
		return nil
	}
	if skew := p.server.began.Go().Sub(p.server.stamp.Observed.Go()); skew.Abs() > maxSkew {
		p.say("skew", revert.CheckRefused, "timedatectl set-ntp true, on the server and here", "the server's clock and ours differ by %s", skew.Abs().Round(time.Second))
	}
	return nil
}
