package harper

import (
	"bytes"
	"math"

	"recourse/audit"
)

// A LineDecoder reads groups of an audit log that stand one a line, in JSON,
// each with the database and table that it is of. It keeps memory from one line to
// the next. The zero value is ready.
//
// It knows only groups of the common form: what Harper on either line sends today,
// every record with its key, nothing that cannot be decoded. Of such it makes the
// rows that DecodeAuditLog makes of an answer with that one group, some twenty
// times as fast. What is of another form is for DecodeAuditLog to read, or to
// refuse.
type LineDecoder struct {
	json  audit.JSONReader
	words map[string]string // texts that come again and again
	last  [512]string       // of them, those of late
	names []int             // of the line before, by their places in lineNames
	group lineGroup
	keys  []audit.ID
	rows  []AuditRow
}

// A Line is one group. Its rows are good until the next line is read, its keys as long as
// the line.
type Line struct {
	Database, Schema, Table string // empty: it does not name it
	Time                    audit.Time
	Keys                    []byte // the list of its records' keys, as it stands there
	Rows                    []AuditRow
}

// lineGroup is what a line says of its group.
type lineGroup struct {
	line      Line
	op, user  string
	time      audit.Time
	idsField  bool
	keys      int
	records   int
	have      lineField
	onlyCheck bool
}

// A lineField is a set of the names in a line's object.
type lineField uint16

const (
	lineOp lineField = 1 << iota
	lineUser
	lineTime
	lineKeys
	lineRecords
	lineDatabase
	lineSchema
	lineTable
)

// maxLine is how long a line of the common form is at most.
const maxLine = 1 << 20

// Decode is a line's group. False: it is not of the common form.
func (d *LineDecoder) Decode(line []byte) (Line, bool) { return d.read(line, false) }

// Check is Decode without rows: of a line for which it is true, Decode is too, but
// for a record or key that cannot be decoded and that its row would say so of.
func (d *LineDecoder) Check(line []byte) (Line, bool) { return d.read(line, true) }

func (d *LineDecoder) read(line []byte, onlyCheck bool) (Line, bool) {
	d.group = lineGroup{onlyCheck: onlyCheck}
	d.keys, d.rows = d.keys[:0], d.rows[:0]
	g := &d.group
	rest, ok := passByte(line, '{')
	if !ok || len(line) > maxLine {
		return Line{}, false
	}
	for n := 0; ; n++ {
		var f lineField
		if f, rest, ok = d.name(rest, n); !ok || g.have&f != 0 {
			return Line{}, false
		}
		g.have |= f
		if rest, ok = d.field(f, rest); !ok {
			return Line{}, false
		}
		if next, more := passByte(rest, ','); more {
			rest = next
			continue
		}
		rest, ok = passByte(rest, '}')
		if !ok || len(trimSpace(rest)) > 0 {
			return Line{}, false
		}
		return d.finish()
	}
}

// passByte passes white space and the byte that is to follow.
func passByte(data []byte, want byte) ([]byte, bool) {
	for i, c := range data {
		switch c {
		case want:
			return data[i+1:], true
		case ' ', '\t', '\r', '\n':
		default:
			return data, false
		}
	}
	return data, false
}

// field reads the value of a name.
func (d *LineDecoder) field(f lineField, rest []byte) ([]byte, bool) {
	g := &d.group
	switch f {
	case lineTime:
		return d.time(rest)
	case lineKeys:
		after, ok := d.list(rest, &g.keys, d.key)
		g.line.Keys = rest[:len(rest)-len(after)]
		return after, ok
	case lineRecords:
		return d.list(rest, &g.records, d.record)
	}
	text, after, err := d.json.ReadText(rest)
	if err != nil {
		return nil, false
	}
	if text == nil && f == lineUser {
		return passNull(rest)
	}
	if g.onlyCheck && (f == lineOp || f == lineUser) {
		return after, text != nil
	}
	switch f {
	case lineOp:
		g.op = d.word(text)
	case lineUser:
		g.user = d.word(text)
	case lineDatabase:
		g.line.Database = d.word(text)
	case lineSchema:
		g.line.Schema = d.word(text)
	default:
		g.line.Table = d.word(text)
	}
	return after, text != nil
}

func passNull(data []byte) ([]byte, bool) {
	return bytes.CutPrefix(trimSpace(data), []byte("null"))
}

func (d *LineDecoder) time(rest []byte) ([]byte, bool) {
	if f, after, ok := audit.ReadNumber(rest); ok {
		d.group.time = audit.Time(f)
		return after, true
	}
	v, rest, err := d.json.Read(rest)
	if err != nil || v.Kind() != audit.KindInt && v.Kind() != audit.KindFloat {
		return nil, false
	}
	f, _ := v.Float64()
	d.group.time = audit.Time(f)
	return rest, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// list reads an array of few elements.
func (d *LineDecoder) list(rest []byte, n *int, element func([]byte) ([]byte, bool)) ([]byte, bool) {
	rest, ok := passByte(rest, '[')
	if !ok {
		return nil, false
	}
	for {
		if rest, ok = element(rest); !ok {
			return nil, false
		}
		if *n++; *n >= heldRecords {
			return nil, false
		}
		if next, more := passByte(rest, ','); more {
			rest = next
			continue
		}
		return passByte(rest, ']')
	}
}

func (d *LineDecoder) key(rest []byte) ([]byte, bool) {
	if d.group.onlyCheck {
		rest, err := d.json.Skip(rest)
		return rest, err == nil
	}
	if text, after, err := d.json.ReadText(rest); err == nil && text != nil && isPlain(text) {
		d.keys = append(d.keys, audit.ID(`"`+string(text)+`"`))
		return after, true
	}
	v, rest, err := d.json.Read(rest)
	if err != nil {
		return nil, false
	}
	id, err := audit.IDOf(v)
	d.keys = append(d.keys, id)
	return rest, err == nil
}

// isPlain says that a text stands in JSON as it is.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (d *LineDecoder) record(rest []byte) ([]byte, bool) {
	if d.group.onlyCheck {
		rest, err := d.json.Skip(rest)
		return rest, err == nil
	}
	v, rest, err := d.json.Read(rest)
	if err != nil {
		return nil, false
	}
	if v.Kind() == audit.KindNull {
		v = nil
	}
	d.rows = append(d.rows, AuditRow{Record: v})
	return rest, true
}

// finish fills in the rows, once all is known that the line says.
func (d *LineDecoder) finish() (Line, bool) {
	g := &d.group
	const needed = lineOp | lineTime | lineKeys | lineRecords
	if g.have&needed != needed || g.keys != g.records {
		return Line{}, false
	}
	for i := range d.rows {
		r := &d.rows[i]
		r.Operation, r.User, r.Time, r.Index, r.Size = audit.Op(g.op), g.user, g.time, i, g.records
		r.IDsField, r.ID, r.Lossy = g.idsField, d.keys[i], true
	}
	if g.line.Time = g.time; !g.onlyCheck {
		g.line.Rows = d.rows
	}
	return g.line, true
}
