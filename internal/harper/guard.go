package harper

import (
	"errors"
	"fmt"

	"recourse/audit"
)

// Errors of the guard. Nothing was sent.
var (
	// ErrEmptyID refuses an id that is missing, null, empty, or holds null.
	// Harper generates an id in its place on insert, and a delete of null has
	// emptied the whole table on Harper 5.1.
	ErrEmptyID = errors.New("an id is missing or empty")
	// ErrIDsCollide refuses ids in one request that are the same as text, such
	// as 1 and "1". Harper takes the second for a repetition and stores an
	// attribute "skip" with it. Send them in separate requests.
	ErrIDsCollide = errors.New("two ids of one request are the same as text")
	// ErrIDMismatch refuses a record that holds another id than it is sent for;
	// Harper would store it under the one with the other inside.
	ErrIDMismatch = errors.New("the record holds another id")
)

// guardID is the one place where an id is let through to a request. It returns
// the id as a value.
func guardID(id audit.ID) (audit.Value, error) {
	if id.Empty() {
		return nil, fmt.Errorf("id %q: %w", string(id), ErrEmptyID)
	}
	v := id.Value()
	if v == nil {
		return nil, fmt.Errorf("id %q: %w", string(id), ErrEmptyID)
	}
	return v, guardValue(v)
}

// guardValue is guardID for an id that is a value already.
func guardValue(v audit.Value) error {
	id, err := audit.IDOf(v)
	if err != nil || id.Empty() {
		return fmt.Errorf("id %s: %w", v.JSON(), ErrEmptyID)
	}
	if _, isNumber := v.Float64(); v.Kind() == audit.KindFloat && !isFinite(v) && isNumber {
		return fmt.Errorf("id %s: %w", v.JSON(), ErrEmptyID)
	}
	for part := range v.Elems() {
		// A compound key that ends in null stands for all that begin like it.
		// One within a compound key is refused with them: what Harper makes of
		// it depends on the version.
		if k := part.Kind(); k == audit.KindNull || k == audit.KindArray || k == audit.KindText && part.Text() == "" {
			return fmt.Errorf("id %s: %w", v.JSON(), ErrEmptyID)
		}
	}
	return nil
}

func isFinite(v audit.Value) bool {
	f, _ := v.Float64()
	return f-f == 0
}

// guardIDs lets through ids for a request that does not mind repetitions.
func guardIDs(ids []audit.ID) (audit.Value, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("no ids: %w", ErrEmptyID)
	}
	values := make([]audit.Value, len(ids))
	for i, id := range ids {
		v, err := guardID(id)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return audit.Array(values...), nil
}

// guardRecords lets through records to be written: each has an id of its own.
func guardRecords(primaryKey string, records []audit.Value) error {
	if len(records) == 0 {
		return errors.New("no records")
	}
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		if r.Kind() != audit.KindObject {
			return fmt.Errorf("a record is no object but %s", r.Kind())
		}
		id := r.Get(primaryKey)
		if err := guardValue(id); err != nil {
			return err
		}
		text := scriptText(id)
		if seen[text] {
			return fmt.Errorf("id %s: %w", id.JSON(), ErrIDsCollide)
		}
		seen[text] = true
	}
	return nil
}

// guardBody lets through a record that is sent for an id: its own is the same
// or absent.
func guardBody(primaryKey string, id, record audit.Value) error {
	if record.Kind() != audit.KindObject {
		return fmt.Errorf("the record is no object but %s", record.Kind())
	}
	if own := record.Get(primaryKey); own != nil && !own.Equal(id) {
		return fmt.Errorf("id %s in a record for %s: %w", own.JSON(), id.JSON(), ErrIDMismatch)
	}
	return nil
}

// guardOperation looks at what [Client.Call] is asked for: deleting goes by the
// same rules as elsewhere.
func guardOperation(op string, body audit.Value) error {
	if op == "" {
		return errors.New("call: no operation")
	}
	if op != "delete" {
		return nil
	}
	found := false
	for _, name := range []string{"ids", "hash_values"} {
		list := body.Get(name)
		if list == nil {
			continue
		}
		for v := range list.Elems() {
			if err := guardValue(v); err != nil {
				return fmt.Errorf("delete: %w", err)
			}
			found = true
		}
	}
	if !found {
		return fmt.Errorf("delete: no ids: %w", ErrEmptyID)
	}
	return nil
}

// scriptText is an id as JavaScript's String() has it, by which Harper keys
// answers and finds repetitions: 1 and "1" are the same, and so are ["x",1] and
// "x,1".
func scriptText(v audit.Value) string {
	switch v.Kind() {
	case audit.KindText:
		return v.Text()
	case audit.KindInt:
		// A BigInt and a number of the same digits are the same text.
		return v.Big().String()
	case audit.KindFloat:
		f, _ := v.Float64()
		return audit.Time(f).String()
	case audit.KindBool:
		return v.JSON()
	case audit.KindArray:
		text, n := "", 0
		for e := range v.Elems() {
			if n++; n > 1 {
				text += ","
			}
			text += scriptText(e)
		}
		return text
	}
	return "" // null within an array
}
