package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// lister is the user all of whose changes are printed.
const lister = "u7"

// What recourse is asked beside the questions that every system is.
const (
	deepPage   = "a page 100,000 deep, newest first"
	hoursOfAny = "changes by the hour, of any filter"
	topOfAny   = "top ten users, of any filter"
	carried    = "a rare word that the record carries (q3 as the peers mean it)"
)

var ownMeasures = append([]string{deepPage, hoursOfAny, topOfAny, carried}, verbMeasures...)

// depth is how deep the deep page is, where there are so many changes.
const depth = 100_000

// unaided is a filter that no sum and no word helps with: every change must be
// looked at, and few match. One is of the language of queries, one of rules.
const (
	unaided        = "after.total>=9999.5 or after.kwh>=9999.5 or after.stock:[9998..9998]"
	unaidedByRules = "after.total >= 9999.5 or after.kwh >= 9999.5 or after.stock == 9998"
)

// extras measures what recourse alone is asked: qs are the questions of a round.
func extras(ctx context.Context, r *recourse, d *dataset, qs []question, res *results) error {
	timed := func(name string, do func() error) error {
		began := time.Now()
		err := do()
		took := time.Since(began)
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
		res.Own[name] = append(res.Own[name], took)
		return nil
	}
	for _, filter := range filters(qs) {
		err := errors.Join(
			timed(hoursOfAny, func() error { _, _, err := r.hours(ctx, filter); return err }),
			timed(topOfAny, func() error { _, _, err := r.top(ctx, filter); return err }))
		if err != nil {
			return err
		}
	}
	for i := range qs {
		if qs[i].Kind != rareWord {
			continue
		}
		err := errors.Join(
			timed(deepPage, func() error { return r.deep(ctx, min(depth, d.Changes/2)+i) }),
			timed(carried, func() error { _, err := r.search(ctx, "carries:"+qs[i].Word, 0); return err }))
		if err != nil {
			return err
		}
	}
	b, err := r.busiest(ctx)
	if err == nil {
		err = r.verbs(ctx, b, qs, timed)
	}
	if err != nil {
		return err
	}
	return scans(ctx, r, d, res)
}

// scans measures how fast changes are looked at one by one.
func scans(ctx context.Context, r *recourse, d *dataset, res *results) error {
	began := time.Now()
	n, err := r.search(ctx, unaided, 0)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	res.Scanned = append(res.Scanned, float64(d.Changes)/time.Since(began).Seconds())
	began = time.Now()
	m, err := r.scan(ctx, unaidedByRules)
	if err != nil {
		return fmt.Errorf("scan by a condition: %w", err)
	}
	res.ScannedByRules = append(res.ScannedByRules, float64(d.Changes)/time.Since(began).Seconds())
	if n != m {
		res.Differ = append(res.Differ, fmt.Sprintf("%s finds %d, %s finds %d", unaided, n, unaidedByRules, m))
	}
	return nil
}

// filters are of all sorts: everything, and by one or several things, some of
// which only looking at changes can decide.
func filters(qs []question) []string {
	out := []string{"*", "op:update", "op:delete", "attr:price", "late:false", "-op:insert"}
	for _, q := range qs {
		switch q.Kind {
		case newestOfUser:
			out = append(out, "user:"+q.User+" table:"+q.Table, "table:"+q.Table+fmt.Sprintf(" time>=%s time<%s", number(q.From), number(q.To)))
		case topDeleters:
			out = append(out, "op:delete table:"+q.Table, "(op:insert or op:upsert) table:"+q.Table)
		case hourly:
			out = append(out, "user:"+q.User)
		}
	}
	return out
}

// list measures how long all changes of one user take to be printed.
func list(ctx context.Context, r *recourse, d *dataset, res *results, rounds int) error {
	small := &recourse{dir: r.dir + "-small", binary: r.binary, budget: r.budget}
	if d.Groups > smallGroups {
		if err := emptyDir(small.data()); err != nil {
			return err
		}
		if _, err := small.add(ctx, d.Small, d.smallChanges); err != nil {
			return err
		}
	} else {
		small.dir = r.dir
	}
	for range rounds {
		l, err := printed(exec.CommandContext(ctx, small.binary, "--data", small.data(), "-o", "ndjson", "search", "--limit", "0", "user:"+lister))
		if err != nil {
			return err
		}
		res.List = append(res.List, l)
		if !present(res, "ripgrep") {
			continue
		}
		if l, err = grepUser(ctx, d.Small, lister); err != nil {
			return err
		}
		res.Grep = append(res.Grep, l)
	}
	if err := small.Open(ctx); err != nil {
		return err
	}
	for range rounds {
		began := time.Now()
		if _, err := small.search(ctx, "user:"+lister, 0); err != nil {
			return errors.Join(err, small.Close())
		}
		res.ListIn = append(res.ListIn, time.Since(began))
	}
	return small.Close()
}
