package audit

import (
	"errors"
	"fmt"
	"math/big"
)

// An ID is a primary key in canonical JSON, so 318 and "318" stay two records.
// Integers keep all their digits; an array is a compound key.
type ID string

// ErrNoID says that a value cannot be a primary key: null, undefined, a
// boolean, an object. Harper generates an id in place of null on insert and in
// a delete may empty the table, so null is never a key.
var ErrNoID = errors.New("not a primary key")

// IDOf is the id that a value from Harper stands for. Text, numbers and arrays
// of those can be keys; anything else is ErrNoID.
func IDOf(v Value) (ID, error) {
	if err := checkID(v); err != nil {
		return "", err
	}
	return ID(v.JSON()), nil
}

func checkID(v Value) error {
	switch v.Kind() {
	case KindText, KindInt, KindFloat:
		return nil
	case KindArray:
		for e := range v.Elems() {
			// Harper allows null and booleans as parts of a compound key.
			if k := e.Kind(); k == KindNull || k == KindBool {
				continue
			}
			if err := checkID(e); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("%w: %s", ErrNoID, v.Kind())
	}
}

// ParseID reads an id typed by a person: JSON, or else the text itself.
func ParseID(s string) (ID, error) {
	v, err := readID([]byte(s))
	if err != nil {
		v = Text(s)
	}
	return IDOf(v)
}

// Value is the id as a value, ready to be sent to Harper. An ID that did not
// come from IDOf or ParseID may not be JSON; its Value is nil.
func (id ID) Value() Value {
	v, err := readID([]byte(id))
	if err != nil {
		return nil
	}
	return v
}

// readID reads JSON, and as UnmarshalJSON does the numbers that JSON has not: an
// infinity can be a key.
func readID(data []byte) (Value, error) {
	v, err := FromJSON(data)
	if err != nil {
		return nil, err
	}
	if t, err := typed(v, 0); err == nil {
		return t, nil
	}
	return v, nil
}

// Empty says that the id is missing, or is text without a character. Harper
// reads such an id in some requests as "the whole table".
func (id ID) Empty() bool { return id == "" || id == `""` || id == "null" || id == "[]" }

// MarshalJSON is the id itself, which is JSON already.
func (id ID) MarshalJSON() ([]byte, error) {
	if id == "" {
		return []byte("null"), nil
	}
	return []byte(id), nil
}

// UnmarshalJSON reads an id from JSON, exactly.
func (id *ID) UnmarshalJSON(data []byte) error {
	v, err := readID(data)
	if err != nil {
		return err
	}
	parsed, err := IDOf(v)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// maxSafe is 2^53, up to which a float64 counts without a gap.
const maxSafe = 1 << 53

var bigMaxUint64 = new(big.Int).SetUint64(^uint64(0))
