package query

import (
	"errors"
	"fmt"
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
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse query: column %d: %s", 1+utf8.RuneCountInString(e.Query[:e.Offset]), e.Reason)
}

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

// ErrCursor says that a cursor is not one that a search returned.
var ErrCursor = errors.New("not a cursor of a search")

// ErrIndexAhead says that the index knows changes which the store has not, so
// it belongs to another store, or to this one before it was restored.
var ErrIndexAhead error = &hinted{"the index is ahead of the store", "run recourse reindex"}

type hinted struct{ text, hint string }

func (e *hinted) Error() string { return e.text }

// Hint says what to do.
func (e *hinted) Hint() string { return e.hint }

// fieldNames are all names that may stand before a colon.
var fieldNames = []string{
	"after", "attr", "before", "carries", "db", "id", "key", "kind", "late", "lossy",
	"node", "op", "rule", "seq", "set", "table", "time", "txn", "unset", "user",
}

// olderNames are what Harper called these fields in former versions, or calls
// them in its answers.
var olderNames = map[string]string{
	"database": "db", "schema": "db", "operation": "op", "user_name": "user", "username": "user",
	"hash_value": "id", "timestamp": "txn", "attribute": "attr",
}

// suggest is the field that is spelt most like name, or "".
func suggest(name string) string {
	best, least := "", 3
	for _, f := range fieldNames {
		d := distance(name, f)
		if d < least && d < len(f) {
			best, least = f, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
