package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

func revertResumeCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "go on with an apply that was interrupted",
		ArgsUsage: "PLAN|ID",
		Description: "Takes an apply up where it was left, by the plan's file or by how its digest begins: apply keeps\n" +
			"a copy of each plan in the data folder. A write of which it is not known whether it was made is\n" +
			"looked for in Harper's log first. What is not there is sent again, but for increments: of these\n" +
			"it stays unknown (10).\n\n" +
			applyCodes + " 2: there is nothing to resume.\n\n" +
			"Example:\n   recourse revert resume 3fe1a0",
		Flags: applyFlags(),
		Action: func(c *cli.Context) (err error) {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			w, err := openWorkspace(c, e, false)
			if err != nil {
				return err
			}
			defer closeWith(&err, w.close)
			plan, err := w.begun(c.Context, e, c.Args().First())
			if err != nil {
				return err
			}
			defer closeWith(&err, plan.close)
			return w.apply(c, e, plan)
		},
	}
}

// begun opens the plan of an apply that the journal knows, by its file or by how its
// digest begins.
func (w *workspace) begun(ctx context.Context, e *env, name string) (*openedPlan, error) {
	return begunBy(ctx, e, w, name, openedAt)
}

// begunWhole is begun with all of the plan in memory.
func (w *workspace) begunWhole(ctx context.Context, e *env, name string) (*revert.Plan, error) {
	return begunBy(ctx, e, w, name, readPlan)
}

func begunBy[P any](ctx context.Context, e *env, w *workspace, name string, read func(*env, string) (P, error)) (P, error) {
	var none P
	digest, err := w.begunDigest(ctx, e, name)
	if err != nil {
		return none, err
	}
	path := name
	if _, err := e.stat(path); err != nil {
		path = w.planPath(digest)
	}
	plan, err := read(e, path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, &exitError{code: exitInput, err: fmt.Errorf("find the plan of apply %.12s: there is no copy of it in the data folder", digest), hint: "give the plan's file"}
	}
	return plan, err
}

// begunDigest is the digest of the one plan with receipts that is meant.
func (w *workspace) begunDigest(ctx context.Context, e *env, name string) (string, error) {
	if digest, err := planDigest(e, name); err == nil {
		name = digest
	} else if _, stat := e.stat(name); stat == nil {
		return "", err // it is a file, and no plan
	}
	plans, err := w.store.Plans(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, digest := range plans {
		if name != "" && strings.HasPrefix(digest, name) {
			found = append(found, digest)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &exitError{code: exitNothing, err: fmt.Errorf("find apply %.64q: nothing was applied under that name", name), hint: "revert status lists what was applied"}
	}
	return "", usagef("%d applies begin with %q: give more of the digest", len(found), name)
}
