package harper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"recourse/audit"
)

// A FeedInfo is what the feed component, installed in a Harper, says of itself.
type FeedInfo struct {
	Version string     // of the component
	Engine  string     // lmdb or rocksdb
	Time    audit.Time // the server's clock
	Node    string     // its name; empty: not told
}

// A FeedEntry is one entry of a database's audit store, as Harper keeps it. The
// log that Harper shows is made of these, and says less.
type FeedEntry struct {
	// LocalTime is when the entry was stored: on LMDB the time of the commit, on
	// RocksDB the transaction's own. Version is the time that the log shows.
	LocalTime, Version audit.Time
	Type               string   // put, patch, delete, message, invalidate, reload, …, or unreadable
	Operation          audit.Op // insert, update or upsert, where the operations API wrote it on this node; else empty
	User               string   // empty: not named
	// Table has no name where the table was dropped since; TableID is then the
	// number that Harper gave it, if it is known, and the entry has no Value.
	Table     audit.Table
	TableID   int
	ID        audit.ID   // empty for a reload, which is about no record, and where Err says why
	NodeID    int        // the node that wrote it, by this one's count; 0: itself
	Node      string     // its name; empty: not told
	Prev      audit.Time // the record's entry before, by its LocalTime; 0: none
	ExpiresAt audit.Time // when the record ends by itself; 0: never
	EndTxn    bool       // the last of its transaction, which only RocksDB marks
	// Value is as it was sent: a patch's holds only what it sets, and
	// {"__op__":"add","value":n} where it adds. Nil: none, or not readable.
	Value audit.Value
	Err   string // why Value or ID is not there although it should be; empty: it is
}

// A FeedQuery says which part of a database's audit store to read.
type FeedQuery struct {
	Database string
	From, To audit.Time // in LocalTime, inclusive and exclusive; zero is no bound
}

// feedPath is where the component is on the REST port.
const feedPath = "RecourseFeed"

// FeedInfo asks the feed component who it is. It is ErrNotFound where the
// component is not installed, or where no REST address is known.
func (c *Client) FeedInfo(ctx context.Context) (FeedInfo, error) {
	const op = "describe the feed"
	u, err := c.feedURL("info", "")
	if err != nil {
		return FeedInfo{}, fmt.Errorf("%s: %w", op, err)
	}
	resp, err := c.do(ctx, call{op: op, method: http.MethodGet, url: u})
	if err != nil {
		return FeedInfo{}, err
	}
	v, err := readAll(op, resp, false)
	if err != nil {
		return FeedInfo{}, err
	}
	if v.Get("component").Text() != "recourse-feed" {
		return FeedInfo{}, fmt.Errorf("%s: %w: what answers is another component", op, ErrNotFound)
	}
	return FeedInfo{
		Version: plain(v.Get("version")), Engine: v.Get("engine").Text(), Time: moment(v.Get("time")), Node: v.Get("node").Text(),
	}, nil
}

// Feed reads a database's audit store through the feed component, all tables of
// it, in the store's own order: that of commits, in which times may go back. It
// ends at what was the end of the store when it began. A read that is not
// complete ends with a [TruncatedError] or the context's error; ErrNotFound is
// that there is no component.
func (c *Client) Feed(ctx context.Context, q FeedQuery) iter.Seq2[FeedEntry, error] {
	return func(yield func(FeedEntry, error) bool) {
		if err := c.feed(ctx, q, func(e FeedEntry) bool { return yield(e, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(FeedEntry{}, err)
		}
	}
}

func (c *Client) feed(ctx context.Context, q FeedQuery, emit func(FeedEntry) bool) error {
	op := "read the feed of " + q.Database
	query := url.Values{"database": {q.Database}}
	if q.To != 0 && q.To <= max(q.From, 0) {
		return nil // an empty window
	}
	if _, err := searchValues(q.From, q.To); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	query.Set("from", max(q.From, 0).String())
	if q.To != 0 {
		query.Set("to", q.To.String())
	}
	u, err := c.feedURL("", query.Encode())
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	resp, err := c.do(ctx, call{op: op, method: http.MethodGet, url: u})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := spoken(op, resp); err != nil {
		return err
	}
	n := 0
	err = c.entries(op, newInput(resp.Body), func(v audit.Value, err error) error {
		n++
		if !emit(feedEntry(q.Database, v, err)) {
			return errStopped
		}
		return nil
	})
	var refused *Error
	switch {
	case err == nil, errors.Is(err, errStopped), errors.As(err, &refused):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	return &TruncatedError{What: op, Message: breakOff(err), Rows: n, Err: err}
}

// feedURL is a place within the component.
func (c *Client) feedURL(rest, query string) (*url.URL, error) {
	if c.rest == nil {
		return nil, fmt.Errorf("%w: no REST address is known", ErrNotFound)
	}
	u := *c.rest
	u.Path += "/" + feedPath + "/" + rest
	u.RawQuery = query
	return &u, nil
}

// entries calls fn with each element of an array, decoded, or with why it could
// not be.
func (c *Client) entries(op string, in *input, fn func(audit.Value, error) error) error {
	t, err := sniff(in)
	if err != nil {
		return err
	}
	if kind, _ := t.kind(); kind != arrayToken {
		v, err := value(t)
		if err != nil {
			return err
		}
		return &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	if err := t.open(); err != nil {
		return err
	}
	for {
		more, err := t.more()
		if err != nil {
			return err
		}
		if !more {
			return t.end()
		}
		raw, err := t.frame(c.maxRecord)
		if err != nil && broken(err) {
			return err
		}
		if err != nil && !errors.Is(err, errTooLarge) {
			return err
		}
		var v audit.Value
		if err == nil {
			v, err = t.decode(raw)
		}
		if err := fn(v, err); err != nil {
			return err
		}
	}
}

// feedEntry reads one entry. What is missing in it is missing in the entry.
func feedEntry(database string, v audit.Value, err error) FeedEntry {
	e := FeedEntry{Table: audit.Table{Database: database}}
	if err == nil && v.Kind() != audit.KindObject {
		err = fmt.Errorf("it is no object but %s", v.Kind())
	}
	if err != nil {
		e.Err = "read entry: " + oneLine(err.Error())
		return e
	}
	e.LocalTime, e.Version = moment(v.Get("localTime")), moment(v.Get("version"))
	e.Type, e.Operation, e.User = v.Get("type").Text(), audit.Op(v.Get("operation").Text()), v.Get("user").Text()
	e.Table.Name, e.Node, e.EndTxn = v.Get("table").Text(), v.Get("node").Text(), v.Get("endTxn").Bool()
	e.NodeID, e.TableID = int(count(v.Get("nodeId"))), int(count(v.Get("tableId")))
	e.Prev, e.ExpiresAt = moment(v.Get("prev")), moment(v.Get("expiresAt"))
	e.Value, e.Err = v.Get("value"), oneLine(v.Get("error").Text())
	if e.Value.Kind() == audit.KindNull {
		e.Value = nil
	}
	id := v.Get("id")
	noID := id.Kind() == audit.KindMissing || id.Kind() == audit.KindNull
	if e.ID, err = audit.IDOf(id); err != nil && e.Err == "" && (e.Type != string(audit.OpReload) || !noID) {
		e.Err = "read entry: " + oneLine(err.Error())
	}
	return e
}
