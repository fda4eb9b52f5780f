package harper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"recourse/audit"
)

// IDErrors says of single ids why their part of an answer is missing.
type IDErrors map[audit.ID]error

func (e IDErrors) Error() string {
	ids := slices.Sorted(maps.Keys(e))
	var parts []string
	for i, id := range ids {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(ids)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %v", id, e[id]))
	}
	return fmt.Sprintf("read %d records: %s", len(ids), strings.Join(parts, "; "))
}

// Unwrap lists the errors.
func (e IDErrors) Unwrap() []error { return slices.Collect(maps.Values(e)) }

// historyIDs is how many ids one request asks for. Harper makes the answer
// whole before it sends it.
const historyIDs = 100

// RecordHistory reads what the audit log holds of each record, oldest first.
// An id that the log does not know has an empty history. The rows of a record
// that Harper cannot read are missing, and the error, an [IDErrors], says so of
// that id; the other ids are there all the same. With any other error the map
// holds what was read until then.
//
// On LMDB every full image shows as an upsert here, whatever wrote it.
func (c *Client) RecordHistory(ctx context.Context, t audit.Table, ids []audit.ID) (map[audit.ID][]AuditRow, error) {
	h := history{c: c, t: t, found: make(map[audit.ID][]AuditRow, len(ids)), failed: IDErrors{}}
	for _, round := range apart(ids, h.failed) {
		for chunk := range slices.Chunk(round, historyIDs) {
			if err := h.read(ctx, chunk); err != nil {
				return h.found, err
			}
		}
	}
	if len(h.failed) > 0 {
		return h.found, h.failed
	}
	return h.found, nil
}

// apart deals ids out to rounds such that in no round two are the same as text.
// An id that comes twice is asked for once, and one that the guard refuses not
// at all.
func apart(ids []audit.ID, refused IDErrors) [][]audit.ID {
	var rounds [][]audit.ID
	times := map[string]int{}
	seen := make(map[audit.ID]bool, len(ids))
	for _, id := range ids {
		v, err := guardID(id)
		if err != nil {
			refused[id] = err
			continue
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		text := scriptText(v)
		n := times[text]
		times[text]++
		if n == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[n] = append(rounds[n], id)
	}
	return rounds
}

type history struct {
	c      *Client
	t      audit.Table
	found  map[audit.ID][]AuditRow
	failed IDErrors
}

// read asks for some ids at once. If Harper fails at one of them, it fails at
// all: then each half is asked apart, down to the one.
func (h *history) read(ctx context.Context, ids []audit.ID) error {
	got, err := h.ask(ctx, ids)
	if err == nil {
		maps.Copy(h.found, got)
		return nil
	}
	if !isolates(err) || ctx.Err() != nil {
		return err
	}
	if len(ids) == 1 {
		h.failed[ids[0]] = err
		return nil
	}
	half := len(ids) / 2
	if err := h.read(ctx, ids[:half]); err != nil {
		return err
	}
	return h.read(ctx, ids[half:])
}

// errUnanswered says that an answer leaves out an id that was asked for.
var errUnanswered = errors.New("the answer does not match what was asked")

// isolates says that an error may be due to a single record.
func isolates(err error) bool {
	var e *Error
	var truncated *TruncatedError
	switch {
	case errors.Is(err, ErrTimeout):
		return false // asking for each would wait as long again
	case errors.As(err, &e):
		return e.Status == http.StatusInternalServerError || e.Status == http.StatusOK
	case errors.As(err, &truncated):
		return true
	}
	return errors.Is(err, errUnanswered)
}

func (h *history) ask(ctx context.Context, ids []audit.ID) (map[audit.ID][]AuditRow, error) {
	const op = "read_audit_log"
	values, err := guardIDs(ids)
	if err != nil {
		return nil, err
	}
	body := request(op, h.t, map[string]audit.Value{"search_type": audit.Text("hash_value"), "search_values": values})
	resp, err := h.c.do(ctx, call{op: op, method: http.MethodPost, url: h.c.ops, body: encodeForHarper(body)})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := spoken(op, resp); err != nil {
		return nil, err
	}
	got := make(map[audit.ID][]AuditRow, len(ids))
	for _, id := range ids {
		got[id] = []AuditRow{}
	}
	strange := false
	d := newLogDecoder(resp.Body, DecodeOptions{MaxRecord: h.c.maxRecord}, func(r AuditRow) bool {
		if _, asked := got[r.ID]; !asked {
			strange = true
			return false
		}
		got[r.ID] = append(got[r.ID], r)
		return true
	})
	switch err := d.run(); {
	case strange, err == nil && d.names != len(ids):
		return nil, fmt.Errorf("%s %s: %w", op, h.t, errUnanswered)
	case err != nil:
		return nil, err
	}
	return got, nil
}
