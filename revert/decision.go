package revert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// A Strictness is how much must be untouched by others for a plan to write.
type Strictness string

// The levels, each with all the conflicts of those before it.
const (
	// StrictAttribute: an attribute that a legitimate user wrote last stays, the
	// others of its record are written.
	StrictAttribute Strictness = ""
	// StrictRecord: a record that a legitimate user changed after the attacker is
	// a conflict.
	StrictRecord Strictness = "record"
	// StrictTransaction: so too, and the records of one transaction are written
	// all or not at all.
	StrictTransaction Strictness = "transaction"
)

// ParseStrictness reads attribute, record or transaction.
func ParseStrictness(s string) (Strictness, error) {
	switch Strictness(s) {
	case "attribute":
		return StrictAttribute, nil
	case StrictRecord, StrictTransaction:
		return Strictness(s), nil
	}
	return "", fmt.Errorf("parse strictness %q: want attribute, record or transaction", s)
}

// A Decision is what a policy says of a class.
type Decision struct {
	Do     Handling `json:"do"`
	Reason string   `json:"reason,omitempty"` // why; never empty of HandleApply
}

// A Handling is what is done about a class. There is none that writes over what a
// legitimate user wrote last.
type Handling string

// The ways to handle a class.
const (
	HandleConflict Handling = "conflict" // a person decides
	HandleKeep     Handling = "keep"     // it stays as it is, and counts as decided
	HandleSkip     Handling = "skip"     // it stays as it is, for a later plan to look at
	HandleApply    Handling = "apply"    // the write is made, for the reason that is given
)

// handlings lists what a policy may say of a class, the default first; none of a
// class that it cannot decide.
func (c Class) handlings() []Handling {
	switch c {
	case ClassCarried, ClassIdentity, ClassPartialTransaction:
		return []Handling{HandleApply, HandleConflict, HandleKeep, HandleSkip}
	case ClassSuperseded, ClassServerManaged:
		return []Handling{HandleKeep, HandleConflict}
	case ClassSchema, ClassBlobLost, ClassSourcedTable, ClassExpired, ClassLaterWrite, ClassTransaction, ClassDanglingRef:
		return []Handling{HandleConflict, HandleApply, HandleKeep, HandleSkip}
	case ClassOrphanEdit, ClassRecreated, ClassStub, ClassMaskedRemoval, ClassAmbiguousDelta, ClassNoBase, ClassImageRisk, ClassOrphanPath:
		return []Handling{HandleConflict, HandleKeep, HandleSkip}
	case ClassCutOff, ClassLagging: // what is not known is not decided
		return []Handling{HandleConflict, HandleSkip}
	}
	return nil
}

// handling is what is done about a class that can be decided; any other stays.
func (p *Policy) handling(c Class) Handling {
	if d, ok := p.Classes[c]; ok {
		return d.Do
	}
	if c == ClassPartialTransaction && p.Strict == StrictTransaction {
		return HandleConflict
	}
	if may := c.handlings(); len(may) > 0 {
		return may[0]
	}
	return HandleKeep
}

// Check says what is wrong with a policy: a class that is not known, a handling
// that a class does not have, an apply without a reason.
func (p *Policy) Check() error {
	if p.Strict != StrictAttribute && p.Strict != StrictRecord && p.Strict != StrictTransaction {
		return fmt.Errorf("check policy: strictness %q is none", p.Strict)
	}
	for _, name := range slices.Sorted(maps.Keys(p.References)) {
		from, attr := attributeText(name).split()
		_, bad := audit.ParseTable(from)
		_, err := audit.ParseTable(p.References[name])
		if bad != nil || err != nil || attr == "" {
			return fmt.Errorf("check policy: the reference of %q to %q is none: want an attribute, and a table", name, p.References[name])
		}
	}
	for _, c := range slices.Sorted(maps.Keys(p.Classes)) {
		if err := p.Classes[c].check(c); err != nil {
			return fmt.Errorf("check policy: %w", err)
		}
	}
	return nil
}

func (d Decision) check(c Class) error {
	may := c.handlings()
	switch {
	case len(may) == 0:
		return fmt.Errorf("%q is no class that a policy decides", c)
	case !slices.Contains(may, d.Do):
		words := make([]string, len(may))
		for i, m := range may {
			words[i] = string(m)
		}
		return fmt.Errorf("class %s may be %s, not %q", c, strings.Join(words, ", "), d.Do)
	case d.Do == HandleApply && may[0] == HandleConflict && strings.TrimSpace(d.Reason) == "":
		return fmt.Errorf("class %s may be applied for a reason only, and none is given", c)
	}
	return nil
}
