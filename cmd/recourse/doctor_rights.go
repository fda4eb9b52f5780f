package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/query"
)

// readingOperations are what a reader of the log needs or may have without
// being able to change anything.
var readingOperations = []string{
	"read_audit_log", "read_transaction_log", "system_information", "read_only", "user_info", "list_users", "list_roles",
	"get_configuration", "cluster_status", "registration_info", "get_job", "search_jobs_by_start_date", "read_log",
}

// byOperations says that the server knows roles with a list of operations, as
// from 5.1 on.
func (d *doctor) byOperations() bool { return d.line == "rocksdb" || number(d.version) >= 5001 }

// checkRights looks at what the user may do: enough to read, and no more.
func (d *doctor) checkRights() {
	switch {
	case d.user.SuperUser && d.byOperations():
		d.warn("rights", d.recipe(), "%s is a super user, and may do anything; this version can allow reading alone", d.user.Name)
	case d.user.SuperUser:
		d.ok("rights", "%s is a super user, which this version demands of who reads the log", d.user.Name)
	case !d.byOperations() && d.version == "" && !slices.Contains(d.user.Operations, "read_audit_log"):
		d.fail("rights", d.recipe(), "%s is no super user, and the role %s does not list the operation read_audit_log, which from 5.1 on would do", d.user.Name, d.user.Role)
	case !d.byOperations():
		d.fail("rights", d.recipe(), "%s is no super user, which this version demands of who reads the log", d.user.Name)
	case !slices.Contains(d.user.Operations, "read_audit_log"):
		d.fail("rights", d.recipe(), "the role %s does not list the operation read_audit_log", d.user.Role)
	default:
		d.checkOperations()
	}
}

// checkOperations looks at a role with a list of operations.
func (d *doctor) checkOperations() {
	var more []string
	for _, op := range d.user.Operations {
		if !slices.Contains(readingOperations, op) && !strings.HasPrefix(op, "describe_") && !strings.HasPrefix(op, "search_by_") {
			more = append(more, op)
		}
	}
	for database, permission := range d.user.Permission.Fields() {
		for table, may := range permission.Get("tables").Fields() {
			if may.Get("insert").Bool() || may.Get("update").Bool() || may.Get("delete").Bool() {
				more = append(more, "writing "+database+"."+table)
			}
		}
	}
	switch {
	case len(more) > 0:
		d.warn("rights", d.recipe(), "the role %s allows more than reading: %s", d.user.Role, few(more))
	case !slices.Contains(d.user.Operations, "system_information"):
		d.warn("rights", d.recipe(), "the role %s does not list system_information: the server's clock is known to the second only", d.user.Role)
	default:
		d.ok("rights", "the role %s lists what reading needs, and no more", d.user.Role)
	}
}

// recipe is how a user is made who may read the log and nothing else.
func (d *doctor) recipe() string {
	if !d.byOperations() {
		return d.curl(object("operation", "add_user", "username", "recourse", "password", "PASSWORD", "role", "super_user", "active", true))
	}
	permission := []any{"super_user", false, "operations", []string{"read_audit_log", "system_information", "read_only"}}
	for i, t := range d.tables {
		if i > 0 && d.tables[i-1].Table.Database == t.Table.Database {
			continue
		}
		var tables []any
		for _, u := range d.tables[i:] {
			if u.Table.Database != t.Table.Database {
				break
			}
			tables = append(tables, u.Table.Name, json.RawMessage(`{"read":true,"insert":false,"update":false,"delete":false,"attribute_permissions":[]}`))
		}
		permission = append(permission, t.Table.Database, json.RawMessage(object("tables", json.RawMessage(object(tables...)))))
	}
	return d.curl(object("operation", "add_role", "role", "recourse_reader", "permission", json.RawMessage(object(permission...)))) + "\n" +
		d.curl(object("operation", "add_user", "username", "recourse", "password", "PASSWORD", "role", "recourse_reader", "active", true))
}

// object is JSON with its names in the order given. Quotes of a shell are
// escaped, as the names of tables are the server's words.
func object(pairs ...any) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(pairs[i])    // a text
		value, _ := json.Marshal(pairs[i+1]) // made here
		fmt.Fprintf(&b, "%s:%s", name, value)
	}
	b.WriteByte('}')
	return strings.ReplaceAll(b.String(), "'", `\u0027`)
}

