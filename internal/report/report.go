// Package report prints what the program found and did: changes, histories,
// alerts, plans, the outcome of an apply, and plain listings.
//
// Start with [New]: a [Printer] has one method for each kind of thing, and
// prints it in the [Format] that was asked for. JSON, NDJSON and YAML hold the
// same fields, which docs/json.md promises to scripts, and hold every value
// whole; table, CSV and Markdown are for people.
//
// Whatever comes from a record, a user's name or a table's is hostile: no
// format lets a control character, a terminal escape or an invisible character
// through ([Visible]), CSV lets no formula through, Markdown no markup, HTML no
// element and no attribute.
//
// What is not known is printed as unknown. No answer is called complete unless
// the caller knows that it is.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"recourse/query"
)

// A Format is a way to print results.
type Format string

// The formats.
const (
	Table    Format = "table"  // for a terminal
	JSON     Format = "json"   // one document
	NDJSON   Format = "ndjson" // one document a line
	CSV      Format = "csv"    // RFC 4180, with a line of names
	YAML     Format = "yaml"   // the document of JSON
	Markdown Format = "md"     // tables, as GitHub has them
	HTML     Format = "html"   // one page that needs nothing else; plans and reports alone have it
)

var formats = []Format{Table, JSON, NDJSON, CSV, YAML, Markdown}

// ParseFormat reads a format's name; more are those that the command has besides
// what every command has.
func ParseFormat(s string, more ...Format) (Format, error) {
	all := slices.Concat(formats, more)
	if f := Format(s); slices.Contains(all, f) {
		return f, nil
	}
	return "", fmt.Errorf("parse output format %q: want one of %v", Visible(s), all)
}

// Options say how results are printed. The zero value is a table without
// colour, 100 columns wide.
type Options struct {
	Format   Format // empty is Table
	Color    bool   // colour in tables; it never carries meaning alone
	Width    int    // columns of the terminal, for tables; 0 is 100
	NoImages bool   // leave the bodies of images out
}

// A Printer prints results to one writer. Each method writes all it has to say
// at once, and returns the writer's error.
type Printer struct {
	w         io.Writer
	o         Options
	explained *query.Explanation // nil: nobody asked
	parts     [][]byte           // the memory of ChangeLines
}

// New is a printer that writes to w.
func New(w io.Writer, o Options) *Printer {
	if o.Format == "" {
		o.Format = Table
	}
	if o.Width <= 0 {
		o.Width = 100
	}
	return &Printer{w: w, o: o}
}

// Format is the format that the printer prints.
func (p *Printer) Format() Format { return p.o.Format }

// output is one answer in all its forms; each is made only if it is printed.
type output struct {
	document func() any      // JSON and YAML
	lines    func() []any    // NDJSON; nil is the document as the only line
	page     func(*page)     // table
	sheet    func() sheet    // CSV and Markdown
	notes    func() []string // what Markdown says around the sheet
	html     func() htmlPage // nil: there is none
}

func (p *Printer) print(out output) error {
	var b bytes.Buffer
	var err error
	switch p.o.Format {
	case JSON:
		err = writeJSON(&b, out.document(), "  ")
	case NDJSON:
		lines := []any{nil}
		if out.lines != nil {
			lines = out.lines()
		} else {
			lines[0] = out.document()
		}
		for _, l := range lines {
			if err = writeJSON(&b, l, ""); err != nil {
				break
			}
		}
	case YAML:
		err = writeYAML(&b, out.document())
	case CSV:
		err = out.sheet().writeCSV(&b)
	case Markdown:
		out.sheet().writeMarkdown(&b)
		if out.notes != nil {
			for _, n := range out.notes() {
				fmt.Fprintf(&b, "\n%s\n", markdown(n))
			}
		}
	case HTML:
		if out.html == nil {
			return errors.New("print: there is no HTML of this")
		}
		err = out.html().write(&b)
	case Table:
		out.page(&page{b: &b, color: p.o.Color, width: p.o.Width})
	default:
		err = fmt.Errorf("print: output format %q is not one of %v", p.o.Format, formats)
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = p.w.Write(b.Bytes())
	return err
}
