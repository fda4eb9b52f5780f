package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/internal/harper"
	"recourse/revert"
)

// attacker says whether users of the selection could still do harm.
func (p *preflight) attacker(ctx context.Context) error {
	var who []string
	for user := range p.plan.Outline.Suspects() {
		if user != "" {
			who = append(who, user)
		}
	}
	if len(who) == 0 {
		return nil
	}
	slices.Sort(who)
	const hint = "set them inactive (alter_user), or say what holds them off with --attacker-contained-by TEXT"
	if slices.Contains(who, p.user) {
		p.say("user", revert.CheckRefused, "write as a user that does nothing else", "%q, as whom we would write, is of the selection", p.user)
	}
	if p.why != "" {
		p.say("attacker", revert.CheckWarn, "", "%s: contained by: %s", strings.Join(who, ", "), p.why)
		return nil
	}
	users, err := p.server.client.Users(ctx)
	if errors.Is(err, harper.ErrForbidden) {
		p.say("attacker", revert.CheckRefused, hint, "whether %s can still log in is not known: %q may not list the users", strings.Join(who, ", "), p.user)
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the users before writing: %w", err)
	}
	who = slices.DeleteFunc(who, func(name string) bool {
		return !slices.ContainsFunc(users, func(u harper.Named) bool { return u.Key == name && u.Value.Get("active").Bool() })
	})
	if len(who) > 0 {
		p.say("attacker", revert.CheckRefused, hint, "users of the selection can still log in: %s", strings.Join(who, ", "))
	}
	return nil
}

// rights says whether our user may do more than it needs.
func (p *preflight) rights(ctx context.Context) error {
	if p.user == "" {
		return nil
	}
	u, err := p.server.client.UserInfo(ctx)
	if err != nil {
		return nil // a role may lack the operation; what else it lacks, the writes find
	}
	if u.SuperUser {
		p.say("rights", revert.CheckWarn, "", "%q is a super user: on Harper 5.1 and later a role with read_audit_log and the tables' own permissions does", p.user)
	}
	return nil
}
