package harper

import (
	"context"
	"fmt"
	"strings"

	"recourse/audit"
)

// A Result is what Harper says a write did. It is no proof: a write that lost
// against a younger version of its record is answered just like one that won,
// so read the record back.
type Result struct {
	Hashes  []audit.ID // the records written; of a delete, also those that never were
	Skipped []audit.ID // of an insert: those that exist already; of an update: those that do not
	Message string     // Harper's own words
}

// Insert writes records that are not there yet; those that are, are skipped.
// All are written in one transaction or, after an error, none.
func (c *Client) Insert(ctx context.Context, t audit.Table, records []audit.Value) (Result, error) {
	return c.writeRecords(ctx, "insert", t, records)
}

// Update sets the given attributes of records that are there; others are
// skipped. Nested objects are replaced, not merged.
func (c *Client) Update(ctx context.Context, t audit.Table, records []audit.Value) (Result, error) {
	return c.writeRecords(ctx, "update", t, records)
}

// Upsert is Update for records that are there and Insert for others.
func (c *Client) Upsert(ctx context.Context, t audit.Table, records []audit.Value) (Result, error) {
	return c.writeRecords(ctx, "upsert", t, records)
}

// Delete removes records by id. Ids of no record are reported as deleted, and
// logged, all the same.
func (c *Client) Delete(ctx context.Context, t audit.Table, ids []audit.ID) (Result, error) {
	values, err := guardIDs(ids)
	if err != nil {
		return Result{}, fmt.Errorf("delete from %s: %w", t, err)
	}
	// The older name is for Harper before 4.
	return c.write(ctx, "delete", t, map[string]audit.Value{"ids": values, "hash_values": values}, ids)
}

func (c *Client) writeRecords(ctx context.Context, op string, t audit.Table, records []audit.Value) (Result, error) {
	info, err := c.known(ctx, t)
	if err != nil {
		return Result{}, err
	}
	key := info.PrimaryKey
	if err := guardRecords(key, records); err != nil {
		return Result{}, fmt.Errorf("%s into %s: %w", op, t, err)
	}
	ids := make([]audit.ID, len(records))
	for i, r := range records {
		ids[i], _ = audit.IDOf(r.Get(key)) // the guard has looked
	}
	return c.write(ctx, op, t, map[string]audit.Value{"records": audit.Array(records...)}, ids)
}

func (c *Client) write(ctx context.Context, op string, t audit.Table, fields map[string]audit.Value, ids []audit.ID) (Result, error) {
	v, err := c.ask(ctx, op, request(op, t, fields), true)
	if err != nil {
		return Result{}, err
	}
	if v.Kind() != audit.KindObject || v.Get("error") != nil {
		return Result{}, fmt.Errorf("%w; %w", &Error{Op: op, Status: 200, Message: message(v)}, ErrOutcomeUnknown)
	}
	return result(v, ids), nil
}

// result reads the answer to a write: inserted_hashes, update_hashes,
// upserted_hashes or deleted_hashes, and skipped_hashes.
func result(v audit.Value, asked []audit.ID) Result {
	r := Result{Message: v.Get("message").Text()}
	for name, list := range v.Fields() {
		if !strings.HasSuffix(name, "_hashes") && !strings.HasSuffix(name, "_ids") {
			continue
		}
		ids := idList(list)
		switch {
		case !strings.HasPrefix(name, "skipped_"):
			r.Hashes = ids
		case list.Kind() == audit.KindInt && count(list) == int64(len(asked)):
			r.Skipped = asked // a count stands for all, from old versions
		default:
			r.Skipped = ids
		}
	}
	return r
}

func idList(v audit.Value) []audit.ID {
	var ids []audit.ID
	for e := range v.Elems() {
		if id, err := audit.IDOf(e); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
