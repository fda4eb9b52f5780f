package harper

import (
	"context"
	"net/http"
	"time"

	"recourse/audit"
)

// A Job is work that Harper did in the background: a purge of the log, a bulk
// load, a deletion of old records.
type Job struct {
	ID         string
	Type       string     // the operation, such as delete_audit_logs_before
	User       string     // who asked for it; empty: not told
	Status     string     // CREATED, IN_PROGRESS, COMPLETE, ERROR
	Start, End audit.Time // by Harper's clock; an End of 0: it has not ended
	Message    string
	Raw        audit.Value // the whole row
}

// Jobs lists the jobs that began between two times, both inclusive, to the
// millisecond (search_jobs_by_start_date). It needs a super user: the list of a
// role's operations does not help. On which table a job worked is not told, but
// in the log of system.hdb_job.
func (c *Client) Jobs(ctx context.Context, from, to time.Time) ([]Job, error) {
	const op = "search_jobs_by_start_date"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{
		"operation": audit.Text(op),
		"from_date": audit.Text(isoTime(from)),
		"to_date":   audit.Text(isoTime(to)),
	}), false)
	if err != nil {
		return nil, err
	}
	if v.Kind() != audit.KindArray {
		return nil, &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	var jobs []Job
	for r := range v.Elems() {
		jobs = append(jobs, Job{
			ID: plain(r.Get("id")), Type: r.Get("type").Text(), User: r.Get("user").Text(), Status: r.Get("status").Text(),
			Start: moment(r.Get("start_datetime")), End: moment(r.Get("end_datetime")),
			Message: oneLine(r.Get("message").Text()), Raw: r,
		})
	}
	return jobs, nil
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// moment is a time in milliseconds, or 0.
func moment(v audit.Value) audit.Time {
	f, _ := v.Float64()
	return audit.Time(f)
}
