package harper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"

	"recourse/audit"
)

// An AuditQuery says which part of a table's audit log to read.
type AuditQuery struct {
	Table audit.Table
	// From is where to begin, inclusive, and To where to end, exclusive, in the
	// clock that Harper's ranges use: the time of the commit on LMDB, the
	// transaction's own on RocksDB. Zero is no bound.
	From, To audit.Time
	// JSON asks for JSON, which names the error that breaks off an answer but
	// loses dates, bytes and NaN.
	JSON bool
	// PrimaryKey, MaxGroup and BeforeImages are those of [DecodeOptions].
	PrimaryKey   string
	MaxGroup     int
	BeforeImages bool
}

// AuditLog reads a table's audit log and yields its rows as they arrive, in
// Harper's order: the order of commits, in which times may go back. A read that
// is not complete ends with a [TruncatedError], or with the context's error. A
// table whose log is switched off has no rows and no error; see
// [TableInfo.Audit].
func (c *Client) AuditLog(ctx context.Context, q AuditQuery) iter.Seq2[AuditRow, error] {
	return func(yield func(AuditRow, error) bool) {
		if err := c.auditLog(ctx, q, func(r AuditRow) bool { return yield(r, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(AuditRow{}, err)
		}
	}
}

func (c *Client) auditLog(ctx context.Context, q AuditQuery, emit func(AuditRow) bool) error {
	const op = "read_audit_log"
	window, err := searchValues(q.From, q.To)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, q.Table, err)
	}
	if q.To != 0 && q.To <= max(q.From, 0) {
		return nil // an empty window, which not every Harper takes for one
	}
	// Neither a limit, which loses entries on some versions, nor a search by
	// user, which reads the whole log and fails as a whole.
	body := request(op, q.Table, map[string]audit.Value{
		"search_type":   audit.Text("timestamp"),
		"search_values": window,
	})
	resp, err := c.do(ctx, call{op: op, method: http.MethodPost, url: c.ops, body: encodeForHarper(body), json: q.JSON})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := spoken(op, resp); err != nil {
		return err
	}
	d := newLogDecoder(resp.Body, DecodeOptions{
		PrimaryKey: q.PrimaryKey, MaxRecord: c.maxRecord, MaxGroup: q.MaxGroup, BeforeImages: q.BeforeImages,
	}, emit)
	err = d.run()
	if err != nil && ctx.Err() != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("%s %s: %w", op, q.Table, context.Cause(ctx))
	}
	return err
}

// searchValues is the window as Harper wants it: always numbers, for it takes
// text for the whole log. Both lines take 0 as a start for the beginning, and
// differ in negative numbers.
func searchValues(from, to audit.Time) (audit.Value, error) {
	for _, t := range []audit.Time{from, to} {
		if f := float64(t); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("time %v is not finite", f)
		}
	}
	values := []audit.Value{audit.Float(max(float64(from), 0))}
	if to != 0 {
		values = append(values, audit.Float(float64(to)))
	}
	return audit.Array(values...), nil
}

// spoken refuses an answer in a language that Harper's API does not speak here,
// such as a login page that a proxy put in its place.
func spoken(op string, resp *http.Response) error {
	if languageOf(resp.Header) == foreign {
		return &Error{Op: op, Status: resp.StatusCode, Message: oneLine(notSpoken(resp.Header).Error())}
	}
	return nil
}
