package query

import (
	"slices"
	"strings"

	"recourse/audit"
)

// A PipeField is a field of changes, or a column of rows, as pipes name it.
type PipeField struct {
	Name string // as it is written, and the name of its column
	of   func(*audit.Change) any
	many bool // a change has several values, or none: of gives []string
}

func (f PipeField) String() string { return columnString(f.Name) }

// columnString is a column's name in the language.
func columnString(name string) string {
	for _, r := range name {
		if !isNameRune(r) && !strings.ContainsRune(`.()"`, r) {
			return quote(name)
		}
	}
	return name
}

func fieldList(fields []PipeField) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.String()
	}
	return strings.Join(names, ",")
}

func fieldNamesOf(fields []PipeField) []string {
	names := make([]string, 0, len(fields)+1)
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

// changeFields are the fields of a change that have one value. Values are as in
// [Table].
var changeFields = map[string]func(*audit.Change) any{
	"seq":          func(c *audit.Change) any { return c.Seq },
	"time":         func(c *audit.Change) any { return c.Time },
	"txn":          func(c *audit.Change) any { return c.Time },
	"day":          func(c *audit.Change) any { return c.Time.Go().Format("2006-01-02") },
	"user":         func(c *audit.Change) any { return c.User },
	"op":           func(c *audit.Change) any { return string(c.Op) },
	"kind":         func(c *audit.Change) any { return string(c.Op.Kind()) },
	"node":         func(c *audit.Change) any { return c.Node },
	"cluster":      func(c *audit.Change) any { return c.Cluster },
	"db":           func(c *audit.Change) any { return c.Key.Table.Database },
	"table":        func(c *audit.Change) any { return c.Key.Table.String() },
	"id":           func(c *audit.Change) any { return c.Key.ID },
	"key":          func(c *audit.Change) any { return c.Key.String() },
	"late":         func(c *audit.Change) any { return c.Late },
	"lossy":        func(c *audit.Change) any { return c.Lossy },
	"synthetic":    func(c *audit.Change) any { return c.Synthetic },
	"before_state": func(c *audit.Change) any { return c.Before.State.String() },
	"after_state":  func(c *audit.Change) any { return c.After.State.String() },
}

// listFields are those that have several.
var listFields = map[string]func(*audit.Change) []string{
	"attr": (*audit.Change).Attributes,
	"mark": func(c *audit.Change) []string { return valuesOf(c, audit.FacetMark) },
}

// PipeFieldNames are the fields that pipes may name, sorted; beside these there
// are before.x, after.x, delta.x and ratio.x.
func PipeFieldNames() []string {
	names := measureNames()
	for name := range changeFields {
		names = append(names, name)
	}
	for name := range listFields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// pipeField reads a field of changes or, if there are columns, the name of one.
func (p *parser) pipeField(columns []string) (PipeField, error) {
	start := p.pos
	name, err := p.columnName()
	if err != nil {
		return PipeField{}, err
	}
	if columns != nil {
		if slices.Contains(columns, name) {
			return PipeField{Name: name}, nil
		}
		hint := "the columns are " + strings.Join(columns, ", ")
		if like := suggest(name, columns); like != "" {
			hint = "did you mean " + like + "? " + hint
		}
		return PipeField{}, p.fail(start, hint, "there is no column %q at this point", name)
	}
	f, ok := fieldNamed(name)
	if !ok {
		hint := "fields are " + strings.Join(PipeFieldNames(), ", ") + ", before.x, after.x, delta.x and ratio.x"
		if like := suggest(name, PipeFieldNames()); like != "" {
			hint = "did you mean " + like + "? " + hint
		} else if slices.Contains(p.known, name) {
			hint = "it is an attribute: write after." + name + " or before." + name
		}
		if name == "rule" {
			hint = "no change knows its rules: write | facets by(rule)"
		}
		return PipeField{}, p.fail(start, hint, "there is no field %q to put out", name)
	}
	return f, nil
}

// fieldNamed is a field of changes by its name, other names taken for theirs.
func fieldNamed(name string) (PipeField, bool) {
	if older := olderNames[name]; older != "" && changeFields[name] == nil {
		name = older
	}
	if of := changeFields[name]; of != nil {
		return PipeField{Name: name, of: of}, true
	}
	if of := listFields[name]; of != nil {
		return PipeField{Name: name, many: true, of: func(c *audit.Change) any { return of(c) }}, true
	}
	if of := measures[name]; of != nil {
		return PipeField{Name: name, of: func(c *audit.Change) any { return cell(of(c)) }}, true
	}
	inner := &parser{s: name}
	side, _, dotted := strings.Cut(name, ".")
	if !dotted || !slices.Contains(imageNames, side) {
		return PipeField{}, false
	}
	inner.pos = len(side)
	path, err := inner.path()
	if err != nil || !inner.eof() {
		return PipeField{}, false
	}
	of := func(c *audit.Change) any { return cell(at(image(c, side == "after").Body, path)) }
	if side == "delta" || side == "ratio" {
		d := Delta{Ratio: side == "ratio", Path: path}
		of = func(c *audit.Change) any { return cell(d.of(c)) }
	}
	return PipeField{Name: side + pathString(path), of: of}, true
}

// columnName reads the name of a field or column: it may have quotes within it, as
// in after."odd name", and parentheses, as in sum(after.total).
func (p *parser) columnName() (string, error) {
	start, depth := p.pos, 0
	for !p.eof() {
		r := p.peek()
		switch {
		case r == '"':
			n, closed := quotedLen(p.rest())
			if !closed {
				return "", p.fail(p.pos, "", "a quote is not closed")
			}
			if p.pos == start {
				return p.quoted()
			}
			p.pos += n
			continue
		case r == '(':
			depth++
		case r == ')' && depth == 0, !isNameRune(r) && !strings.ContainsRune(".()", r):
			return p.columnEnd(start)
		case r == ')':
			depth--
		}
		p.pos += len(string(r))
	}
	return p.columnEnd(start)
}

func (p *parser) columnEnd(start int) (string, error) {
	if p.pos == start {
		return "", p.fail(start, "", "the name of a field is missing")
	}
	return p.s[start:p.pos], nil
}
