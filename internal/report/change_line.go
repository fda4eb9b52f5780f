package report

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"recourse/audit"
	"recourse/query"
)

// ChangeLines prints changes as Changes does in NDJSON, but for the summary, so
// that an answer of any length can be printed part by part. It is the printer of
// a format that has a line a change: [NDJSON].
func (p *Printer) ChangeLines(changes []audit.Change) error {
	const least = 64 // changes that are worth another processor
	n := max(min(runtime.GOMAXPROCS(0), len(changes)/least), 1)
	for len(p.parts) < n {
		p.parts = append(p.parts, nil)
	}
	size := (len(changes) + n - 1) / n
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		of := changes[min(i*size, len(changes)):min((i+1)*size, len(changes))]
		wait.Go(func() {
			defer audit.Guard(&errs[i])
			p.parts[i], errs[i] = p.appendLines(p.parts[i][:0], of)
		})
	}
	wait.Wait()
	for i, part := range p.parts[:n] {
		if errs[i] != nil {
			return fmt.Errorf("print: %w", errs[i])
		}
		if _, err := p.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer) appendLines(dst []byte, changes []audit.Change) ([]byte, error) {
	// As long as they will be, about: to grow line by line is to copy all again and again.
	size := 0
	for i := range changes {
		const around = 700 // names, and what is no image
		size += around + 2*len(changes[i].After.Body) + 2*len(changes[i].Before.Body)
	}
	dst = slices.Grow(dst, size)
	for i := range changes {
		var err error
		if dst, err = p.appendLine(dst, &changes[i]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// SummaryLine ends what ChangeLines printed.
func (p *Printer) SummaryLine(s query.Summary) error {
	return p.print(output{document: func() any { return summaryLine{p.summaryDoc(s)} }})
}

// appendLine appends what writeJSON would write of a change's document. That
// finds out anew for each change what a changeDoc consists of, which takes longer
// than reading the change.
func (p *Printer) appendLine(dst []byte, c *audit.Change) ([]byte, error) {
	start := len(dst)
	if !plainID(c.Key.ID) {
		// Whether it is JSON is for the encoder to find out.
		var b bytes.Buffer
		if err := writeJSON(&b, p.changeDoc(c), ""); err != nil {
			return dst, err
		}
		return append(dst, b.Bytes()...), nil
	}
	dst = p.appendChange(dst, c)
	for _, b := range dst[start:] {
		if b > '~' {
			visible := visibleJSON(string(dst[start:]))
			dst = append(dst[:start], visible...)
			break
		}
	}
	return append(dst, '\n'), nil
}

// plainID says that an id is a natural number, or text without anything to be
// escaped.
func plainID(id audit.ID) bool {
	if len(id) > 2 && id[0] == '"' && id[len(id)-1] == '"' {
		for i := 1; i < len(id)-1; i++ {
			if c := id[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
				return false
			}
		}
		return true
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' || i == 0 && id[0] == '0' {
			return false
		}
	}
	return id != ""
}

// appendChange appends the fields of a changeDoc in their order.
func (p *Printer) appendChange(dst []byte, c *audit.Change) []byte {
	dst = strconv.AppendUint(append(dst, `{"seq":`...), uint64(c.Seq), 10)
	dst = append(hex.AppendEncode(append(dst, `,"id":"`...), c.ID[:]), `","time":`...)
	if t := timeDoc(c.Time); t != nil {
		dst = append(dst, t.String()...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"time_iso":`...)
	if iso := isoDoc(c.Time); iso != nil {
		dst = append(append(append(dst, '"'), *iso...), '"')
	} else {
		dst = append(dst, "null"...)
	}
	if c.Cluster != "" {
		dst = appendText(append(dst, `,"cluster":`...), c.Cluster)
	}
	dst = appendText(append(dst, `,"node":`...), c.Node)
	dst = appendText(append(dst, `,"database":`...), c.Key.Table.Database)
	dst = appendText(append(dst, `,"table":`...), c.Key.Table.Name)
	dst = append(append(dst, `,"key":`...), c.Key.ID...)
	dst = append(dst, `,"user":`...)
	if c.User != "" {
		dst = appendText(dst, c.User)
	} else {
		dst = append(dst, "null"...)
	}
	dst = appendText(append(dst, `,"op":`...), string(c.Op))
	dst = appendText(append(dst, `,"op_reported":`...), string(c.Reported))
	dst = appendDiff(dst, c)
	dst = p.appendImage(append(dst, `,"before":`...), c.Before)
	dst = p.appendImage(append(dst, `,"after":`...), c.After)
	dst = strconv.AppendInt(append(dst, `,"group":{"size":`...), int64(c.Group.Size), 10)
	dst = append(strconv.AppendInt(append(dst, `,"index":`...), int64(c.Group.Index), 10), '}')
	return append(p.appendMarks(dst, c), '}')
}

func appendDiff(dst []byte, c *audit.Change) []byte {
	d, known := c.Diff()
	if !known {
		return append(dst, `,"changed":null,"diff":null,"diff_unknown":true`...)
	}
	dst = append(dst, `,"changed":[`...)
	for i, name := range d.Attributes() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
	}
	dst = append(dst, `],"diff":[`...)
	for i, e := range d {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `{"path":`...), e.Path)
		if e.Old != nil {
			dst = e.Old.AppendJSON(append(dst, `,"old":`...))
		}
		if e.New != nil {
			dst = e.New.AppendJSON(append(dst, `,"new":`...))
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func (p *Printer) appendImage(dst []byte, i audit.Image) []byte {
	dst = appendText(append(dst, `{"state":`...), i.State.String())
	dst = appendText(append(dst, `,"source":`...), i.Source.String())
	dst = appendText(append(dst, `,"trust":`...), i.Trust.String())
	if doc := p.imageDoc(i); doc.Body != nil {
		dst = doc.Body.AppendJSON(append(dst, `,"body":`...))
	}
	return append(dst, '}')
}

// appendMarks appends what most changes have nothing of.
func (p *Printer) appendMarks(dst []byte, c *audit.Change) []byte {
	if c.Nth != 0 {
		dst = strconv.AppendInt(append(dst, `,"nth":`...), int64(c.Nth), 10)
	}
	if c.Lossy {
		dst = append(dst, `,"lossy":true`...)
	}
	if c.Late {
		dst = append(dst, `,"late":true`...)
	}
	if c.Sent != nil && !p.o.NoImages {
		dst = c.Sent.AppendJSON(append(dst, `,"sent":`...))
	}
	if c.Synthetic {
		dst = append(dst, `,"synthetic":true`...)
	}
	if c.Note != "" {
		dst = appendText(append(dst, `,"note":`...), c.Note)
	}
	return dst
}

// appendText appends a text as JSON.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			data, err := marshal(s)
			if err != nil {
				return append(dst, `""`...) // unreachable: a text always encodes
			}
			return append(dst, data...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
