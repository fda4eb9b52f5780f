package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A SyntaxError says why a query could not be read, and where.
type SyntaxError struct {
	Query  string
	Offset int // in bytes, of the first character that is at fault
	Reason string
	hint   string
	err    error // what lies beneath, if anything does
}

// Unwrap is what lies beneath: ErrUnknownName where a name is unknown.
func (e *SyntaxError) Unwrap() error { return e.err }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse query: column %d: %s", e.column(), e.Reason)
}

// column is where the fault is, in characters from 1.
func (e *SyntaxError) column() int { return 1 + utf8.RuneCountInString(e.Query[:e.Offset]) }

// Hint says what to write instead; it is empty where nothing can be said.
func (e *SyntaxError) Hint() string { return e.hint }

// Caret is two lines for people: the query, and a caret under the fault.
// A query that is long is shown around it.
func (e *SyntaxError) Caret() string {
	const around = 60
	left, right := []rune(e.Query[:e.Offset]), []rune(e.Query[e.Offset:])
	before, after := "", ""
	if len(left) > around {
		left, before = left[len(left)-around:], "…"
	}
	if len(right) > around {
		right, after = right[:around], "…"
	}
	indent := utf8.RuneCountInString(before) + len(left)
	return before + printable(left) + printable(right) + after + "\n" + strings.Repeat(" ", indent) + "^"
}

// printable keeps what a query holds from moving the cursor.
func printable(rs []rune) string {
	for i, r := range rs {
		if !unicode.IsPrint(r) {
			rs[i] = '\uFFFD'
		}
	}
	return string(rs)
}

// ErrCursor says that a cursor is not one that a page of the same query returned.
var ErrCursor = errors.New("not a cursor of this search")

// ErrIndexAhead says that the index knows changes which the store has not, so
// it belongs to another store, or to this one before it was restored.
var ErrIndexAhead error = &hinted{"the index is ahead of the store", "run recourse reindex"}

type hinted struct{ text, hint string }

func (e *hinted) Error() string { return e.text }

// Hint says what to do.
func (e *hinted) Hint() string { return e.hint }

// fieldNames are all names that may stand before a colon.
var fieldNames = slices.Concat([]string{
	"after", "alert", "appears", "attr", "before", "carries", "db", "first", "id", "key", "kind", "label", "late", "like",
	"lossy", "mark", "node", "op", "risk", "rule", "seq", "set", "synthetic", "table", "time", "txn", "unset", "user",
	"value", "vanishes",
}, measureNames())

// olderNames are what Harper called these fields in former versions, or calls
// them in its answers, and what the conditions of rules call them.
var olderNames = map[string]string{
	"database": "db", "schema": "db", "operation": "op", "user_name": "user", "username": "user",
	"hash_value": "id", "timestamp": "txn", "attribute": "attr",
	"changed": "attr", "added": "set", "removed": "unset", "before_state": "before", "after_state": "after",
	"table_name": "table", "ts": "time", "raw_op": "op_reported", "dow": "weekday",
}

// absent are names that one may look for and that mean nothing here, with what to
// write instead.
var absentNames = map[string]string{
	"actor":   "the log tells of users only: write user:NAME, or first:user for those that are new",
	"case":    "there are no cases; keep changes with | save, or in a playbook's report",
	"origin":  "changes of our own reverts are those that recourse revert ledger lists",
	"session": "write | sessions gap 15m by(user) after the query",
}

// FieldNames are the names that may stand before a colon, sorted, without those
// that are only other names of them.
func FieldNames() []string { return slices.Sorted(slices.Values(fieldNames)) }

// Suggest is the one of some names that is spelt most like another; empty if none
// is.
func Suggest(name string, among []string) string { return suggest(name, among) }

// suggest is the one of some names that is spelt most like another, or "".
func suggest(name string, among []string) string {
	best, least := "", 6
	for _, f := range among {
		d := 2 * distance(name, f)
		if f != "" && name != "" && name[0] != f[0] {
			d++ // of two as near, the one that begins alike
		}
		if d < least && d < 2*len(f) {
			best, least = f, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace, or to swap with the
// next (optimal string alignment).
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	above, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost = 1 + min(row[j], row[j+1], next[j])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, 1+above[j-1])
			}
			next[j+1] = cost
		}
		above, row = row, next
	}
	return row[len(b)]
}
