package ingest

import (
	"context"
	"errors"

	"recourse/audit"
	"recourse/internal/harper"
)

// A target is a table to be tailed and what its reading needs to know.
type target struct {
	table   audit.Table
	primary string
	updated string
	system  bool
}

// targets lists the tables to tail.
func (t *Tailer) targets(ctx context.Context) ([]target, error) {
	infos, err := t.o.Server.DescribeAll(ctx)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, info := range infos {
		if !info.Audit {
			continue
		}
		tg := target{table: info.Table, primary: info.PrimaryKey}
		for _, a := range info.Attributes {
			if a.UpdatedTime {
				tg.updated = a.Name
			}
		}
		targets = append(targets, tg)
	}
	for _, name := range t.o.System {
		targets = append(targets, target{table: audit.Table{Database: "system", Name: name}, system: true})
	}
	return targets, nil
}

func byDatabase(targets []target) map[string][]target {
	m := map[string][]target{}
	for _, tg := range targets {
		m[tg.table.Database] = append(m[tg.table.Database], tg)
	}
	return m
}

// isRefused says that Harper does not let us read, or has no such table: what
// is expected of system tables with a user of few rights.
func isRefused(err error) bool {
	return errors.Is(err, harper.ErrForbidden) || errors.Is(err, harper.ErrNotFound)
}
