package harper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"recourse/audit"
)

// An Event is what a table that is exported over REST tells whoever listens to
// it: that a record is now this. It names no user, and of writes that follow
// each other closely Harper may tell the last one only, so that a stream of
// events is no log.
type Event struct {
	ID audit.ID // empty only if the key is none; see Err
	// LocalTime is when the write was stored, in the clock of the log's ranges on
	// either line; Version is the time that the log shows for it.
	LocalTime, Version audit.Time
	// Type is put, delete, message or invalidate: a patch comes as the put of the
	// whole record.
	Type  string
	Value audit.Value // the record, or the message; nil: none
	Lossy bool        // always: events come as JSON
	// Current says for certain that the event is of the first burst, which tells
	// what every record is. Only RocksDB marks them; false says nothing.
	Current bool
	Err     error // why the event could not be read; its other fields may be empty
}

// ErrNotAudited refuses to listen to a table without a log: Harper would switch
// its log on, and we only read.
var ErrNotAudited = errors.New("the table has no audit log")

// Events listens to a table over REST. First comes every record that there is,
// in the order of their keys, with its version: a baseline. Then come writes as
// they happen. Nothing marks where the first part ends: Harper sends no
// comments, and is silent for as long as nothing is written, which ends nothing.
// An event whose Version is not after the time at which one began to listen is
// of the first part, or a write that was under way.
//
// It ends with the context's error, with ErrNotExported or ErrNotAudited, or with a
// [TruncatedError] when the stream breaks off, as it does when Harper stops.
func (c *Client) Events(ctx context.Context, t audit.Table) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := c.events(ctx, t, func(e Event) bool { return yield(e, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(Event{}, err)
		}
	}
}

func (c *Client) events(ctx context.Context, t audit.Table, emit func(Event) bool) error {
	op := "listen to " + t.String()
	info, err := c.DescribeTable(ctx, t)
	if err == nil && !info.Audit {
		err = ErrNotAudited
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	r, err := c.resourceOf(ctx, t)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	u := *c.rest
	u.Path += "/" + r.name + "/"
	resp, err := c.do(ctx, call{op: op, method: http.MethodGet, url: &u, events: true})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if languageOf(resp.Header) != inEvents {
		return &Error{Op: op, Status: resp.StatusCode, Message: "the answer is no stream of events"}
	}
	n := 0
	err = readEvents(resp.Body, c.maxRecord, func(m sseMessage) error {
		n++
		if !emit(eventOf(m)) {
			return errStopped
		}
		return nil
	})
	switch {
	case errors.Is(err, errStopped):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	return &TruncatedError{What: op, Message: breakOff(err), Rows: n, Err: err}
}
