package ingest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
)

var jobTable = audit.Table{Database: "system", Name: "hdb_job"}

// jobMemory is what is known of one of Harper's jobs: from the log of
// system.hdb_job, whose first images hold the request and whose last one the
// outcome, or from the list of jobs, which does not tell the table.
type jobMemory struct {
	ID       string           `json:"id"`
	Type     string           `json:"type"`
	User     string           `json:"user,omitempty"`
	Table    audit.Table      `json:"table"`            // empty: not told
	Before   string           `json:"before,omitempty"` // the time that was asked for, for people
	Status   string           `json:"status,omitempty"`
	Message  string           `json:"message,omitempty"`
	Deleted  *int64           `json:"deleted,omitempty"` // entries of the log; nil: not told
	Start    audit.Time       `json:"start,omitempty"`   // as first told
	End      audit.Time       `json:"end,omitempty"`     // 0: not over, or not told
	Seen     audit.Time       `json:"seen"`              // when something of it was learned last
	Evidence []audit.Evidence `json:"evidence,omitempty"`
	// Subject is the table of the alert about it, which must stay the same.
	Subject *audit.Table `json:"subject,omitempty"`
	Anon    *burst       `json:"anon,omitempty"`  // the changes without a user that it made
	Fresh   bool         `json:"fresh,omitempty"` // something of it is not in its alert yet
}

// The jobs that matter here, by what they do.
var (
	purgeJobs  = map[string]bool{"delete_audit_logs_before": true, "delete_transaction_logs_before": true}
	loadJobs   = map[string]bool{"csv_data_load": true, "csv_file_load": true, "csv_url_load": true, "import_from_s3": true}
	deleteJobs = map[string]bool{"delete_records_before": true, "delete_files_before": true}
)

func (r *round) job(id string) *jobMemory {
	j := r.m.Jobs[id]
	if j == nil {
		j = &jobMemory{ID: id}
		r.m.Jobs[id] = j
	}
	return j
}

// jobChange takes in a change of system.hdb_job.
func (r *round) jobChange(c *audit.Change) {
	body := c.After.Body
	id := c.Key.ID.Value().Text()
	kind := cmp.Or(body.Get("type").Text(), body.Get("request").Get("operation").Text())
	known := r.m.Jobs[id]
	if id == "" || known == nil && !purgeJobs[kind] && !loadJobs[kind] && !deleteJobs[kind] {
		return
	}
	j := r.job(id)
	j.Evidence = append(j.Evidence, evidence(c))
	request := body.Get("request")
	j.learn(jobMemory{
		Type: kind, User: cmp.Or(body.Get("user").Text(), request.Get("hdb_user").Get("username").Text()),
		Status: body.Get("status").Text(), Message: body.Get("message").Text(),
		Table:  audit.Table{Database: cmp.Or(request.Get("database").Text(), request.Get("schema").Text()), Name: request.Get("table").Text()},
		Before: moment(cmp.Or(string(request.Get("timestamp")), string(request.Get("date")))),
		Start:  cmp.Or(number(body.Get("created_datetime")), number(body.Get("start_datetime")), c.Time), End: number(body.Get("end_datetime")),
		Deleted: deletedEntries(body.Get("result")), Seen: r.server,
	})
}

// polledJobs asks for the jobs where no log tells of them.
func (r *round) polledJobs(ctx context.Context) error {
	if !r.s.system.unaudited("hdb_job") {
		return nil
	}
	from := r.m.lastJob() - hour
	list, err := r.s.o.Server.Jobs(ctx, from.Go(), (r.server + hour).Go())
	if isRefused(err) {
		r.s.once("no log tells of jobs, and they cannot be listed: who deletes a log is not known", err)
		r.jobsUntil = r.server // nobody will know more
		return nil
	}
	if err != nil {
		return err
	}
	for _, l := range list {
		if !purgeJobs[l.Type] && !loadJobs[l.Type] && !deleteJobs[l.Type] || l.ID == "" {
			continue
		}
		r.job(l.ID).learn(polled(l, r.server))
	}
	r.jobsUntil = r.server
	return nil
}

func polled(l harper.Job, now audit.Time) jobMemory {
	return jobMemory{Type: l.Type, User: l.User, Status: l.Status, Message: l.Message, Start: finite(l.Start), End: finite(l.End), Seen: now}
}

// lastJob is when the newest known job was learned of; at first, a day ago.
func (m *memory) lastJob() audit.Time {
	last := max(m.Config.Seen, 1) - 24*hour
	for _, j := range m.Jobs {
		last = max(last, j.Start)
	}
	return max(last, 0)
}

