// Package harper is a client of a Harper server: its operations API, which
// holds the audit log and reads and writes records, and its REST API, which
// alone can replace a record or change single attributes of it.
//
// Make a [Client] with [New]. [Client.AuditLog] streams a table's audit log,
// record by record and in bounded memory; [DecodeAuditLog] does the same with a
// saved answer. What the answers of Harper's two lines, on LMDB and on
// RocksDB, look like is told in docs/harper.md; the client takes both, and
// decides by the answer, not by a version.
//
// Every write passes the guard in guard.go: an id that is missing, null or empty is
// refused before a request is built, for Harper may take it for the whole
// table.
package harper

// The media types that are spoken. text/csv is never asked for: an error in it
// makes Harper hang.
const (
	mimeCBOR   = "application/cbor"
	mimeJSON   = "application/json"
	mimeEvents = "text/event-stream"
)
