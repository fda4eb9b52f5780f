package revert

// A Class says why an attribute or a record is treated as it is.
type Class string

// What is done, and what need not be.
const (
	ClassRevert     Class = "revert"     // the attacker wrote it last: the value it would have is written
	ClassCarried    Class = "carried"    // so too, and a legitimate user has meanwhile sent the attacker's value along
	ClassAlready    Class = "already"    // nothing of the attack is left
	ClassSuperseded Class = "superseded" // a legitimate user wrote it after the attacker: it stays
)

// Conflicts, which a person decides. Until then nothing is written.
const (
	// ClassOrphanEdit: a legitimate user worked on a record that the attacker
	// made.
	ClassOrphanEdit Class = "orphan-edit"
	// ClassRecreated: the attacker deleted it, and a legitimate user made it anew.
	ClassRecreated Class = "recreated"
	// ClassStub: the attacker deleted it, and a legitimate patch has brought back
	// a part of it.
	ClassStub Class = "stub"
	// ClassMaskedRemoval: a legitimate put left out what the attacker had removed
	// before, on purpose or because it was not there to be sent.
	ClassMaskedRemoval Class = "masked-removal"
	// ClassAmbiguousDelta: a legitimate user changed a number that the attacker
	// had changed, and the log does not say whether by an increment.
	ClassAmbiguousDelta Class = "ambiguous-delta"
	// ClassNoBase: what was there before the attack is not known.
	ClassNoBase Class = "no-base"
	// ClassImageRisk: it hangs on an image that was read too late to be relied on.
	ClassImageRisk Class = "image-risk"
	// ClassLogGap: the log is not whole: it contradicts itself at this record.
	ClassLogGap Class = "log-gap"
	// ClassDrift: when it was to be written, the record was not what the plan
	// expects.
	ClassDrift Class = "drift"
	// ClassOrphanPath: a legitimate value lies inside an object that the attacker
	// made, in the place of a value that was none.
	ClassOrphanPath Class = "orphan-path"
)

// What surrounds a write that is known. By default a person decides about these
// too, of which a policy may say otherwise; the write is kept with the conflict.
const (
	// ClassLaterWrite: a legitimate user changed the record after the attacker,
	// and the policy is strict about records.
	ClassLaterWrite Class = "later-write"
	// ClassTransaction: another record of the same transaction has a conflict, and
	// the policy is strict about transactions.
	ClassTransaction Class = "transaction"
	// ClassPartialTransaction: the selection holds a part of a transaction only.
	ClassPartialTransaction Class = "partial-transaction"
	// ClassSchema: the table or the attribute is no longer what it was when the
	// value was written.
	ClassSchema Class = "schema"
	// ClassSourcedTable: a caching table, which sends what is written to its source.
	ClassSourcedTable Class = "sourced-table"
	// ClassExpired: a record to be made anew, in a table whose records end by
	// themselves: it may have ended by now.
	ClassExpired Class = "expired"
	// ClassDanglingRef: a record that others refer to would be deleted, or one written
	// that refers to one which is not there.
	ClassDanglingRef Class = "dangling-ref"
	// ClassBlobLost: the value is a blob, of which the log has the name only.
	ClassBlobLost Class = "blob-lost"
	// ClassIdentity: the attacker changed the attribute that holds the primary
	// key. The record's key is another matter and has not moved.
	ClassIdentity Class = "identity"
	// ClassServerManaged: the attacker changed a time that the server assigns, or a
	// record that is made anew loses its time of creation. It is not written.
	ClassServerManaged Class = "server-managed"
)

// What a person may decide about a conflict. OptionKeep is always the default:
// the record stays as it is.
const (
	OptionKeep      = "keep"
	OptionDelete    = "delete"
	OptionKeepLegit = "keep-legit"
	OptionFill      = "fill"
	OptionMerge     = "merge"
	OptionReplace   = "replace"
	OptionRestore   = "restore"
	OptionDelta     = "delta"
	OptionApply     = "apply" // the write that the conflict holds back
	OptionValue     = "value"
	OptionOmit      = "omit"
)

// options of the classes of conflict, the default first.
func (c Class) options() []string {
	switch c {
	case ClassOrphanEdit:
		return []string{OptionKeep, OptionDelete, OptionKeepLegit}
	case ClassRecreated:
		return []string{OptionKeep, OptionFill, OptionMerge, OptionReplace}
	case ClassStub:
		return []string{OptionKeep, OptionMerge}
	case ClassMaskedRemoval:
		return []string{OptionKeep, OptionRestore}
	case ClassAmbiguousDelta:
		return []string{OptionKeep, OptionDelta}
	case ClassCarried, ClassIdentity, ClassSchema, ClassBlobLost, ClassSourcedTable, ClassExpired,
		ClassLaterWrite, ClassTransaction, ClassPartialTransaction, ClassDanglingRef:
		return []string{OptionKeep, OptionApply}
	default:
		return []string{OptionKeep}
	}
}
