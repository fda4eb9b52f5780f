package ingest

import (
	"context"
	"errors"

	"recourse/audit"
	"recourse/internal/harper"
)

// A SystemServer tells of Harper's own tables. *harper.Client is one.
type SystemServer interface {
	// DescribeTable describes one table, of the database "system" too.
	DescribeTable(context.Context, audit.Table) (harper.TableInfo, error)
	// Users and Roles are what list_users and list_roles answer.
	Users(context.Context) ([]harper.Named, error)
	Roles(context.Context) ([]harper.Named, error)
}

// systemTables are the tables of the database "system" that tell of rights,
// jobs, the cluster, code and certificates. The others are caches, counts and
// the like; those of sessions are left out because their keys are what a browser
// logs in with, and a key cannot be redacted.
var systemTables = []string{
	"hdb_user", "hdb_role", "hdb_job", "hdb_nodes", "hdb_deployment",
	"hdb_certificate", "hdb_revoked_certificates", "hdb_license",
}

// basicTables are tailed even where Harper does not say whether it logs them: it
// may refuse to describe what it lets be read.
var basicTables = map[string]bool{"hdb_user": true, "hdb_role": true, "hdb_job": true}

// SystemTargets lists the system tables that this Harper keeps a log of and that
// are worth tailing. Which it logs differs by version.
func SystemTargets(ctx context.Context, server describer) ([]string, error) {
	names := []string{}
	for _, name := range systemTables {
		info, err := server.DescribeTable(ctx, audit.Table{Database: "system", Name: name})
		switch {
		case err == nil && info.Audit, errors.Is(err, harper.ErrForbidden) && basicTables[name]:
			names = append(names, name)
		case err == nil || isNotThere(err):
		default:
			return nil, err
		}
	}
	return names, nil
}

// isNotThere says that a table is not to be had here: it does not exist, or we
// may not know of it.
func isNotThere(err error) bool {
	var e *harper.Error
	return isRefused(err) || errors.As(err, &e) && e.Status == 400
}

// systemView is whether Harper logs some of its own tables, as it said last.
type systemView struct {
	at     audit.Time
	logged map[string]bool // a name that is missing: not known
}

// viewFor is for how long, in milliseconds, a view counts.
const viewFor = 600_000

// unaudited says that Harper keeps no log of a system table, for certain.
func (v systemView) unaudited(name string) bool {
	logged, known := v.logged[name]
	return known && !logged
}

// refreshSystem asks again, now and then, which system tables are logged. What
// cannot be asked is not known, and counts as logged.
func (s *Sentinel) refreshSystem(ctx context.Context, now audit.Time) {
	if s.system.logged != nil && now >= s.system.at && now-s.system.at < viewFor {
		return
	}
	view := systemView{at: now, logged: map[string]bool{}}
	for name := range basicTables {
		info, err := s.o.Server.DescribeTable(ctx, audit.Table{Database: "system", Name: name})
		switch {
		case err == nil:
			view.logged[name] = info.Audit
		case errors.Is(err, harper.ErrNotFound):
			view.logged[name] = false
		default:
			s.o.Log.Debug("ask whether a system table is logged", "table", name, "err", err)
		}
	}
	s.system = view
}
