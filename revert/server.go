package revert

import (
	"context"

	"recourse/audit"
)

// A Server is what an apply needs of Harper. Write is called for several records
// at the same time, never twice at once for one.
type Server interface {
	// Read reads the records as they now are: Absent or Present, Fetched. A key
	// that is missing from the answer, or Unknown in it, could not be read.
	Read(context.Context, []audit.Key) (map[audit.Key]audit.Image, error)

	// History reads from Harper's own audit log the changes of each key whose
	// Time is at or after since. Asking for a record by its id tells the
	// operations of one transaction apart, but fails for all of the record's
	// changes if one is unreadable; then the table's log from since on may still
	// tell what is asked. What cannot be read is the Trail's Err, and must not
	// take the other keys with it.
	History(ctx context.Context, keys []audit.Key, since audit.Time) (map[audit.Key]Trail, error)

	// Write makes one write, once. An error means that it is not known whether
	// it was made; a refusal by Harper is an Outcome.
	Write(context.Context, Write) (Outcome, error)
}

// A Survey is what a Server may offer besides, so that many records can be looked
// at and proven with few requests.
type Survey interface {
	// Versions reads records as Read does, and the time of each one's last write.
	Versions(context.Context, []audit.Key) (map[audit.Key]Live, error)

	// Recent reads what a table's log has from a time on, which is told by our
	// clock. whole says that all of it could be read.
	Recent(ctx context.Context, table audit.Table, since audit.Time) (changes []audit.Change, whole bool, err error)
}

// Live is a record as it is now.
type Live struct {
	audit.Image
	Version audit.Time // of the last write, equal to that write's time in the log; 0: not known
}

// A Trail is one record's changes in Harper's own log, oldest first.
type Trail struct {
	Changes []audit.Change
	Err     error // why they could not be read
}

// A Write is one write to one record, which is named by Key and by nothing else.
// How it is sent is the Server's business, but for this: an insert must not
// replace a record that is there, a patch must leave other attributes alone.
type Write struct {
	Key   audit.Key
	Do    string                 // DoInsert, DoPatch or DoDelete
	Set   map[string]audit.Value // for a patch
	Unset []string               // for a patch: to be set to null, or taken away if Put
	Add   map[string]audit.Value // for a patch: increments; never sent a second time without proof
	// Record is the whole record that is to stand there afterwards: for an insert
	// what to insert, for a patch what the record should then be, if nobody else
	// writes.
	Record audit.Value
	// Put asks for Record to replace the whole record, where the table allows it,
	// so that attributes are taken away instead of set to null.
	Put bool
	// Only are values that a record which is to be deleted must still have. It is
	// a second guard where the Server can say such a thing in the request itself
	// (Outcome.Conditional), and nothing where it cannot.
	Only map[string]audit.Value
}

// An Outcome is Harper's answer to a write, which proves nothing yet.
type Outcome struct {
	Acked   bool   // Harper says that it was done
	Skipped bool   // Harper says that it left the record out: an insert of one that is there
	Message string // Harper's words when it refused; never a secret
	// Conditional says that the write was made only if the record still had the
	// values asked for, and that Acked does not tell whether it had.
	Conditional bool
}

// A Journal keeps the receipts of an apply, so that it can be taken up again.
// Receipts, which are all of one plan, must be durable when AddReceipt returns;
// after an error some of them may be.
type Journal interface {
	AddReceipt(context.Context, ...audit.Receipt) error
	Receipts(ctx context.Context, plan string) ([]audit.Receipt, error) // in order
}

// A Ledger remembers what applies have done and which changes are our own. It may
// be told the same twice.
type Ledger interface {
	// BeginApply enters an apply, before anything else of it. One whose plan is
	// known is taken up.
	BeginApply(context.Context, audit.Apply) error
	// Enter enters what the apply has done with records; of each all or nothing. A
	// plan that knew a write of ours and not what it undid, or the other way round,
	// would undo it, or do it twice.
	Enter(ctx context.Context, plan string, records ...audit.Entered) error
	// EndApply enters when the apply came to its end, of which no write's outcome is
	// unknown.
	EndApply(ctx context.Context, plan string, at audit.Time) error
}
