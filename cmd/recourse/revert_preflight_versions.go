package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/revert"
)

// future finds records whose version lies ahead of the server's clock: they
// swallow writes.
func (p *preflight) future(ctx context.Context) error {
	if p.server.began == 0 {
		return nil
	}
	var ahead []string
	n := 0
	look := func(table audit.Table, ids []audit.ID) error {
		found, err := p.aheadOf(ctx, table, ids)
		ahead = append(ahead, found[:min(len(found), max(0, 3-len(ahead)))]...)
		n += len(found)
		return err
	}
	byTable := map[audit.Table][]audit.ID{}
	for a, err := range p.plan.EachAction() {
		if err != nil {
			return err
		}
		t := a.K.Table
		if a.Do == revert.DoInsert {
			continue
		}
		if byTable[t] = append(byTable[t], a.K.ID); len(byTable[t]) < preflightTogether {
			continue
		}
		if err := look(t, byTable[t]); err != nil {
			return err
		}
		delete(byTable, t)
	}
	for table, ids := range byTable {
		if err := look(table, ids); err != nil {
			return err
		}
	}
	if n > 0 {
		slices.Sort(ahead)
		p.say("future", revert.CheckRefused, "wait until those times have passed, or --allow future: the writes to them will fail, and say so", "the versions of %d records lie in the future, and Harper ignores writes to such: %s", n, strings.Join(ahead, ", "))
	}
	return nil
}

// aheadOf are those of some records whose version lies in the future, with it.
func (p *preflight) aheadOf(ctx context.Context, table audit.Table, ids []audit.ID) ([]string, error) {
	records, err := p.server.client.Current(ctx, table, ids)
	var single harper.IDErrors
	if err != nil && !errors.As(err, &single) && !errors.Is(err, harper.ErrNotFound) {
		return nil, fmt.Errorf("look at the records of %s before writing: %w", table, err)
	}
	var ahead []string
	for id, r := range records {
		if r.Version > p.server.began+audit.Time(maxSkew.Milliseconds()) {
			ahead = append(ahead, fmt.Sprintf("%s (%s)", audit.Key{Table: table, ID: id}, r.Version.ISO()))
		}
	}
	return ahead, nil
}
