package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// A Change is one record's part in one transaction, as the audit log told it.
// Once stored it is never edited.
type Change struct {
	Seq      Seq // our order; zero until stored
	ID       ChangeID
	Cluster  string // the Harper cluster; empty for the only one
	Node     string // the Harper node whose log was read first
	Time     Time   // the transaction's time; changes of one transaction share it
	User     string // empty if the log named none
	Op       Op     // what happened to this record
	Reported Op     // the operation of the group that the record was in: that of the group's first record
	Key      Key
	Nth      int   // 0, or the how-manieth change of this key, time and kind
	Before   Image // the record just before; derived when read, never stored
	After    Image // the record just after
	Group    Group // where in its transaction the change stood
	Observed Time  // when the answer that held it first was read, by our clock
	Lossy    bool  // read as JSON, which has no dates, bytes or NaN
	Late     bool  // found by reading again what a tail had passed
	// Sent is what the write sent, as the raw log has it: of a patch the
	// attributes, increments as {"__op__":"add","value":n}. Nil: not known, as
	// whenever the log was read through read_audit_log.
	Sent Value
	// Synthetic says that no log told of this change: it was found by comparing
	// what Harper lists now with what it listed before, and Time is when.
	Synthetic bool
	Note      string // what could not be read of it and why; empty when all could
}

// A Group is a change's place among the records that Harper showed under one
// operation: one transaction's part in one table, unless a window cut it.
type Group struct {
	Size  int `json:"size"`
	Index int `json:"index"`
}

// A ChangeID is the hash of what makes a change that change: cluster, table,
// key with its JSON type, exact time, kind, occurrence. The operation is no part
// of it (a replica names it otherwise), nor the image (Harper recomputes it),
// nor the group (a window can cut it). So the same change read twice, or from
// two nodes, has one ID.
type ChangeID [32]byte

// String is the id in hex.
func (id ChangeID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is the id in hex.
func (id ChangeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads hex.
func (id *ChangeID) UnmarshalText(b []byte) error {
	var got ChangeID
	if len(b) != hex.EncodedLen(len(got)) {
		return fmt.Errorf("parse change id: %d characters, want %d hex digits", len(b), 2*len(got))
	}
	if _, err := hex.Decode(got[:], b); err != nil {
		return fmt.Errorf("parse change id %q: want %d hex digits", b, 2*len(got))
	}
	*id = got
	return nil
}

// Identify is the change's ID, from its other fields.
func (c *Change) Identify() ChangeID {
	var space [256]byte // as much as most need
	b := space[:0]
	for _, s := range [...]string{c.Cluster, c.Key.Table.Database, c.Key.Table.Name, string(c.Key.ID)} {
		b = appendPart(b, s)
	}
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(float64(c.Time)))
	b = appendPart(b, string(c.Op.Kind()))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Nth))
	return sha256.Sum256(b)
}

func appendPart(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
}

// Diff is the edits from the change's before-image to its after-image, and
// whether both are known. When they are not, nothing is known of what the
// change edited and the diff is nil.
func (c *Change) Diff() (Diff, bool) {
	if c.Op.Kind() == KindMessage {
		return nil, true
	}
	if c.Before.State == Unknown || c.After.State == Unknown {
		return nil, false
	}
	return DiffOf(c.Before.Body, c.After.Body), true
}
