package revert

import (
	"crypto/sha256"
	"fmt"

	"recourse/audit"
)

// A prepared record has with it what can be told of it before it is planned, and
// without the others.
type prepared struct {
	Record
	others  []audit.Change    // of other clusters by the same key
	ids     []audit.ChangeID  // of the record's changes
	sum     [sha256.Size]byte // over all that the planner looks at
	managed map[string]bool   // what the server assigns in its table
	err     error             // why it cannot be planned
}

// elsewhere says that only other clusters have a record by that key.
func (r *prepared) elsewhere() bool { return len(r.Changes) == 0 && len(r.others) > 0 }

// weight is how many bytes the record takes, nearly.
func (r *prepared) weight() int {
	const change = 512
	return r.size() + change*len(r.Changes)
}

// A preparer prepares records, one after the other.
type preparer struct {
	hasher historyHasher
	idRoom idRoom
}

func newPreparer() *preparer { return &preparer{hasher: historyHasher{h: sha256.New()}} }

// record prepares a record. What the server assigns is still to be said.
func (p *preparer) record(rec Record, others []audit.Change) prepared {
	r := prepared{Record: rec, others: others}
	switch {
	case r.elsewhere():
	case rec.Key.ID.Empty():
		r.err = fmt.Errorf("a record of %s has no id", rec.Key.Table)
	default:
		if r.err = rec.one(); r.err == nil {
			r.ids = p.idRoom.keep(rec.appendIDs(p.idRoom.of(len(rec.Changes))))
			r.sum = p.hasher.sum(&rec, r.ids)
		}
	}
	return r
}
