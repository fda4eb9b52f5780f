package revert

import "recourse/audit"

// A Request is what a plan is made of, besides the histories.
type Request struct {
	// Selection is what is to be undone. Nil undoes nothing: with a Reverted that
	// lacks the changes of an earlier plan, that plan is taken back.
	Selection *Selection
	// Reverted are the changes that earlier plans undid, and stay undone.
	Reverted map[audit.ChangeID]string
	// Own are our own compensating writes.
	Own map[audit.ChangeID]string
	// Ledger is what earlier applies did. If it is given, Reverted and Own are what
	// it says, less what Undo takes back.
	Ledger *audit.Ledger
	// Undo is what the plan takes back of earlier applies.
	Undo Undo
	// CutOff is, by record, what steps of earlier applies were about to write that
	// have no known end.
	CutOff map[audit.Key][]audit.Receipt
	// Wrote is, by record, when writes of ours were made that the histories may not
	// have yet.
	Wrote  map[audit.Key][]audit.Time
	Policy Policy
	// Gaps are the stretches of the log that could not be read. A change in one
	// may have made a value what the plan does not know, so it names them.
	Gaps []audit.Gap
	// Coverage is kept in the plan; nil: nobody looked.
	Coverage *Coverage
	// Others are asked what other records refer to those that the plan writes, and
	// what these refer to; nil: that is not looked at, and the plan says so where
	// references are declared.
	Others Others
	// Schema is what Harper now says of its tables; nil: not known, and the plan
	// says so.
	Schema *Schema

	// Resolutions are what people decided of the conflicts that a plan of the same
	// had. One that fits no conflict, or another than was seen, is ErrPlanStale.
	Resolutions []Resolved
	// Contain proposes to deactivate the accounts of the selection.
	Contain bool

	// Approvals is how many people must approve the plan, at least.
	Approvals int

	// For the header alone. Instance, which server this is about, is in the
	// digest; the others are not. Created and Expires are RFC 3339.
	Instance                       Instance
	Created, Author, Tool, Expires string

	ahead int // how many records of a table are looked at before the first is planned; 0: mostAhead
}
