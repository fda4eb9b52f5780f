package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/revert"
)

func revertCheckCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say whether a plan may be applied, and what has moved since it was made",
		ArgsUsage: "PLAN",
		Description: "Looks at the plan's digest, its expiry, its approvals, and at the stored histories of its\n" +
			"records: what came since, from whom and when. With --live every record of an action is read\n" +
			"from Harper too, with its log. Nothing is written.\n\n" +
			"Exit codes: 0 it may be applied; 4 records have moved; 7 it is not approved, or has expired;\n" +
			"8 it is of another instance; 9 busy; 12 Harper; 65 the plan or its approvals are damaged.\n\n" +
			"Example:\n   recourse revert check plan.rvp --approvers approvers.yaml",
		Flags: append(harperFlags(), approversFlag(), &cli.BoolFlag{Name: "live", Usage: "read the records from Harper too"}),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertCheck(c, e)
		},
	}
}

// A checkDoc is what check prints.
type checkDoc struct {
	Plan       string            `json:"plan"`
	OK         bool              `json:"ok"`
	Instance   string            `json:"instance,omitempty"` // why it is another than ours
	Unresolved int               `json:"unresolved"`
	Approvals  *revert.Approvals `json:"approvals"`
	Stale      bool              `json:"stale"`
	Moved      []revert.Move     `json:"moved"`
	Live       []liveDoc         `json:"live,omitempty"`
	Ledger     string            `json:"ledger,omitempty"` // which applies have touched its records since
}

// A liveDoc is a record that Harper shows otherwise than the plan expects.
type liveDoc struct {
	N   int           `json:"n"`
	K   revert.Target `json:"k"`
	Why string        `json:"why"`
}

