package harpertest

import (
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

var jobTable = audit.Table{Database: "system", Name: "hdb_job"}

// job runs work as a Harper job and leaves its three entries in hdb_job: the
// first two with the request and who sent it, the last with the outcome. The
// job is over when the request is answered.
func (o *op) job(work func() (msg string, result audit.Value, err error)) (any, error) {
	id := newUUID()
	now := audit.Float(math.Floor(float64(o.s.now())))
	fields := map[string]audit.Value{
		"id": audit.Text(id), "type": audit.Text(o.name), "status": audit.Text("CREATED"), "user": audit.Text(o.user.Name),
		"start_datetime": now, "created_datetime": now, "request": o.jobRequest(),
	}
	o.s.systemWrite("hdb_job", audit.OpInsert, textID(id), audit.Object(fields), "message", "end_datetime")
	o.s.systemWrite("hdb_job", audit.OpUpdate, textID(id), audit.Object(map[string]audit.Value{"id": audit.Text(id), "status": audit.Text("IN_PROGRESS"), "request": fields["request"]}), "message", "end_datetime")
	msg, result, err := work()
	status := "COMPLETE"
	if err != nil {
		status, msg = "ERROR", err.Error()
	}
	if msg == "" {
		msg = "Successfully completed job: " + id
	}
	end := map[string]audit.Value{"id": audit.Text(id), "status": audit.Text(status), "message": audit.Text(msg), "end_datetime": audit.Float(math.Floor(float64(o.s.now())))}
	if o.s.line == RocksDB {
		end["result"] = result
	}
	o.s.systemWrite("hdb_job", audit.OpUpdate, textID(id), audit.Object(end), "request")
	return obj{{"message", "Starting job with id " + id}, {"job_id", id}}, nil
}

// jobRequest is the request as Harper logs it, the caller's record included.
func (o *op) jobRequest() audit.Value {
	user := map[string]audit.Value{"active": audit.Bool(true), "username": audit.Text(o.user.Name),
		"role": audit.Object(map[string]audit.Value{"permission": audit.Object(map[string]audit.Value{"super_user": audit.Bool(o.user.SuperUser)}), "role": audit.Text(o.user.role()), "id": audit.Text(o.user.role())})}
	return o.body.With("hdb_user", audit.Object(user))
}

func (o *op) deleteLogsBefore() (any, error) {
	whole := o.s.line == RocksDB && o.name == "delete_transaction_logs_before"
	if o.text("table") == "" && !whole {
		return nil, clientError(400, "'table' is required")
	}
	before, ok := o.body.Get("timestamp").Float64()
	if !ok {
		return nil, clientError(400, "'timestamp' is required")
	}
	db := o.s.dbs[o.target().Database]
	if t := o.s.table(o.target()); t == nil && !whole || db == nil {
		return nil, o.mustHave(404)
	}
	return o.job(func() (string, audit.Value, error) {
		if o.s.line == LMDB {
			o.s.table(o.target()).wipe(func(e *entry) bool { return e.LocalTime < audit.Time(before) })
			return "", nil, nil
		}
		n, files := o.s.purge(db, audit.Time(before))
		if !whole {
			return "", audit.Object(map[string]audit.Value{"transactions_deleted": audit.Int(int64(n)), "deprecated": audit.Text("Please use delete_transaction_logs_before instead")}), nil
		}
		return "", audit.Object(map[string]audit.Value{"entries_deleted": audit.Int(int64(n)), "log_files_deleted": audit.Int(int64(files))}), nil
	})
}

func (o *op) deleteRecordsBefore() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	t := o.s.table(o.target())
	date := o.text("date")
	if !isISODay(date) {
		return nil, clientError(400, "Invalid date, must be in ISO-8601 format (YYYY-MM-DD).")
	}
	limit, err := time.Parse(time.DateOnly, date[:10])
	if err != nil {
		return nil, clientError(400, "Invalid date, must be in ISO-8601 format (YYYY-MM-DD).")
	}
	return o.job(func() (string, audit.Value, error) {
		var keys []audit.Value
		for _, r := range t.living() {
			if f, _ := r.value.Get(t.created).Float64(); t.created != "" && audit.Time(f) < audit.TimeOf(limit) {
				keys = append(keys, r.id.Value())
			}
		}
		if keys == nil {
			return "No records found to delete", nil, nil
		}
		if err := o.s.opsDelete("", t, keys); err != nil {
			return "", nil, err
		}
		return deleteMessage(keys)[0].val.(string), nil, nil
	})
}

// csvDataLoad writes comma-separated records, without naming who sent them.
func (o *op) csvDataLoad() (any, error) {
	if err := o.mustHave(400); err != nil {
		return nil, err
	}
	t, action := o.s.table(o.target()), o.text("action")
	if action == "" {
		action = "insert"
	}
	if denied := permitTable(o.user, t.Table, "insert"); denied != nil {
		return nil, denied
	}
	rows, err := csv.NewReader(strings.NewReader(o.text("data"))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, clientError(400, "invalid csv data")
	}
	var records []audit.Value
	for _, row := range rows[1:] {
		fields := map[string]audit.Value{}
		for i, name := range rows[0] {
			fields[name] = autoCast(row[i])
		}
		records = append(records, audit.Object(fields))
	}
	return o.job(func() (string, audit.Value, error) {
		written, _, err := o.s.opsWrite("", action, t, records)
		return fmt.Sprintf("successfully loaded %d of %d records", len(written), len(records)), nil, err
	})
}

// autoCast reads a number, a boolean or null out of text, as Harper does with
// CSV and with ids in a path.
func autoCast(s string) audit.Value {
	switch s {
	case "true", "false":
		return audit.Bool(s == "true")
	case "null":
		return audit.Null()
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && audit.Time(f).String() == s {
		return audit.Float(f)
	}
	return audit.Text(s)
}

func (o *op) getJob() (any, error) {
	r := o.s.table(jobTable).records[textID(o.text("id"))]
	if !r.live() {
		return []any{}, nil
	}
	return []any{shownJob(r.value)}, nil
}

// shownJob is a job without what only the log shows.
func shownJob(v audit.Value) audit.Value {
	return v.With("request", nil).With("__createdtime__", nil).With("__updatedtime__", nil)
}

func (o *op) searchJobs() (any, error) {
	var span [2]float64
	for i, name := range []string{"from_date", "to_date"} {
		at, err := parseDay(o.text(name))
		if err != nil {
			return nil, clientError(400, "Invalid date, must be in ISO-8601 format (YYYY-MM-DD).")
		}
		span[i] = float64(at.UnixMilli())
	}
	st := &stream{}
	jobs := o.s.table(jobTable).living()
	slices.SortFunc(jobs, func(a, b *record) int {
		return compareKeys(a.value.Get("start_datetime"), b.value.Get("start_datetime"))
	})
	for _, r := range jobs {
		start, _ := r.value.Get("start_datetime").Float64()
		if start < span[0] || start > span[1] {
			continue
		}
		shown := shownJob(r.value).With("result", nil)
		for _, name := range []string{"start_datetime", "end_datetime"} {
			if ms, ok := r.value.Get(name).Float64(); ok {
				shown = shown.With(name+"_converted", audit.Text(audit.Time(ms).Go().Format("2006-01-02T15:04:05.000Z")))
			}
		}
		st.items = append(st.items, shown)
	}
	return st, nil
}

func parseDay(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}
