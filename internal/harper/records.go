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

// A Record is a record as it is now.
type Record struct {
	// Version is the time of the record's last write, equal to the time of that
	// write in the audit log; zero where Harper did not tell it.
	Version audit.Time
	// Body is the record as it is stored.
	Body audit.Value
	// Nulls says that Body may have null for attributes that are not there.
	Nulls bool
}

// currentIDs is how many records one request asks for.
const currentIDs = 100

// Records reads records as they are now; an id without a record is not in the
// map. It is [Client.Current] without the versions.
func (c *Client) Records(ctx context.Context, t audit.Table, ids []audit.ID) (map[audit.ID]audit.Value, error) {
	current, err := c.Current(ctx, t, ids)
	bodies := make(map[audit.ID]audit.Value, len(current))
	for id, r := range current {
		bodies[id] = r.Body
	}
	return bodies, err
}

// Current reads records as they are now, with their versions; an id without a
// record is not in the map. Ids that the guard refuses are told in an
// [IDErrors].
//
// It searches by condition for $record, which is the record as stored: plain
// search_by_id puts null for what is absent, and shows the id that is inside
// the record rather than the one it is stored under. But a condition's value is
// cast to the key's type, so that the text "7" may find the number 7: what such
// a cast could hide is asked for again by id.
func (c *Client) Current(ctx context.Context, t audit.Table, ids []audit.ID) (map[audit.ID]Record, error) {
	info, err := c.known(ctx, t)
	if err != nil {
		return nil, err
	}
	f := fetch{c: c, info: info, found: make(map[audit.ID]Record, len(ids))}
	refused := IDErrors{}
	var all []audit.ID
	for _, round := range apart(ids, refused) {
		all = append(all, round...)
	}
	for chunk := range slices.Chunk(all, currentIDs) {
		if err := f.byCondition(ctx, chunk); err != nil {
			return f.found, fmt.Errorf("read records of %s: %w", t, err)
		}
	}
	if len(refused) > 0 {
		return f.found, refused
	}
	return f.found, nil
}

type fetch struct {
	c     *Client
	info  TableInfo
	found map[audit.ID]Record
	// idle leaves records that are past their time alone: reading one would make
	// Harper delete it, or fetch it anew from the table's source.
	idle bool
}

func (f *fetch) byCondition(ctx context.Context, ids []audit.ID) error {
	key, _ := f.info.Attribute(f.info.PrimaryKey)
	var plain, compound, doubtful []audit.ID
	for _, id := range ids {
		switch v := id.Value(); {
		case v.Kind() == audit.KindArray:
			compound = append(compound, id)
		case id == zeroID:
			if err := f.apart(ctx, id); err != nil {
				return err
			}
		case v.Kind() == audit.KindText && key.Type != "" && !plainText(v.Text()):
			doubtful = append(doubtful, id) // some such words make the whole search fail
		default:
			plain = append(plain, id)
		}
	}
	err := f.search(ctx, plain)
	var e *Error
	if errors.As(err, &e) && e.Status != http.StatusUnauthorized && e.Status != http.StatusNotFound {
		// A Harper that does not know $record, or a value that no cast takes.
		if again := f.byID(ctx, plain); again != nil {
			return errors.Join(err, again)
		}
	} else if err != nil {
		return err
	}
	if err := f.search(ctx, compound); err != nil {
		return err
	}
	for _, id := range plain {
		// What was not found may have been cast to something else.
		if _, found := f.found[id]; !found && (id.Value().Kind() != audit.KindText || !plainText(id.Value().Text())) {
			doubtful = append(doubtful, id)
		}
	}
	return f.byID(ctx, doubtful)
}

func (f *fetch) search(ctx context.Context, ids []audit.ID) error {
	if len(ids) == 0 {
		return nil
	}
	const op = "search_by_conditions"
	asked := make(map[audit.ID]bool, len(ids))
	conditions := make([]audit.Value, len(ids))
	for i, id := range ids {
		v, err := guardID(id)
		if err != nil {
			return err
		}
		asked[id] = true
		conditions[i] = audit.Object(map[string]audit.Value{
			"search_attribute": audit.Text(f.info.PrimaryKey), "search_type": audit.Text("equals"), "search_value": v,
		})
	}
	fields := map[string]audit.Value{
		"conditions":     audit.Array(conditions...),
		"get_attributes": storedAttributes,
	}
	if len(ids) > 1 { // Harper refuses an "or" of one
		fields["operator"] = audit.Text("or")
	}
	return f.each(ctx, op, fields, func(v audit.Value) error {
		id, err := audit.IDOf(v.Get("$id"))
		if err != nil || v.Get("$record").Kind() != audit.KindObject {
			// Errors stand among the records of a good answer.
			return &Error{Op: op, Status: http.StatusOK, Message: message(v)}
		}
		if asked[id] {
			version, _ := v.Get("$updatedtime").Float64()
			f.found[id] = Record{Version: audit.Time(version), Body: v.Get("$record")}
		}
		return nil
	})
}

