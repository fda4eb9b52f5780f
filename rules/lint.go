package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A LintError is one mistake in a rule file.
type LintError struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
	Source  string // the line in question
}

// Error is file:line:column: message, then the line with a caret below it.
func (e *LintError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Source == "" {
		return b.String()
	}
	const wide = 120
	line, column := []rune(e.Source), max(e.Column-1, 0)
	if column > wide/2 {
		cut := min(column-wide/2, len(line))
		line, column = line[cut:], column-cut
	}
	line = line[:min(len(line), wide)]
	fmt.Fprintf(&b, "\n  | %s\n  | %s^", printable(string(line)), strings.Repeat(" ", min(column, wide)))
	return b.String()
}

// LintErrors is every mistake in a set of rule files, in the order in which
// they stand there.
type LintErrors []*LintError

// Error is all of them, one after the other.
func (l LintErrors) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "\n")
}

// Unwrap gives errors.As each mistake.
func (l LintErrors) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Hint says where to read on.
func (l LintErrors) Hint() string { return "docs/rules.md describes rule files" }

// printable replaces what would move the cursor or colour the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// A place is a position in a file, both from 1.
type place struct{ line, column int }

// A document is one rule file while it is read. Mistakes are collected, so
// that one run reports them all.
type document struct {
	name  string
	lines []string
	errs  LintErrors
	reads func(what string, fields []field) // told of every mapping that is read; nil: nobody asks
}

func newDocument(f File) *document {
	// Editors on Windows put a byte order mark at the begin.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(f.Data), "\ufeff"))
	return &document{name: f.Name, lines: strings.Split(text, "\n")}
}

func (d *document) fail(at place, format string, args ...any) {
	d.errs = append(d.errs, d.here(at).saying(format, args...))
}

// here is a place of the file about which something may be said.
func (d *document) here(at place) *LintError {
	at.line, at.column = min(max(at.line, 1), len(d.lines)), max(at.column, 1) // the YAML parser can be off
	return &LintError{File: d.name, Line: at.line, Column: at.column, Source: d.lines[at.line-1]}
}

func (d *document) sorted() LintErrors {
	slices.SortStableFunc(d.errs, func(a, b *LintError) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return d.errs
}

// nearest is the known name that was probably meant, or "".
func nearest(name string, known []string) string {
	best, dist := "", 3
	for _, k := range known {
		if n := editDistance(name, k); n < dist && n < len(k) {
			best, dist = k, n
		}
	}
	return best
}

func didYouMean(name string, known []string) string {
	if k := nearest(name, known); k != "" {
		return fmt.Sprintf("; did you mean %s?", k)
	}
	return ""
}

func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
