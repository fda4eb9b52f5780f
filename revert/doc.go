// Package revert undoes chosen changes and nothing else.
//
// Begin with a [Selection], the frozen list of changes that somebody judged to
// be malicious. [Make] turns it and the stored histories of the records it
// touched into a [Plan], a pure function that needs no Harper. An [Applier]
// carries the plan out, one proven write at a time, and [Applier.Verify] looks
// again afterwards.
//
// The method is a forward replay, twice: each record is followed change by
// change as it was (the actual states) and as it would have been without the
// chosen changes (the counterfactual states). An attribute is written only if
// its last effective writer is one of the chosen changes; what a legitimate
// user wrote later stays, and is listed as kept. Undoing changes one by one from
// the end is not the same: it brings values back that a legitimate user had
// replaced, and images of whole records carry the attacker's values along.
//
// What cannot be known is a [Conflict], never a guess. docs/revert.md has the
// classes and what each asks of a person.
package revert
