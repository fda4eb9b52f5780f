package main

import (
	"context"
	"fmt"
	"time"

	"recourse/audit"
	"recourse/query"
)

// The verbs that look closer, which recourse alone is asked. The busiest user is the
// one with the most changes, and the busiest record the one that this user changed
// most.
const (
	verbHistory  = "history of the busiest record"
	verbBlame    = "blame of the busiest record"
	verbAsOf     = "a record as of a time"
	verbTable    = "a table as of a time, all its records"
	verbPickaxe  = "pickaxe of a rare word"
	verbActor    = "profile of the busiest user"
	verbSessions = "sessions of the busiest user"
	verbBlast    = "blast radius of the busiest user"
)

var verbMeasures = []string{verbHistory, verbBlame, verbAsOf, verbTable, verbPickaxe, verbActor, verbSessions, verbBlast}

// A busy is what the verbs are asked about.
type busy struct {
	user    string
	changes int
	record  audit.Key
	times   int // the record was changed
	at      audit.Time
}

// busiest finds what to ask the verbs about.
func (r *recourse) busiest(ctx context.Context) (busy, error) {
	f, err := r.engine.Facets(ctx, query.Expr{}, []audit.Facet{audit.FacetUser}, 1)
	if err != nil {
		return busy{}, err
	}
	b := busy{user: f.Facets[0].Top[0].Value, changes: f.Facets[0].Top[0].N}
	a, err := r.engine.Actor(ctx, b.user, query.ActorOptions{})
	if err != nil {
		return b, err
	}
	b.record = a.Records[0].Record()
	b.at = (a.First.At() + a.Last.At()) / 2
	for _, err := range r.store.History(ctx, b.record) {
		if err != nil {
			return b, err
		}
		b.times++
	}
	return b, nil
}

// verbs measures each verb once: qs are the questions of a round.
func (r *recourse) verbs(ctx context.Context, b busy, qs []question, timed func(string, func() error) error) error {
	user, err := query.Parse("user:"+b.user, time.Now())
	if err != nil {
		return err
	}
	asks := map[string]func() error{
		verbHistory: func() error {
			for _, err := range r.store.History(ctx, b.record) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		verbBlame:    func() error { _, err := r.engine.Blame(ctx, b.record, query.BlameOptions{}); return err },
		verbActor:    func() error { _, err := r.engine.Actor(ctx, b.user, query.ActorOptions{}); return err },
		verbSessions: func() error { _, err := r.engine.Sessions(ctx, user, query.SessionOptions{}); return err },
		verbBlast: func() error {
			_, err := r.engine.BlastEach(ctx, user, func(*query.BlastRecord) error { return nil })
			return err
		},
		verbTable: func() error {
			_, err := r.engine.AsOfTable(ctx, b.record.Table, b.at, func(*query.RecordAsOf) error { return nil })
			return err
		},
	}
	for _, name := range verbMeasures {
		if do := asks[name]; do != nil {
			if err := timed(name, do); err != nil {
				return err
			}
		}
	}
	return r.verbsOf(ctx, b, qs, timed)
}

// verbsOf are those that are asked of each question's record or word.
func (r *recourse) verbsOf(ctx context.Context, b busy, qs []question, timed func(string, func() error) error) error {
	for _, q := range qs {
		var err error
		switch q.Kind {
		case recordHistory:
			key, failed := audit.ParseKey(q.Table + "/" + q.ID)
			if failed != nil {
				return fmt.Errorf("ask a verb: %w", failed)
			}
			err = timed(verbAsOf, func() error { _, err := r.engine.AsOf(ctx, key, b.at); return err })
		case rareWord:
			err = timed(verbPickaxe, func() error { _, err := r.engine.Pickaxe(ctx, q.Word, query.PickaxeOptions{}); return err })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