// learn adds what is new. What a job is, who asked for it and when it began stay
// as they were first told.
func (j *jobMemory) learn(n jobMemory) {
	before := *j
	j.Type, j.User, j.Before = cmp.Or(j.Type, n.Type), cmp.Or(j.User, n.User), cmp.Or(j.Before, n.Before)
	j.Start, j.End = cmp.Or(j.Start, n.Start), cmp.Or(n.End, j.End)
	j.Table.Database, j.Table.Name = cmp.Or(j.Table.Database, n.Table.Database), cmp.Or(j.Table.Name, n.Table.Name)
	j.Status, j.Message = cmp.Or(n.Status, j.Status), cmp.Or(n.Message, j.Message)
	if n.Deleted != nil {
		j.Deleted = n.Deleted
	}
	if before.Status != j.Status || before.Table != j.Table || before.User != j.User || (before.Deleted == nil) != (j.Deleted == nil) {
		j.Fresh, j.Seen = true, n.Seen
	}
}

// number is a time in milliseconds, or 0.
func number(v audit.Value) audit.Time {
	f, _ := v.Float64()
	return finite(audit.Time(f))
}

// finite is a time that can be noted, or 0.
func finite(t audit.Time) audit.Time {
	if t.Go().IsZero() {
		return 0
	}
	return t
}

// moment is the time of a request as a title shows it: milliseconds are a time,
// anything else is shown as it was sent.
func moment(encoded string) string {
	v := audit.Value(encoded)
	if f, ok := v.Float64(); ok && !audit.Time(f).Go().IsZero() {
		return clock(audit.Time(f))
	}
	switch v.Kind() {
	case audit.KindMissing, audit.KindNull:
		return ""
	case audit.KindText:
		return named(v.Text())
	}
	return named(v.JSON())
}

// deletedEntries is how many entries of a log a job deleted, where its outcome
// tells.
func deletedEntries(result audit.Value) *int64 {
	for _, name := range []string{"entries_deleted", "transactions_deleted"} {
		if f, ok := result.Get(name).Float64(); ok {
			n := int64(f)
			return &n
		}
	}
	return nil
}

// purges raises the jobs that delete a log, and again when more is known of them.
func (r *round) purges(context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(r.m.Jobs)) {
		j := r.m.Jobs[id]
		if !purgeJobs[j.Type] || !j.Fresh {
			continue
		}
		j.Fresh = false
		isNew := j.Subject == nil
		if isNew {
			subject := j.Table
			j.Subject = &subject
		}
		a := Alarm{
			Rule: LogPurged, Table: *j.Subject, User: j.User, Begin: j.Start, End: max(j.Start, j.End), Case: j.ID,
			Changes: j.Evidence, Title: j.purgeTitle(),
		}
		if j.Deleted != nil && *j.Deleted == 0 || strings.EqualFold(j.Status, "error") {
			a.Severity, a.Risk = "high", 55
		} else if isNew {
			r.cut(j.Table, max(j.Start, j.End), "a job deleted the log, and with it what of it had not been read")
		}
		r.raise(a, isNew)
	}
	return nil
}

// cut leaves a gap in every log that somebody deleted at a time since the last
// look: what had not been read by then may be lost. Without a table, it is those
// of a database, and without a database all. Where the size of a database's log
// counts, so on RocksDB, a table's log is that of its database.
func (r *round) cut(what audit.Table, at audit.Time, why string) {
	for _, tm := range r.m.sorted() {
		size := r.m.Sizes[tm.Table.Database].Bytes
		mine := what.Database == "" || what.Database == tm.Table.Database && (what.Name == "" || what.Name == tm.Table.Name || r.countsBytes(size))
		if !mine || tm.before == 0 || tm.before >= r.server || at != 0 && at < tm.before-ms(r.s.o.Overlap) {
			continue
		}
		r.gap(audit.Gap{Table: tm.Table, From: tm.before, To: r.server, Kind: audit.GapPurged, Reason: why})
	}
}

func (j *jobMemory) purgeTitle() string {
	who, what, before := "somebody", "the audit log", ""
	if j.User != "" {
		who = named(j.User)
	}
	switch {
	case j.Table.Name != "":
		what += " of " + namedTable(j.Table)
	case j.Table.Database != "":
		what += " of " + named(j.Table.Database)
	}
	if j.Before != "" {
		before = " before " + j.Before
	}
	title := fmt.Sprintf("%s had %s%s deleted at %s", who, what, before, clock(j.Start))
	switch {
	case strings.EqualFold(j.Status, "error"):
		return title + ", which failed: " + named(j.Message)
	case j.Deleted != nil && *j.Deleted == 0:
		return title + "; nothing was deleted"
	case j.Deleted != nil:
		return fmt.Sprintf("%s: %s of all tables of the database are gone", title, counted(int(*j.Deleted), "entry"))
	case j.End == 0:
		return title + "; the job is not over"
	}
	return title
}

// purging says that a known job deletes a database's log, or did so after a time.
func (m *memory) purging(db string, since audit.Time) bool {
	for _, j := range m.Jobs {
		if purgeJobs[j.Type] && (j.Table.Database == db || j.Table.Database == "") && (j.End == 0 || j.End >= since) {
			return true
		}
	}
	return false
}