// apart asks for a key that must not be asked for with its $id; see
// [Client.Page].
func (f *fetch) apart(ctx context.Context, id audit.ID) error {
	key, _ := f.info.Attribute(f.info.PrimaryKey)
	if id == noText && key.Type == "ID" { // a condition takes it for null
		return f.byValue(ctx, id, audit.Array(id.Value()))
	}
	return f.each(ctx, "search_by_conditions", map[string]audit.Value{
		"conditions": audit.Array(audit.Object(map[string]audit.Value{
			"search_attribute": audit.Text(f.info.PrimaryKey), "search_type": audit.Text("equals"), "search_value": id.Value(),
		})),
		"get_attributes": audit.Array(audit.Text("$updatedtime"), audit.Text("$record")),
	}, func(v audit.Value) error {
		if f.idle && expired(v, f.info.PrimaryKey) != "" {
			return nil
		}
		if v.Get("$record").Kind() != audit.KindObject {
			return &Error{Op: "search_by_conditions", Status: http.StatusOK, Message: message(v)}
		}
		f.found[id] = Record{Version: moment(v.Get("$updatedtime")), Body: v.Get("$record")}
		return nil
	})
}

// byID asks by search_by_id, which takes an id as it is but takes no compound
// one. It is for what a condition cannot tell.
func (f *fetch) byID(ctx context.Context, ids []audit.ID) error {
	if len(ids) == 0 {
		return nil
	}
	values, err := guardIDs(ids)
	if err != nil {
		return err
	}
	if len(ids) == 1 {
		return f.byValue(ctx, ids[0], values)
	}
	bodies, err := f.lookup(ctx, values)
	if err != nil || len(bodies) == 0 {
		return err
	}
	// Which is which, only their own ids tell, and these need not be right.
	for _, id := range ids {
		if err := f.byID(ctx, []audit.ID{id}); err != nil {
			return err
		}
	}
	return nil
}

// byValue is byID for one id, which stands alone in an array.
func (f *fetch) byValue(ctx context.Context, id audit.ID, array audit.Value) error {
	bodies, err := f.lookup(ctx, array)
	if err == nil && len(bodies) > 0 {
		f.found[id] = Record{Body: bodies[0], Nulls: !f.info.SchemaDefined}
	}
	return err
}

func (f *fetch) lookup(ctx context.Context, ids audit.Value) ([]audit.Value, error) {
	const op = "search_by_id"
	var bodies []audit.Value
	err := f.each(ctx, op, map[string]audit.Value{
		"ids": ids, "hash_values": ids,
		"get_attributes": audit.Array(audit.Text("*")),
	}, func(v audit.Value) error {
		switch {
		case v.Kind() != audit.KindObject:
			return nil // an old Harper's place holder
		case f.idle && (expired(v, f.info.PrimaryKey) != "" || strings.HasSuffix(v.Get("message").Text(), "Entry is not cached")):
			return nil // which is how Harper says that there is no such record
		case v.Get(f.info.PrimaryKey) == nil && v.Len() <= 2 && (v.Get("message") != nil || v.Get("error") != nil):
			// Errors stand among the records of a good answer. A record without
			// its key that looks like one is refused as well, not guessed.
			return &Error{Op: op, Status: http.StatusOK, Message: message(v)}
		}
		bodies = append(bodies, v)
		return nil
	})
	return bodies, err
}

// each sends a search and calls fn with the elements of its answer as they
// come.
func (f *fetch) each(ctx context.Context, op string, fields map[string]audit.Value, fn func(audit.Value) error) error {
	if f.idle {
		fields = maps.Clone(fields)
		fields["onlyIfCached"], fields["noCacheStore"] = audit.Bool(true), audit.Bool(true)
	}
	resp, err := f.c.do(ctx, call{op: op, method: http.MethodPost, url: f.c.ops, body: encodeForHarper(request(op, f.info.Table, fields))})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := spoken(op, resp); err != nil {
		return err
	}
	in := newInput(resp.Body)
	t, err := sniff(in)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if kind, _ := t.kind(); kind != arrayToken {
		v, err := value(t)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		return &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	if err := t.open(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	for {
		more, err := t.more()
		if err == nil && !more {
			return nil
		}
		var raw []byte
		if err == nil {
			raw, err = t.frame(f.c.maxRecord)
		}
		var v audit.Value
		if err == nil {
			v, err = t.decode(raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
}