// checkAudit looks at whether Harper logs at all, each table, and how long it
// keeps it.
func (d *doctor) checkAudit(ctx context.Context) {
	cfg, err := d.client.Configuration(ctx)
	told := err == nil
	if told && cfg.AuditLog != nil && !*cfg.AuditLog {
		d.fail("audit", d.curl(object("operation", "set_configuration", "logging_auditLog", true))+"\n"+d.curl(object("operation", "restart")), "logging.auditLog is false: Harper logs nothing")
	} else {
		d.checkTables()
	}
	d.checkRetention(cfg, told)
}

func (d *doctor) checkTables() {
	var off []string
	for _, t := range d.tables {
		if !t.Audit {
			off = append(off, t.Table.String())
		}
	}
	switch {
	case len(off) > 0:
		d.warn("audit", "in the schema: type NAME @table(audit: true) { … }, and restart Harper", "%d of %d tables are not audited, and nothing is ever known of them: %s", len(off), len(d.tables), few(off))
	case len(d.tables) > 0:
		d.ok("audit", "all tables in sight are audited")
	default:
		d.unknown("audit", "", "no table is in sight")
	}
}

// checkRetention compares how long Harper keeps its log with what is set here,
// if anything is.
func (d *doctor) checkRetention(cfg harper.Config, told bool) {
	set, explicit, err := d.retention()
	keeps := cfg.AuditRetention
	switch {
	case err != nil:
		d.fail("retention", "", "--retention: %s", err)
	case !told:
		d.unknown("retention", "", "user %s may not ask for the configuration; assumed are %s (--retention, or retention in recourse.yaml)", d.user.Name, span(set))
	case keeps == 0:
		d.ok("retention", "not set: Harper's own default counts, and %s are assumed", span(set))
	case explicit && keeps < set:
		d.warn("retention", "in recourse.yaml: retention: "+span(keeps), "Harper keeps its log for %s, and --retention or recourse.yaml says %s", span(keeps), span(set))
	default:
		d.ok("retention", "Harper keeps its log for %s", span(keeps))
	}
	if keeps > 0 && (d.keeps == 0 || keeps < d.keeps) {
		d.keeps = keeps
	}
}

// retention is what the flag or the file says of how long Harper keeps its log,
// and whether one of them does.
func (d *doctor) retention() (keep time.Duration, explicit bool, err error) {
	switch {
	case d.c.IsSet("retention"):
		keep, err = parseDuration(d.c.String("retention"))
		return keep, true, err
	case d.cfg.Retention > 0:
		return time.Duration(d.cfg.Retention), true, nil
	}
	return 72 * time.Hour, false, nil
}

// horizon is the age of what is deleted from a log next: the shortest of what
// the servers and what the settings say.
func (d *doctor) horizon() (time.Duration, error) {
	set, explicit, err := d.retention()
	if d.keeps > 0 && (!explicit || d.keeps < set) {
		return d.keeps, err
	}
	return set, err
}

// span is a duration as Harper writes it.
func span(t time.Duration) string {
	if t%(24*time.Hour) == 0 && t > 0 {
		return fmt.Sprintf("%dd", t/(24*time.Hour))
	}
	s := t.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// checkLag compares how far reading is behind with how long the log is kept.
func (d *doctor) checkLag(ctx context.Context, r *query.Reading) {
	cursors, err := d.w.store.Cursors(ctx)
	keep, err2 := d.horizon()
	if err != nil || err2 != nil || len(cursors) == 0 {
		return // of which other checks speak
	}
	var slowest audit.Cursor
	for _, c := range cursors {
		if slowest.Time == 0 || c.Time < slowest.Time {
			slowest = c
		}
	}
	lag := max(r.Now.Go().Sub(slowest.Time.Go()), 0)
	seen := fmt.Sprintf("%s on %s was read to %s, %s ago", slowest.Table, slowest.Node, slowest.Time.ISO(), lag.Round(time.Second))
	switch {
	case lag > keep:
		d.fail("lag", "recourse watch", "%s, and the log is kept for %s: what is older may be lost", seen, span(keep))
	case lag > keep/2:
		d.warn("lag", "recourse watch", "%s; in %s Harper deletes what was not read", seen, (keep - lag).Round(time.Minute))
	default:
		d.ok("lag", "%s; %s are left before Harper deletes what was not read", seen, (keep - lag).Round(time.Minute))
	}
}