func runRevertCheck(c *cli.Context, e *env) (err error) {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	plan, w, err := openPlan(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	defer closeWith(&err, plan.close)
	head := &plan.Outline.Header
	doc := checkDoc{Plan: head.Digest, Unresolved: plan.Unresolved}
	if ours, its := w.cfg.Cluster, head.Instance.ID; ours != its && ours != "" && its != "" && head.Policy.Cluster == nil {
		doc.Instance = fmt.Sprintf("it is of cluster %q, and this data folder is of %q", its, ours)
	}
	policy, err := approvalPolicy(c, e, w.cfg)
	if err != nil {
		return err
	}
	list, err := readApprovals(e, c.Args().First())
	if err != nil {
		return err
	}
	if doc.Approvals, err = revert.Judge(plan.Outline, list, policy, e.now()); err != nil {
		return err
	}
	if doc.Moved, err = w.moved(c.Context, e, plan); err != nil {
		return err
	}
	if c.Bool("live") {
		if doc.Live, err = w.live(c, e, plan); err != nil {
			return err
		}
	}
	if err := w.checkLedger(c.Context, e, plan); errors.Is(err, revert.ErrPlanStale) {
		doc.Ledger = err.Error()
	} else if err != nil {
		return err
	}
	doc.Stale = len(doc.Moved)+len(doc.Live) > 0 || doc.Ledger != ""
	doc.OK = !doc.Stale && doc.Instance == "" && doc.Approvals.Err() == nil
	if err := printDocument(c, e, "check", doc, func() { doc.sentences(e, head) }); err != nil {
		return err
	}
	return doc.verdict(head)
}

// moved are the records whose stored histories are not those of the plan, but
// for what the plan's own writes did.
func (w *workspace) moved(ctx context.Context, e *env, plan *openedPlan) ([]revert.Move, error) {
	own, err := w.store.Own(ctx)
	if err != nil {
		return nil, err
	}
	all, err := plan.MovedSince(ctx, own, withLife(w.lives(ctx, e, plan)))
	moves := []revert.Move{}
	for i := range all {
		if !all[i].Own(plan.Outline.Header.Digest) {
			moves = append(moves, all[i])
		}
	}
	return moves, err
}

// histories yields the stored history of each of the plan's records that has one.
func (w *workspace) histories(ctx context.Context, plan *revert.Plan) iter.Seq2[revert.Record, error] {
	return withLife(revert.OfCluster(revert.RecordsOf(ctx, w.store, plan.Keys()), plan.Header.Policy.Cluster))
}

// live are the records of actions that a dry run finds otherwise than expected.
func (w *workspace) live(c *cli.Context, e *env, plan *openedPlan) ([]liveDoc, error) {
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	a, err := w.applier(c, e, client, o)
	if err != nil {
		return nil, err
	}
	var out []liveDoc
	look := revert.ApplyOptions{DryRun: true, User: o.Username, Keep: func(s revert.Step) bool {
		if s.Phase == audit.PhaseSkipped && s.Class != revert.ClassAlready {
			out = append(out, liveDoc{N: s.N, K: revert.Target(s.Key), Why: s.Why})
		}
		return false
	}}
	_, err = a.ApplyOpened(c.Context, plan.OpenedPlan, look)
	return out, err
}

func (d *checkDoc) sentences(e *env, plan *revert.Header) {
	say := func(format string, args ...any) { fmt.Fprintln(e.stdout, printable(fmt.Sprintf(format, args...))) }
	say("plan %s is whole: digest %s", plan.ID, d.Plan)
	if d.Instance != "" {
		say("another instance: %s", d.Instance)
	}
	say("approvals: %d of %d", d.Approvals.Counted, d.Approvals.Required)
	if d.Approvals.Expired != "" {
		say("expired: %s", d.Approvals.Expired)
	}
	for _, a := range d.Approvals.List {
		name, word := a.Approver, "counts"
		if name == "" {
			name = "key " + a.Key
		}
		if !a.OK {
			word = "does not count: " + a.Why
		}
		say("  %s, signed %s: %s", oneLine(name), oneLine(a.Signed), oneLine(word))
	}
	if d.Unresolved > 0 {
		say("%d conflicts are not decided", d.Unresolved)
	}
	if !d.Stale {
		say("nothing has moved since it was made")
	}
	for i := range d.Moved {
		say("moved: %s", movedWords(&d.Moved[i]))
	}
	if d.Ledger != "" {
		say("moved: %s", oneLine(d.Ledger))
	}
	for _, l := range d.Live {
		say("otherwise in Harper: %s: %s", oneLine(audit.Key(l.K).String()), oneLine(l.Why))
	}
}

// oneLine is a text without line breaks, which could pose as lines of ours.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func movedWords(m *revert.Move) string {
	parts := []string{}
	for _, ch := range m.Changes {
		who := ch.User
		if who == "" {
			who = "nobody the log names"
		}
		attrs := []string{}
		for _, edit := range ch.Edits {
			attrs = append(attrs, edit.Attr)
		}
		s := fmt.Sprintf("%s by %s at %s", ch.Op, who, ch.Time.ISO())
		if len(attrs) > 0 {
			s += " of " + strings.Join(attrs, ", ")
		}
		parts = append(parts, s)
	}
	if m.Why != "" {
		parts = append(parts, m.Why)
	}
	return oneLine(audit.Key(m.K).String() + ": " + strings.Join(parts, "; "))
}

func (d *checkDoc) verdict(plan *revert.Header) error {
	switch {
	case d.OK:
		return nil
	case d.Instance != "":
		return &exitError{code: exitPreflight, err: errors.New("check plan: " + d.Instance), hint: "apply it with the data folder that it was made from"}
	case d.Stale:
		return &exitError{
			code: exitStale, err: fmt.Errorf("check plan %s: %w: %d records have moved", plan.ID, revert.ErrPlanStale, len(d.Moved)+len(d.Live)),
			hint: "plan again from the selection: what is done stays done",
		}
	}
	return fmt.Errorf("check plan %s: %w", plan.ID, d.Approvals.Err())
}
