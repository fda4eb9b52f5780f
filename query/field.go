package query

import (
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// Field matches changes by one of the fields that hold text. Attr, Set and
// Unset hold many; one that matches is enough.
type Field struct {
	Name    FieldName
	Pattern Pattern
}

// A FieldName is a field of changes as the language has it.
type FieldName string

// The fields that hold text.
const (
	FieldUser  FieldName = "user"
	FieldOp    FieldName = "op"
	FieldKind  FieldName = "kind"
	FieldNode  FieldName = "node"
	FieldDB    FieldName = "db"
	FieldTable FieldName = "table" // the pattern is held against DATABASE.TABLE if it has a dot
	FieldAttr  FieldName = "attr"  // attributes edited, or perhaps edited
	FieldSet   FieldName = "set"   // attributes that were not there before
	FieldUnset FieldName = "unset" // attributes that are there no more
	// FieldRule is the ids of rules that the change is evidence for. No change
	// holds them: only an [Engine] knows, from what its store has summed up. To
	// [Expr.Match] no rule has a change.
	FieldRule FieldName = "rule"
)

func (f Field) String() string { return string(f.Name) + ":" + f.Pattern.String() }

// Qualified says that a table is asked for with its database: the pattern has a
// dot, or is a regular expression.
func (f Field) Qualified() bool {
	return f.Pattern.kind == matches || strings.Contains(f.Pattern.text, ".")
}

func (f Field) match(s *subject) bool {
	c := s.c
	switch f.Name {
	case FieldUser:
		return f.Pattern.Match(c.User)
	case FieldOp:
		return f.Pattern.Match(string(c.Op)) || f.Pattern.Match(fold(string(c.Op)))
	case FieldKind:
		return f.Pattern.Match(string(c.Op.Kind()))
	case FieldNode:
		return f.Pattern.Match(c.Node)
	case FieldDB, FieldTable:
		return f.matchTable(c.Key.Table)
	case FieldAttr:
		return slices.ContainsFunc(s.attributes(), f.Pattern.Match)
	case FieldSet:
		return slices.ContainsFunc(s.gained(), f.Pattern.Match)
	case FieldUnset:
		return slices.ContainsFunc(s.lost(), f.Pattern.Match)
	case FieldRule:
		return s.ruled != nil && s.ruled(f.Pattern, s.c.Seq)
	}
	return false
}

func (f Field) matchTable(t audit.Table) bool {
	switch {
	case f.Name == FieldDB:
		return f.Pattern.Match(t.Database)
	case f.Qualified():
		return f.Pattern.Match(t.String())
	default:
		return f.Pattern.Match(t.Name)
	}
}

func (f Field) might(g *audit.Gap) (yes, no bool) {
	var is bool
	switch {
	case f.Name == FieldNode && g.Node != "":
		is = f.Pattern.Match(g.Node)
	case (f.Name == FieldDB || f.Name == FieldTable) && g.Table != (audit.Table{}):
		is = f.matchTable(g.Table)
	default:
		return true, true
	}
	return is, !is
}

// ID matches changes by the primary key's value.
type ID struct{ Test Test }

func (i ID) String() string { return "id" + i.Test.String() }

func (i ID) match(s *subject) bool {
	if i.Test.Op == Is {
		id, err := audit.IDOf(i.Test.Low)
		return err == nil && id == s.c.Key.ID
	}
	return i.Test.holds(s.c.Key.ID.Value())
}

func (ID) might(*audit.Gap) (yes, no bool) { return true, true }

// Record matches the changes of one record.
type Record struct{ Key audit.Key }

func (r Record) String() string { return "key:" + quote(r.Key.String()) }

func (r Record) match(s *subject) bool { return s.c.Key == r.Key }

func (r Record) might(g *audit.Gap) (yes, no bool) {
	return g.Table == (audit.Table{}) || g.Table == r.Key.Table, true
}

// State matches changes by what is known of an image.
type State struct {
	After bool // the image after, else the one before
	Is    audit.State
}

func (t State) String() string { return side(t.After) + ":" + t.Is.String() }

func side(after bool) string {
	if after {
		return "after"
	}
	return "before"
}

func (t State) match(s *subject) bool { return image(s.c, t.After).State == t.Is }

func image(c *audit.Change, after bool) audit.Image {
	if after {
		return c.After
	}
	return c.Before
}

func (State) might(*audit.Gap) (yes, no bool) { return true, true }

// Flag matches changes by a mark that they have or have not.
type Flag struct {
	Name FlagName
	Want bool
}

// A FlagName is a mark on changes.
type FlagName string

// The marks.
const (
	FlagLate      FlagName = "late"
	FlagLossy     FlagName = "lossy"
	FlagSynthetic FlagName = "synthetic"
)

func (f Flag) String() string { return string(f.Name) + ":" + strconv.FormatBool(f.Want) }

func (f Flag) match(s *subject) bool {
	switch f.Name {
	case FlagLate:
		return s.c.Late == f.Want
	case FlagSynthetic:
		return s.c.Synthetic == f.Want
	}
	return s.c.Lossy == f.Want
}

func (Flag) might(*audit.Gap) (yes, no bool) { return true, true }
