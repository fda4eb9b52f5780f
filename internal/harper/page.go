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

// A Stored is one record of a table, under the key it is stored under.
type Stored struct {
	ID audit.ID
	Record
	// Err says why there is no Record: Harper could not read it back, or the key
	// is one that nobody may ask for. The record is there all the same.
	Err error
}

// ErrExpired says that a record is past its time, and is told no more; Harper
// has not deleted it yet.
var ErrExpired = errors.New("the record has expired")

// expiredMessage is what Harper puts in the place of such a record.
const expiredMessage = "This entry has expired"

// pageRecords is how many records a page has when nobody says.
const pageRecords = 500

// Page reads a table's records in the order of their keys, at most so many of
// them (0: 500), from the first on or from the one behind a key. The order is
// Harper's: numbers, then texts by their bytes, and a compound key beside its
// first part. A page may be short; an empty one is behind the last record.
//
// Each record is as it is stored when the page is read; what is written between
// two pages, before the key at which the second begins, is not seen. Keys that
// Harper cannot read back over its operations API (0 and "" are such) have an
// Err or are asked for apart.
func (c *Client) Page(ctx context.Context, t audit.Table, after audit.ID, limit int) ([]Stored, error) {
	info, err := c.known(ctx, t)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = pageRecords
	}
	condition, err := behind(info, after)
	if err != nil {
		return nil, fmt.Errorf("read records of %s: %w", t, err)
	}
	f := fetch{c: c, info: info}
	var page []Stored
	err = f.each(ctx, "search_by_conditions", map[string]audit.Value{
		"conditions":     audit.Array(condition),
		"get_attributes": storedAttributes(),
		"limit":          audit.Int(int64(limit)),
		// Reading a record that has expired would delete it, or fetch it anew.
		"onlyIfCached": audit.Bool(true), "noCacheStore": audit.Bool(true),
	}, func(v audit.Value) error {
		page = append(page, storedOf(v, info.PrimaryKey))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read records of %s: %w", t, err)
	}
	return page, c.readAgain(ctx, t, after, page)
}

// Scan yields all of a table's records, page by page; see [Client.Page], whose
// page size it takes. After an error there is nothing more.
func (c *Client) Scan(ctx context.Context, t audit.Table, pageSize int) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		after := audit.ID("")
		for {
			page, err := c.Page(ctx, t, after, pageSize)
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
			after = page[len(page)-1].ID
		}
	}
}

// storedAttributes ask for a record as it is stored, with its key and version.
func storedAttributes() audit.Value {
	return audit.Array(audit.Text("$id"), audit.Text("$updatedtime"), audit.Text("$record"))
}

// behind is the condition that the keys behind one meet, or all keys.
func behind(info TableInfo, after audit.ID) (audit.Value, error) {
	key, _ := info.Attribute(info.PrimaryKey)
	is, than := "greater_than", after.Value()
	switch {
	case after == "":
		is, than = "greater_than_equal", firstKey(key.Type)
	case than == nil:
		return nil, fmt.Errorf("id %q: %w", string(after), audit.ErrNoID)
	case key.Type == "Any":
		// A text, or a part of a compound key, that reads like a number would be
		// taken for one. Two brackets deep it is not, and its place is the same.
		if than.Kind() == audit.KindText {
			than = audit.Array(than)
		}
		if than.Kind() == audit.KindArray {
			than = audit.Array(than)
		}
	}
	return audit.Object(map[string]audit.Value{
		"search_attribute": audit.Text(info.PrimaryKey), "search_type": audit.Text(is), "search_value": than,
	}), nil
}

// firstKey is a value behind which every key of a type is, or which is the
// first itself. It is a number for texts too: numbers come before them, and
// Harper takes "" for null.
func firstKey(keyType string) audit.Value {
	switch keyType {
	case "Int", "Long":
		return audit.Float(-maxSafe) // it has to read like an integer
	case "BigInt", "Date":
		return audit.Float(-math.MaxFloat64) // it has to be finite
	}
	return audit.Float(math.Inf(-1))
}

// storedOf reads an element of the answer. Harper puts an error in the place of
// a record that it cannot read, with the key where it knows it.
func storedOf(v audit.Value, primaryKey string) Stored {
	s := Stored{}
	var err error
	if s.ID, err = audit.IDOf(v.Get("$id")); err == nil && v.Get("$record").Kind() == audit.KindObject {
		version, _ := v.Get("$updatedtime").Float64()
		s.Record = Record{Version: audit.Time(version), Body: v.Get("$record")}
		return s
	}
	s.Err = &Error{Op: "search_by_conditions", Status: http.StatusOK, Message: message(v)}
	if s.ID == "" {
		s.ID, _ = audit.IDOf(v.Get("id")) // a key that is none stays empty
	}
	if id, err := audit.IDOf(v.Get(primaryKey)); err == nil && v.Len() == 2 && v.Get("message").Text() == expiredMessage {
		return Stored{ID: id, Err: ErrExpired}
	}
	return s
}

// errNoWay says that a page cannot be continued.
var errNoWay = errors.New("harper does not go on behind the key that it was asked for")

// readAgain asks for those records of a page that Harper put errors for, by
// their keys, and makes sure that the page leads on.
func (c *Client) readAgain(ctx context.Context, t audit.Table, after audit.ID, page []Stored) error {
	var ids []audit.ID
	for _, s := range page {
		switch {
		case s.ID == "":
			return fmt.Errorf("read records of %s: %w", t, s.Err) // nothing could continue behind it
		case s.ID == after:
			return fmt.Errorf("read records of %s behind %s: %w", t, after, errNoWay)
		case s.Err != nil && !errors.Is(s.Err, ErrExpired) && !s.ID.Empty():
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := c.Current(ctx, t, ids)
	if err != nil && ctx.Err() != nil {
		return err
	}
	for i, s := range page {
		if r, ok := found[s.ID]; ok && s.Err != nil {
			page[i] = Stored{ID: s.ID, Record: r}
		}
	}
	return nil
}
