package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// A mishap is what goes wrong with one request.
type mishap uint8

const (
	fine    mishap = iota
	refused        // no answer at all
	busy           // 503
	broken         // 500
	silent         // a timeout
	severed        // the connection breaks at some byte
	failing        // the server ends the answer with an error, for no reason in the log
)

var mishapNames = [...]string{"fine", "refused", "503", "500", "timeout", "cut", "error tail"}

// A wire is a [Server] that asks a built-in Harper without a network between
// them, so that thousands of schedules cost little and none depends on time. What
// an answer says, and how it breaks off, is the built-in server's; what becomes
// of a request besides is chosen by mishap.
type wire struct {
	srv    *harpertest.Server
	tables []audit.Table
	// mishap chooses for each request, and where among n bytes an answer is cut;
	// nil: all is well.
	mishap func(op string) (kind mishap, cut func(n int) int)
	sent   int // requests
}

// DescribeAll implements [Server].
func (w *wire) DescribeAll(context.Context) ([]harper.TableInfo, error) {
	if kind, _ := w.fate("describe_all"); kind != fine {
		return nil, kind.err("describe_all")
	}
	var infos []harper.TableInfo
	for _, t := range w.tables {
		infos = append(infos, harper.TableInfo{Table: t, PrimaryKey: "id", Audit: true})
	}
	return infos, nil
}

// ServerTime implements [Server].
func (w *wire) ServerTime(context.Context) (audit.Time, time.Duration, error) {
	if kind, _ := w.fate("system_information"); kind != fine {
		return 0, 0, kind.err("system_information")
	}
	answer, err := w.ask(`{"operation":"system_information","attributes":["time"]}`, true)
	if err != nil {
		return 0, 0, err
	}
	v, err := audit.FromJSON(answer)
	at, _ := v.Get("time").Get("current").Float64()
	return audit.Time(at), time.Millisecond, err
}

// AuditLog implements [Source].
func (w *wire) AuditLog(_ context.Context, q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
	return func(yield func(harper.AuditRow, error) bool) {
		if q.To != 0 && q.To <= max(q.From, 0) {
			return
		}
		window := max(q.From, 0).String()
		if q.To != 0 {
			window += "," + q.To.String()
		}
		body, err := w.read(q.Table, "timestamp", window, q.JSON)
		if err != nil {
			yield(harper.AuditRow{}, err)
			return
		}
		for row, err := range harper.DecodeAuditLog(bytes.NewReader(body), harper.DecodeOptions{PrimaryKey: q.PrimaryKey}) {
			if !yield(row, err) {
				return
			}
		}
	}
}

// RecordHistory implements [Source].
func (w *wire) RecordHistory(_ context.Context, t audit.Table, ids []audit.ID) (map[audit.ID][]harper.AuditRow, error) {
	found, failed := map[audit.ID][]harper.AuditRow{}, harper.IDErrors{}
	for _, id := range ids {
		body, err := w.read(t, "hash_value", string(id), false)
		var refused *harper.Error
		if errors.As(err, &refused) && refused.Status == 500 {
			failed[id] = err
			continue
		}
		if err != nil {
			return found, err
		}
		found[id] = []harper.AuditRow{}
		for row, err := range harper.DecodeAuditLog(bytes.NewReader(body), harper.DecodeOptions{}) {
			if err != nil {
				return found, err
			}
			found[id] = append(found[id], row)
		}
	}
	if len(failed) > 0 {
		return found, failed
	}
	return found, nil
}

func (w *wire) fate(op string) (mishap, func(int) int) {
	w.sent++
	if w.mishap == nil {
		return fine, nil
	}
	return w.mishap(op)
}

func (m mishap) err(op string) error {
	switch m {
	case busy:
		return &harper.Error{Op: op, Status: 503, Message: "Outstanding write transactions have too long of queue"}
	case broken:
		return &harper.Error{Op: op, Status: 500, Message: "Error: something"}
	case silent:
		return fmt.Errorf("%s: %w", op, harper.ErrTimeout)
	}
	return fmt.Errorf("%s: %w", op, harper.ErrUnreachable)
}

// read is the body of an answer of read_audit_log, as far as it came.
func (w *wire) read(t audit.Table, search, values string, json bool) ([]byte, error) {
	const op = "read_audit_log"
	kind, cut := w.fate(op)
	if kind != fine && kind != severed && kind != failing {
		return nil, kind.err(op)
	}
	body, err := w.ask(fmt.Sprintf(`{"operation":%q,"schema":%q,"database":%q,"table":%q,"search_type":%q,"search_values":[%s]}`,
		op, t.Database, t.Database, t.Name, search, values), json)
	switch {
	case err != nil:
		return nil, err
	case kind == failing && json:
		return withErrorTail(body, cut), nil
	case kind == severed || kind == failing:
		return body[:cut(len(body))], nil
	}
	return body, nil
}

// withErrorTail is a JSON answer that ends in an error after some of its groups.
func withErrorTail(body []byte, cut func(int) int) []byte {
	v, err := audit.FromJSON(body)
	if err != nil || v.Kind() != audit.KindArray {
		return body
	}
	out, keep := []string{}, cut(v.Len()+1)
	for g := range v.Elems() {
		if len(out) == keep {
			break
		}
		out = append(out, g.JSON())
	}
	return []byte("[" + strings.Join(append(out, `{"error":"Error: for no reason in the log"}`), ",") + "]")
}

// ask sends a request as the super user and returns the answer, or what came of
// it until the server broke it off.
func (w *wire) ask(body string, json bool) ([]byte, error) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", map[bool]string{true: "application/json", false: "application/cbor"}[json])
	r.SetBasicAuth("admin", "secret")
	rec := httptest.NewRecorder()
	if aborted := serve(w.srv, rec, r); aborted && rec.Body.Len() == 0 {
		return nil, refused.err("request")
	}
	if rec.Code != http.StatusOK {
		text, _ := io.ReadAll(rec.Body)
		return nil, &harper.Error{Op: "read_audit_log", Status: rec.Code, Message: string(text)}
	}
	return rec.Body.Bytes(), nil
}

// serve says whether the server closed the connection before the answer was
// whole.
func serve(h http.Handler, rec *httptest.ResponseRecorder, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			aborted = true
		}
	}()
	h.ServeHTTP(rec, r)
	return false
}
