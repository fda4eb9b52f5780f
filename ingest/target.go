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

func (tg *target) name() string { return tg.table.String() }

// targets lists the tables to tail.
func (t *Tailer) targets(ctx context.Context) ([]target, error) {
	infos, err := t.o.Server.DescribeAll(ctx)
	if err != nil {
		return nil, err
	}
	if len(infos) == 0 {
		t.o.Log.Warn("Harper shows no table: there is none, or this user may read none", "node", t.o.Node)
	}
	var targets []target
	for _, info := range infos {
		if t.isUnlogged(info) {
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

// isUnlogged says that Harper keeps no audit log of a table, and tells so once:
// its changes cannot be known.
func (t *Tailer) isUnlogged(info harper.TableInfo) bool {
	t.mu.Lock()
	told := t.unlogged[info.Table]
	t.unlogged[info.Table] = !info.Audit
	t.mu.Unlock()
	if !info.Audit && !told {
		t.o.Log.Warn("this table's changes are not logged by Harper and cannot be known", "table", info.Table.String())
	}
	return !info.Audit
}

// mayRead makes sure that the server lets us read the audit log at all. Which
// tables a user may read makes no difference to that.
func (t *Tailer) mayRead(ctx context.Context, targets []target) error {
	if len(targets) == 0 {
		return nil
	}
	server, _, err := t.o.Server.ServerTime(ctx)
	if err != nil {
		return err
	}
	for _, err := range t.o.Server.AuditLog(ctx, harper.AuditQuery{Table: targets[0].table, From: server, JSON: t.o.JSON}) {
		if errors.Is(err, harper.ErrForbidden) || errors.Is(err, harper.ErrUnauthorized) {
			return err
		}
		break
	}
	return nil
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
