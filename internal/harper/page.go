package harper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"recourse/audit"
)

// A Stored is one record of a table, under the key it is stored under.
type Stored struct {
	ID audit.ID
	Record
	// Err says why there is no Record: Harper could not read it back. The record
	// is there all the same.
	Err error
}

// ErrExpired says that a record is past its time and no longer told; Harper has
// not deleted it yet.
var ErrExpired = errors.New("the record has expired")

// expired is the key of a record that Harper says so of, in its place; empty if v
// is something else.
func expired(v audit.Value, primaryKey string) audit.ID {
	if v.Len() != 2 || v.Get("message").Text() != "This entry has expired" {
		return ""
	}
	id, err := audit.IDOf(v.Get(primaryKey))
	if err != nil {
		return ""
	}
	return id
}

// pageRecords is how many records a page has when nobody says.
const pageRecords = 500

// Page reads a table's records in the order of their keys, at most so many of
// them (0: 500), from the first on or from the one behind a key. Only a page
// without records is behind the last.
//
// The order is Harper's: numbers, then texts by their bytes, and compound keys
// behind their first part. A record is as it is stored when its page is read:
// what is written meanwhile before the place where the next page begins is not
// seen. Keys of type Date, of which Harper takes none to go on behind, end in
// an error when there are more than a page of them; compound keys that begin
// with null are not found.
//
// The key 0 must not be searched for together with others: asked for its $id
// Harper fails, and on LMDB then hangs in every read of the table by key. It and
// "" are therefore read apart.
func (c *Client) Page(ctx context.Context, t audit.Table, after audit.ID, limit int) ([]Stored, error) {
	info, err := c.known(ctx, t)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = pageRecords
	}
	ranges, err := keyRanges(info, after)
	if err != nil {
		return nil, fmt.Errorf("read records of %s: %w", t, err)
	}
	f := fetch{c: c, info: info, found: map[audit.ID]Record{}, idle: true}
	var page []Stored
	for _, r := range ranges {
		if len(page) == limit {
			break
		}
		if page, err = f.page(ctx, r, page, limit); err != nil {
			return nil, fmt.Errorf("read records of %s: %w", t, err)
		}
	}
	for _, s := range page {
		if s.ID == after && after != "" {
			return nil, fmt.Errorf("read records of %s behind %s: %w", t, after, errNoWay)
		}
	}
	return page, nil
}

// errNoWay says that a table cannot be read page by page.
var errNoWay = errors.New("harper does not go on behind a key of this type")

// page reads what a range holds, until the page has limit records.
func (f *fetch) page(ctx context.Context, r keyRange, page []Stored, limit int) ([]Stored, error) {
	if r.alone != "" {
		if err := f.apart(ctx, r.alone); err != nil {
			return page, err
		}
		if found, ok := f.found[r.alone]; ok {
			page = append(page, Stored{ID: r.alone, Record: found})
		}
		return page, nil
	}
	err := f.each(ctx, "search_by_conditions", map[string]audit.Value{
		"conditions":     audit.Array(r.condition),
		"get_attributes": storedAttributes,
		"limit":          audit.Int(int64(limit - len(page))),
	}, func(v audit.Value) error {
		s := storedOf(v, f.info.PrimaryKey)
		if s.ID == "" {
			return s.Err // nothing could go on behind it
		}
		page = append(page, s)
		return nil
	})
	return page, err
}

// storedAttributes ask for a record as it is stored, with its key and version.
var storedAttributes = audit.Array(audit.Text("$id"), audit.Text("$updatedtime"), audit.Text("$record"))

// storedOf reads an element of an answer. In the place of a record that it
// cannot read Harper puts an error, with the key if it knows it.
func storedOf(v audit.Value, primaryKey string) Stored {
	s := Stored{}
	var err error
	if s.ID, err = audit.IDOf(v.Get("$id")); err == nil && v.Get("$record").Kind() == audit.KindObject {
		s.Record = Record{Version: moment(v.Get("$updatedtime")), Body: v.Get("$record")}
		return s
	}
	s.Err = &Error{Op: "search_by_conditions", Status: http.StatusOK, Message: message(v)}
	if s.ID == "" {
		s.ID, _ = audit.IDOf(v.Get("id")) // a key that is none stays empty
	}
	if id := expired(v, primaryKey); id != "" {
		return Stored{ID: id, Err: ErrExpired}
	}
	return s
}

// Scan yields all of a table's records, page by page; see [Client.Page], whose
// size it takes. After an error there is nothing more.
func (c *Client) Scan(ctx context.Context, t audit.Table, pageSize int) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		after, first := audit.ID(""), audit.ID("")
		for n := 1; ; n++ {
			page, err := c.Page(ctx, t, after, pageSize)
			if err == nil && len(page) > 0 && page[0].ID == first {
				err = fmt.Errorf("read records of %s again from %s on: %w", t, first, errNoWay)
			}
			if err != nil {
				yield(Stored{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			if n&(n-1) == 0 {
				first = page[0].ID // seen again, it shows that the pages go round
			}
			after = page[len(page)-1].ID
		}
	}
}
