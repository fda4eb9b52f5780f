package report

import (
	"bytes"
	"fmt"
)

// widthRows is how many rows of a table on a page are held back to find out how wide
// its columns are.
const widthRows = 256

// rows prints an answer of any length row by row, in every format: it holds no more
// than widthRows of them. Its error is the first one; later rows are not printed.
type rows struct {
	p     *Printer
	name  string // of the rows in JSON and YAML
	names []string
	cols  []column

	n      int
	held   [][]cell
	widths []int // nil while rows are held back
	err    error
}

func (p *Printer) rows(name string, names []string, cols []column) *rows {
	return &rows{p: p, name: name, names: names, cols: cols}
}

// row prints the next row: as a document, as texts for a sheet, or as cells for a
// page.
func (r *rows) row(doc any, texts func() []string, cells func() []cell) error {
	return r.rowOf(doc, func() [][]string { return [][]string{texts()} }, cells)
}

// rowOf is row for what takes several rows of a sheet.
func (r *rows) rowOf(doc any, texts func() [][]string, cells func() []cell) error {
	var b bytes.Buffer
	var err error
	first := r.n == 0
	r.n++
	switch r.p.o.Format {
	case NDJSON:
		err = writeJSON(&b, doc, "")
	case JSON:
		b.WriteString(map[bool]string{true: "{\n\"" + r.name + "\": [\n", false: ",\n"}[first])
		var line bytes.Buffer
		err = writeJSON(&line, doc, "")
		b.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	case YAML:
		if first {
			b.WriteString(r.name + ":\n")
		}
		err = writeYAML(&b, []any{doc})
	case CSV:
		err = r.csv(&b, first, texts())
	case Markdown:
		if first {
			sheet{names: r.names}.writeMarkdown(&b)
		}
		sheet{rows: texts()}.writeRows(&b)
	default:
		return r.hold(cells())
	}
	return r.write(b.Bytes(), err)
}

func (r *rows) csv(b *bytes.Buffer, first bool, texts [][]string) error {
	if first {
		texts = append([][]string{r.names}, texts...)
	}
	return writeCSVRows(b, texts)
}

// hold prints a row of a page, once it is known how wide the columns are.
func (r *rows) hold(cells []cell) error {
	r.held = append(r.held, cells)
	if r.widths == nil && len(r.held) < widthRows {
		return r.err
	}
	return r.flush()
}

func (r *rows) flush() error {
	var b bytes.Buffer
	g := &page{b: &b, color: r.p.o.Color, width: r.p.o.Width}
	if r.widths == nil && len(r.held) > 0 {
		r.widths = g.begin(r.cols, r.held)
	}
	for _, row := range r.held {
		g.row(r.cols, r.widths, row)
	}
	r.held = r.held[:0]
	return r.write(b.Bytes(), nil)
}

func (r *rows) write(text []byte, err error) error {
	if err != nil {
		err = fmt.Errorf("print: %w", err)
	} else if r.err == nil {
		_, err = r.p.w.Write(text)
	}
	if r.err == nil {
		r.err = err
	}
	return r.err
}

// end prints what stands below the rows: the document's other fields, the summary
// as the last line, or notes for people.
func (r *rows) end(doc, summary any, notes []string) error {
	var b bytes.Buffer
	var err error
	switch r.p.o.Format {
	case NDJSON:
		err = writeJSON(&b, summaryLine{summary}, "")
	case JSON:
		err = r.endJSON(&b, doc)
	case YAML:
		if r.n == 0 {
			b.WriteString(r.name + ": []\n")
		}
		err = writeYAML(&b, doc)
	case CSV:
		if r.n == 0 {
			err = writeCSVRows(&b, [][]string{r.names})
		}
	case Markdown:
		if r.n == 0 {
			sheet{names: r.names}.writeMarkdown(&b)
		}
		for _, n := range notes {
			fmt.Fprintf(&b, "\n%s\n", markdown(n))
		}
	default:
		if err := r.flush(); err != nil {
			return err
		}
		g := &page{b: &b, color: r.p.o.Color, width: r.p.o.Width}
		if r.n > 0 {
			g.gap()
		}
		for _, n := range notes {
			g.wrapped(plain, 0, n)
		}
	}
	return r.write(b.Bytes(), err)
}

func (r *rows) endJSON(b *bytes.Buffer, doc any) error {
	text, err := marshal(doc)
	if err != nil {
		return err
	}
	if r.n == 0 {
		b.WriteString("{\n\"" + r.name + "\": [")
	}
	b.WriteString("\n],\n" + visibleJSON(string(text[1:])) + "\n")
	return nil
}
