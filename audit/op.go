package audit

// An Op is what a change did to its record, in Harper's own words.
type Op string

// The operations that Harper names. Others are kept as they came.
const (
	OpInsert     Op = "insert"
	OpUpdate     Op = "update"
	OpUpsert     Op = "upsert" // also every REST PUT
	OpPatch      Op = "patch"
	OpDelete     Op = "delete"
	OpMessage    Op = "message"
	OpInvalidate Op = "invalidate"
	// OpReload is about no record: another node's records were copied in, and
	// none of them has an entry of its own.
	OpReload Op = "reload"
)

// A Kind is what an Op means for the record: the part of it on which every
// node, and every later reading of the log, agrees.
type Kind string

// The kinds of change.
const (
	KindWrite   Kind = "write"   // the record has a new image
	KindDelete  Kind = "delete"  // the record is gone
	KindMessage Kind = "message" // a message was published; the record is as it was
)

// Kind says what the operation means. An operation that Harper did not name
// when this was written counts as a write.
func (o Op) Kind() Kind {
	switch o {
	case OpDelete:
		return KindDelete
	case OpMessage:
		return KindMessage
	default:
		return KindWrite
	}
}
