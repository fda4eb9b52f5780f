package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"recourse/audit"
	"recourse/store"
)

// An office stores the alerts of a stream as watch does, to learn of which people
// are told: one that repeats another, or that another explains, is recorded and no
// more (docs/notify.md).
type office struct {
	dir string
	db  *store.DB
}

func newOffice() (*office, error) {
	dir, err := os.MkdirTemp("", "recourse-detect-")
	if err != nil {
		return nil, err
	}
	db, err := store.Open(dir, store.Options{NoSync: true, SkipCheck: true, Memory: 1})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &office{dir, db}, nil
}

func (o *office) close() error { return errors.Join(o.db.Close(), os.RemoveAll(o.dir)) }

// file stores the alerts that began or grew with the changes up to the last, and
// says of those of which people are told when they first were.
func (o *office) file(s *stream, grown map[string]int, last *audit.Change) error {
	if len(grown) == 0 {
		return nil
	}
	ctx := context.Background()
	var alerts []audit.Alert
	for _, id := range slices.Sorted(maps.Keys(grown)) {
		r := &s.alerts[grown[id]]
		r.alert.RaisedSeq = r.seq
		alerts = append(alerts, r.alert)
	}
	if err := o.db.SaveAlerts(ctx, alerts, nil, last.Seq); err != nil {
		return err
	}
	heads, err := o.db.AlertHeads(ctx)
	if err != nil {
		return err
	}
	for _, a := range heads {
		k, there := s.index[a.ID]
		if !there {
			return fmt.Errorf("alert %s is stored and was never raised", a.ID)
		}
		r := &s.alerts[k]
		switch {
		case a.Muted != "" || r.told:
			r.withheld = !r.told
		case r.withheld: // it grew until people had to hear of it
			r.told, r.withheld, r.seq, r.at = true, false, last.Seq, last.Time
		default:
			r.told = true
		}
	}
	clear(grown)
	return nil
}
