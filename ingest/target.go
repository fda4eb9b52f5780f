package ingest

import (
	"context"
	"errors"
	"time"

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
		if !info.SchemaDefined {
			tg.updated = "__updatedtime__" // every record has it there
		}
		for _, a := range info.Attributes {
			if a.UpdatedTime {
				tg.updated = a.Name
			}
		}
		targets = append(targets, tg)
	}
	system, err := t.system(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range system {
		targets = append(targets, target{table: audit.Table{Database: "system", Name: name}, system: true})
	}
	return targets, nil
}

// system lists the system tables to tail. Which of them Harper logs it is asked
// now and then: it does not change while a Harper runs.
func (t *Tailer) system(ctx context.Context) ([]string, error) {
	if t.o.System != nil {
		return t.o.System, nil
	}
	server, ok := t.o.Server.(describer)
	if !ok {
		return []string{"hdb_user", "hdb_role", "hdb_job"}, nil
	}
	now := t.o.Now()
	t.mu.Lock()
	known, again := t.systems, t.askAgain
	t.mu.Unlock()
	if known != nil && now.Before(again) {
		return known, nil
	}
	names, err := SystemTargets(ctx, server)
	if err != nil {
		if known != nil {
			return known, nil
		}
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.systems, t.askAgain = names, now.Add(20*t.o.Discover)
	return names, nil
}

// A describer describes single tables.
type describer interface {
	DescribeTable(context.Context, audit.Table) (harper.TableInfo, error)
}

// retention is how long the server keeps its log.
func (t *Tailer) retention() time.Duration {
	if t.o.Kept != nil {
		if d, known := t.o.Kept(); known && d > 0 {
			return d
		}
	}
	return t.o.Retention
}

// tiers are the re-scans that there are.
func (t *Tailer) tiers() []Rescan { return t.o.tiers(t.retention()) }

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
