package revert

import (
	"recourse/audit"
)

// A Policy is how a plan decides what the log leaves open. Its zero value is
// the default everywhere.
type Policy struct {
	// Numbers says of an attribute, named database.table.attribute, whether it
	// counts. What is not named is NumberUnknown.
	Numbers map[string]Number `json:"numbers,omitempty"`
	// UpdatesMayAdd says that an `update` or `upsert` of a legitimate user, too,
	// may be an increment, as Harper 5.1 allows with __op__. By default only a
	// `patch` may be one.
	UpdatesMayAdd bool `json:"updates_may_add,omitempty"`
	// StrictNull keeps null apart from an absent attribute. By default they are
	// the same, as most of Harper's answers cannot tell them apart.
	StrictNull bool `json:"strict_null,omitempty"`
	// Unset says how an attribute that the attacker added is taken away.
	Unset Unset `json:"unset,omitempty"`
	// Managed names attributes that the server itself assigns, by
	// database.table: times of creation and update. They are never written.
	// __createdtime__ and __updatedtime__ always are such, and what the histories
	// show to be the transaction's own time is found without being named.
	Managed map[string][]string `json:"managed,omitempty"`
	// Strict is how much must be untouched by others for a write to be made.
	Strict Strictness `json:"strict,omitempty"`
	// Classes decides about classes. What is not named has its default.
	Classes map[Class]Decision `json:"classes,omitempty"`
	// References says which attributes, named database.table.attribute, hold keys of
	// another table's records, and of which, named database.table.
	References map[string]string `json:"references,omitempty"`
	// Cluster, unless nil, is the one whose records the plan is about; where others
	// hold the same keys, their changes do not count. The empty name is that of the
	// cluster which has none.
	Cluster *string `json:"cluster,omitempty"`
	// External names tables whose changes have effects outside of Harper, by
	// database.table, and says which: mails, files, other systems. A plan cannot
	// take those back and says so.
	External map[string]string `json:"external,omitempty"`
}

// A Number says what a legitimate user's change of a numeric attribute means.
type Number string

// The meanings of a number.
const (
	// NumberUnknown: it may be an increment or a new value. When it stands on a
	// value that the attacker had changed, the two lead to different ends, and a
	// person decides (ClassAmbiguousDelta).
	NumberUnknown Number = ""
	// NumberCounter: a change adds its difference, so the attacker's part can be
	// taken out from under it.
	NumberCounter Number = "counter"
	// NumberRegister: a change is a new value, which stays.
	NumberRegister Number = "register"
)

// An Unset says how an attribute is taken away.
type Unset string

// The ways to take an attribute away.
const (
	UnsetNull Unset = ""    // it is set to null, which every write can do
	UnsetPut  Unset = "put" // the whole record is replaced, where the table allows it
)

// attribute is the name under which a policy knows an attribute.
func attribute(t audit.Table, name string) string { return t.String() + "." + name }

func (p *Policy) number(t audit.Table, name string) Number {
	if len(p.Numbers) == 0 {
		return NumberUnknown
	}
	return p.Numbers[attribute(t, name)]
}

// mayAdd says whether a legitimate change by that operation may have been an
// increment. REST PATCH understands __op__ in every version; the operations API
// does from 5.1 on (docs/harper.md).
func (p *Policy) mayAdd(op audit.Op) bool {
	switch op {
	case audit.OpPatch:
		return true
	case audit.OpUpdate, audit.OpUpsert:
		return p.UpdatesMayAdd
	}
	return false
}

// same compares attribute values; nil is absent.
func (p *Policy) same(a, b audit.Value) bool {
	if !p.StrictNull && blank(a) && blank(b) {
		return true
	}
	return a.Equal(b)
}

// blank says that there is no value: absent or null.
func blank(v audit.Value) bool {
	k := v.Kind()
	return k == audit.KindMissing || k == audit.KindNull
}
