package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/revert"
)

func revertUndoCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "undo",
		Usage:     "plan to take an apply back",
		ArgsUsage: "APPLY",
		Description: "APPLY is a plan's file, or how its digest begins (revert ledger lists them). What the apply had\n" +
			"undone is done again: the records become what they would be had it never been applied. What\n" +
			"others have written since stays. Of an apply that was carried out in part, that part is taken\n" +
			"back; an undo can itself be undone. This makes a plan; revert apply carries it out.\n\n" +
			"Exit codes: 0 done; 2 there is nothing to take back, or with --detailed-exitcode: the plan is not\n" +
			"empty; 3 it has conflicts; 8 writes of the apply have not been read from Harper's log yet;\n" +
			"9 busy; 64 no such apply.\n\n" +
			"Example:\n   recourse revert undo 7f3a91 -o undo.rvp && recourse revert apply undo.rvp",
		Flags: planOutFlags(),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertUndo(c, e, revert.UndoOf)
		},
	}
}

// runRevertUndo plans to take applies back: those that of says for the one named.
func runRevertUndo(c *cli.Context, e *env, of func(*audit.Ledger, string) (revert.Undo, error)) (err error) {
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	ledger, named, err := w.ledgerOf(c, e)
	if err != nil {
		return err
	}
	policy, err := undoPolicy(c, e, named)
	if err != nil {
		return err
	}
	undo, err := of(ledger, named.Plan)
	if err != nil {
		return undoError(err)
	}
	draft, err := w.planUndo(c, e, ledger, undo, policy)
	if err != nil {
		return undoError(err)
	}
	defer closeWith(&err, draft.Close)
	if len(undo.Changes) == 0 && draft.Header.Counts.Writes() == 0 {
		return undoError(undo.Nothing())
	}
	return planned(c, e, draft)
}

// ledgerOf reads the ledger and finds the apply that is named, of which everything
// that can be known is then in it.
func (w *workspace) ledgerOf(c *cli.Context, e *env) (*audit.Ledger, audit.Apply, error) {
	ledger, err := w.store.Ledger(c.Context)
	if err != nil {
		return nil, audit.Apply{}, err
	}
	named, err := applyNamed(e, ledger, c.Args().First())
	if err != nil {
		return nil, named, err
	}
	if err := w.settle(c, e, named); err != nil {
		return nil, named, err
	}
	ledger, err = w.store.Ledger(c.Context)
	return ledger, named, err
}

// planUndo plans to take back what undo says.
func (w *workspace) planUndo(c *cli.Context, e *env, ledger *audit.Ledger, undo revert.Undo, policy revert.Policy) (*revert.Draft, error) {
	ids, err := undo.Involved(c.Context, w.store, ledger)
	if err != nil {
		return nil, err
	}
	about, err := revert.Select(revert.Criteria{}, func(yield func(audit.Change, error) bool) {
		for _, id := range ids {
			change, err := w.changeOf(c.Context, id)
			if !yield(change, err) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	req, err := w.request(c, e, about, policy)
	if err != nil {
		return nil, err
	}
	req.Undo = undo
	lines := planLines(c, e)
	return revert.MakeDraft(c.Context, req, revert.Records(c.Context, w.store, ids, lines), lines)
}

// changeOf is the stored change of an id.
func (w *workspace) changeOf(ctx context.Context, id audit.ChangeID) (audit.Change, error) {
	seq, ok, err := w.store.Lookup(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: change %s is not stored", revert.ErrIncomplete, id)
	}
	if err != nil {
		return audit.Change{}, err
	}
	return w.store.Get(ctx, seq)
}

// applyNamed finds an apply by its plan's file or by how the plan's digest
// begins.
func applyNamed(e *env, l *audit.Ledger, name string) (audit.Apply, error) {
	if digest, err := planDigest(e, name); err == nil {
		name = digest
	}
	var found []audit.Apply
	for _, a := range l.Applies {
		if strings.HasPrefix(a.Plan, name) {
			found = append(found, a)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return audit.Apply{}, &exitError{
		code: exitUsage, err: fmt.Errorf("find apply: %d applies have a plan that begins with %q, want one", len(found), name),
		hint: "revert ledger lists what was applied",
	}
}

// undoPolicy is the policy of the plan that is taken back, unless a flag says
// otherwise.
func undoPolicy(c *cli.Context, e *env, a audit.Apply) (revert.Policy, error) {
	given := slices.ContainsFunc(policyFlags(), func(f cli.Flag) bool { return c.IsSet(f.Names()[0]) })
	var p revert.Policy
	if a.Policy == "" {
		return policyOf(c, e)
	}
	if err := json.Unmarshal([]byte(a.Policy), &p); err != nil {
		return p, fmt.Errorf("read policy of apply %s: %w", revert.ShortPlan(a.Plan), err)
	}
	if given {
		other, err := policyOf(c, e)
		other.Cluster = cmp.Or(other.Cluster, p.Cluster) // its records are of no other
		return other, err
	}
	ofCluster(c, &p)
	return p, nil
}

// undoError gives what stands in the way of a plan from the ledger its exit code.
func undoError(err error) error {
	switch {
	case errors.Is(err, revert.ErrNothingToUndo):
		return &exitError{code: exitNothing, err: err, hint: "revert ledger says what became of each apply"}
	case errors.Is(err, revert.ErrAstride):
		return &exitError{code: exitPreflight, err: err, hint: "name a time before that apply or after it; revert status says when its steps were made"}
	case errors.Is(err, revert.ErrBehind):
		return &exitError{code: exitPreflight, err: err, hint: "run recourse watch --once, or wait for the recourse watch that runs, and then this again"}
	}
	return err
}
