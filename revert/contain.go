package revert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// containment proposes to deactivate the accounts whose changes are selected, by
// name. Changes for which the log names nobody have no account.
func containment(s *Selection) []Containment {
	if s == nil {
		return nil
	}
	var steps []Containment
	for _, user := range slices.Sorted(maps.Keys(s.Users)) {
		if user != "" {
			steps = append(steps, Containment{Kind: "contain", Do: DoDeactivate, User: user, Events: s.Users[user], First: s.First, Last: s.Last})
		}
	}
	return steps
}

// Accounts is what containment needs of Harper.
type Accounts interface {
	// Active says whether there is such an account, and whether it can be used.
	Active(ctx context.Context, user string) (there, active bool, err error)
	// Deactivate sets it inactive. After an error it may be so or not.
	Deactivate(ctx context.Context, user string) error
}

// ErrNothingProposed says that a plan proposes no containment.
var ErrNothingProposed = errors.New("the plan proposes no containment")

// accountKey is the record in which Harper keeps an account.
func accountKey(user string) audit.Key {
	return audit.Key{Table: audit.Table{Database: "system", Name: "hdb_user"}, ID: audit.ID(audit.Text(user).JSON())}
}

// Contain carries out what the plan proposes to contain, account by account, and
// nothing else of it. Each step is journalled and proven by asking for the account
// again. An account that is inactive already, or not there, is skipped; the one as
// which we write is never deactivated. It may be called again.
func (a *Applier) Contain(ctx context.Context, p *Plan, accounts Accounts, o ApplyOptions) ([]Step, error) {
	switch {
	case len(p.Containment) == 0:
		return nil, fmt.Errorf("contain plan %s: %w", p.Header.ID, ErrNothingProposed)
	case o.User == "" && !o.DryRun:
		return nil, fmt.Errorf("contain plan %s: %w", p.Header.ID, ErrNoUser)
	case p.Review():
		return nil, fmt.Errorf("contain plan %s: %w", p.Header.ID, ErrReviewCopy)
	}
	var steps []Step
	for i := range p.Containment {
		c := &p.Containment[i]
		s, err := a.contain(ctx, p, c, accounts, &o)
		if err != nil {
			return steps, fmt.Errorf("contain plan %s: user %.100q: %w", p.Header.ID, c.User, err)
		}
		s.N, s.Of, s.Key, s.Do = c.N, len(p.Containment), accountKey(c.User), c.Do
		steps = append(steps, s)
	}
	return steps, nil
}

func (a *Applier) contain(ctx context.Context, p *Plan, c *Containment, accounts Accounts, o *ApplyOptions) (Step, error) {
	note := func(phase audit.Phase, class Class, why string) (Step, error) {
		if o.DryRun {
			return Step{Phase: phase, Class: class, Why: why}, nil
		}
		return Step{Phase: phase, Class: class, Why: why}, a.Journal.AddReceipt(ctx, audit.Receipt{
			Plan: p.Header.Digest, Step: c.N, Phase: phase, Key: accountKey(c.User), At: a.now(), By: o.User, Attempt: 1, Why: why, Class: string(class),
		})
	}
	there, active, err := accounts.Active(ctx, c.User)
	switch {
	case err != nil:
		return Step{}, err
	case c.Do != DoDeactivate:
		return note(audit.PhaseFailed, "", "what is to be done is not known")
	case c.User == o.User:
		return note(audit.PhaseFailed, "", "it is the account as which we write")
	case !there:
		return note(audit.PhaseSkipped, ClassAlready, "there is no such account")
	case !active:
		return note(audit.PhaseSkipped, ClassAlready, "it is inactive already")
	case o.DryRun:
		return Step{}, nil
	}
	for _, phase := range []audit.Phase{audit.PhaseIntent, audit.PhaseSent} {
		if _, err := note(phase, "", ""); err != nil {
			return Step{}, err
		}
	}
	lost := accounts.Deactivate(ctx, c.User)
	if err := ctx.Err(); err != nil {
		return Step{}, err
	}
	there, active, err = accounts.Active(ctx, c.User)
	switch {
	case err != nil:
		return note(audit.PhaseUnknown, "", "the account cannot be looked at: "+short(err.Error()))
	case !there || !active:
		return note(audit.PhaseVerified, "", "")
	case lost != nil:
		return note(audit.PhaseFailed, "", "Harper refused it: "+short(lost.Error()))
	}
	return note(audit.PhaseFailed, "", "Harper acknowledged it, and the account is still active")
}

// ContainErr is what a caller must be told of steps that were carried out: nil, or
// ErrPartial or ErrUnknownOutcome.
func ContainErr(steps []Step) error {
	var failed []string
	err := error(nil)
	for _, s := range steps {
		switch s.Phase {
		case audit.PhaseUnknown:
			err = ErrUnknownOutcome
		case audit.PhaseFailed:
			if err == nil {
				err = ErrPartial
			}
		default:
			continue
		}
		failed = append(failed, s.Key.ID.Value().Text()+": "+s.Why)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("contain: %w: %s", err, short(fmt.Sprint(failed)))
}
