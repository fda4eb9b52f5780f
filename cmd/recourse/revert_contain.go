package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/report"
	"recourse/revert"
)

func revertContainCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "contain",
		Usage:     "deactivate the accounts that a plan proposes to",
		ArgsUsage: "PLAN",
		Description: "Carries out the containment of a plan that was made with --contain, and nothing else of it: each\n" +
			"account is set inactive (alter_user), journalled, and looked at again. `revert apply --contain`\n" +
			"does the same before its first write. Neither ever happens by itself. The account that we sign in\n" +
			"as is left alone. It is taken back by hand: alter_user with active true. Wants the plan's approvals.\n\n" +
			"Exit codes: 0 done; 5 an account could not be deactivated; 7 approvals are missing; 9 busy; 10 whether\n" +
			"it was done is not known; 12 Harper; 64 the plan proposes none; 65 the plan is damaged.\n\n" +
			"Example:\n   recourse revert contain plan.rvp --target https://db1:9925 --username admin --password-file pw",
		Flags: append(harperFlags(), approversFlag(), &cli.BoolFlag{Name: "dry-run", Usage: "look at the accounts and change nothing"}),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertContain(c, e)
		},
	}
}

func runRevertContain(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	plan, w, err := openPlan(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	defer closeWith(&err, plan.close)
	if !c.Bool("dry-run") {
		if err := w.approved(c, e, plan.Outline, e.now()); err != nil {
			return err
		}
	}
	client, o, err := connect(c, e, w.cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	steps, err := w.contain(c, e, client, plan.Outline, revert.ApplyOptions{User: o.Username, DryRun: c.Bool("dry-run")})
	if err != nil {
		return err
	}
	list := report.Listing{Name: "containment", Columns: []string{"step", "user", "do", "phase", "why"}}
	for _, s := range steps {
		phase := string(s.Phase)
		if phase == "" {
			phase = "planned"
		}
		list.Rows = append(list.Rows, []any{s.N, s.Key.ID.Value().Text(), s.Do, phase, s.Why})
	}
	if err := p.List(list); err != nil {
		return err
	}
	return containError(steps)
}

// contain carries out the containment that a plan proposes.
func (w *workspace) contain(c *cli.Context, e *env, client *harper.Client, plan *revert.Plan, o revert.ApplyOptions) ([]revert.Step, error) {
	a := &revert.Applier{Journal: w.store, Now: func() audit.Time { return audit.TimeOf(e.now()) }}
	steps, err := a.Contain(c.Context, plan, harperAccounts{client}, o)
	if errors.Is(err, revert.ErrNothingProposed) {
		return nil, &exitError{code: exitUsage, err: err, hint: "plan with --contain"}
	}
	return steps, err
}

func containError(steps []revert.Step) error {
	err := revert.ContainErr(steps)
	switch {
	case errors.Is(err, revert.ErrUnknownOutcome):
		return &exitError{code: exitOutcome, err: err, hint: "look at the accounts (list_users), and run the command again"}
	case err != nil:
		return &exitError{code: exitPartly, err: err, hint: "deactivate the account by hand, or sign in as another user"}
	}
	return nil
}

// harperAccounts are the accounts of a Harper.
type harperAccounts struct{ client *harper.Client }

func (h harperAccounts) Active(ctx context.Context, user string) (there, active bool, err error) {
	users, err := h.client.Users(ctx)
	if err != nil {
		return false, false, fmt.Errorf("list users: %w", err)
	}
	for _, u := range users {
		if u.Key == user {
			return true, u.Value.Get("active").Bool(), nil
		}
	}
	return false, false, nil
}

func (h harperAccounts) Deactivate(ctx context.Context, user string) error {
	_, err := h.client.Call(ctx, map[string]any{"operation": "alter_user", "username": user, "active": false})
	return err
}
