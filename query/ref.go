package query

import (
	"recourse/audit"
)

// A Ref names a change in the answer of a verb.
type Ref struct {
	Seq     audit.Seq      `json:"seq"`
	ID      audit.ChangeID `json:"id"`
	Time    *audit.Time    `json:"time"`
	TimeISO *string        `json:"time_iso"`
	User    *string        `json:"user"` // nil: the log named none
	Op      audit.Op       `json:"op"`
	Node    string         `json:"node"`
	Late    bool           `json:"late,omitempty"` // found by reading again what a tail had passed

	at audit.Time
}

// RefOf names a change, which may be in outline.
func RefOf(c *audit.Change) Ref {
	id := c.ID
	if id == (audit.ChangeID{}) {
		id = c.Identify()
	}
	return Ref{Seq: c.Seq, ID: id, Time: Number(c.Time), TimeISO: ISO(c.Time), User: userDoc(c.User), Op: c.Op, Node: c.Node, Late: c.Late, at: c.Time}
}

func refPtr(c *audit.Change) *Ref {
	if c == nil {
		return nil
	}
	r := RefOf(c)
	return &r
}

// At is the change's time.
func (r *Ref) At() audit.Time { return r.at }

// UserName is the user, empty if the log named none.
func (r *Ref) UserName() string {
	if r.User == nil {
		return ""
	}
	return *r.User
}

// userDoc is a user's name in JSON: null where the log named none.
func userDoc(user string) *string {
	if user == "" {
		return nil
	}
	return &user
}

// A RecordRef names a record in the answer of a verb.
type RecordRef struct {
	Database string   `json:"database"`
	Table    string   `json:"table"`
	Key      audit.ID `json:"key"`
	Cluster  string   `json:"cluster,omitempty"` // empty for the only one
}

func recordRef(k audit.Key, cluster string) RecordRef {
	return RecordRef{k.Table.Database, k.Table.Name, k.ID, cluster}
}

// Record is the key of the record.
func (r RecordRef) Record() audit.Key {
	return audit.Key{Table: audit.Table{Database: r.Database, Name: r.Table}, ID: r.Key}
}

// An Edit is one attribute's old and new value in the answer of a verb. One that
// was not there has no old, one that is no longer there no new.
type Edit struct {
	Path string      `json:"path"` // JSON Pointer
	Old  audit.Value `json:"old,omitzero"`
	New  audit.Value `json:"new,omitzero"`
}

func editsOf(d audit.Diff) []Edit {
	out := make([]Edit, len(d))
	for i, e := range d {
		out[i] = Edit(e)
	}
	return out
}
