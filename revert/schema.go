package revert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// A Schema is what Harper now says of its tables. A plan made without one (nil)
// says that it is not known.
type Schema struct {
	Tables map[audit.Table]TableFacts
}

// TableFacts is what is known of one table.
type TableFacts struct {
	PrimaryKey string                    `json:"primary_key"`
	Defined    bool                      `json:"defined"` // declared in a schema; otherwise attributes come and go with records
	Sealed     bool                      `json:"sealed"`  // attributes that are not declared are refused
	Sourced    bool                      `json:"sourced"` // a caching table: what is written is sent to its source first
	Expires    bool                      `json:"expires"` // records end by themselves, without a trace in the log
	Attributes map[string]AttributeFacts `json:"attributes"`
}

// AttributeFacts is what is known of one attribute.
type AttributeFacts struct {
	Type     string `json:"type,omitempty"`     // as the schema names it: ID, Int, String, Any …; empty without a schema
	Assigned bool   `json:"assigned,omitempty"` // Harper sets it: the time of creation or of the last write
	Refused  bool   `json:"refused,omitempty"`  // Harper derives it, and refuses to be given it
	Refers   string `json:"refers,omitempty"`   // the table, as database.table, whose keys it holds; empty: none, or not told
}

// SchemaInfo is the schema that a plan was made with, of the tables that it is
// about.
type SchemaInfo struct {
	Digest string                 `json:"digest"` // see [Schema.Digest]
	Tables map[string]*TableFacts `json:"tables"` // by database.table; null: it is not there
}

// Digest is a SHA-256, in hex, over what the schema says of some tables, in
// whatever order they are given. A plan may be carried out while it is the same.
func (s *Schema) Digest(tables []audit.Table) (string, error) {
	sorted := slices.Clone(tables)
	slices.SortFunc(sorted, compareTables)
	h := sha256.New()
	for _, t := range slices.Compact(sorted) {
		facts, there := s.Tables[t]
		line, err := json.Marshal(struct {
			Table string
			There bool
			Facts TableFacts
		}{t.String(), there, facts})
		if err != nil {
			return "", fmt.Errorf("digest schema: %w", err)
		}
		h.Write(line)
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func compareTables(a, b audit.Table) int {
	return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
}

// of is what is known of a table: nil without a schema, and of a table that is
// not there.
func (s *Schema) of(t audit.Table) *TableFacts {
	if s == nil {
		return nil
	}
	if f, ok := s.Tables[t]; ok {
		return &f
	}
	return nil
}

// assigned lists the attributes that Harper sets itself.
func (f *TableFacts) assigned() []string {
	var names []string
	if f != nil {
		for name, a := range f.Attributes {
			if a.Assigned {
				names = append(names, name)
			}
		}
	}
	return names
}

// refuses says why an attribute cannot be given that value any more, and the
// class of that; an empty class is that it can, or that nothing is known.
func (f *TableFacts) refuses(name string, v audit.Value) (Class, string) {
	if f == nil {
		return "", ""
	}
	a, known := f.Attributes[name]
	switch {
	case !known && (f.Sealed || !f.Defined):
		// Tables without a schema list every attribute that a record ever had.
		return ClassSchema, fmt.Sprintf("the table has no attribute %q any more", name)
	case a.Refused:
		return ClassSchema, fmt.Sprintf("Harper derives %q and refuses to be given it", name)
	case a.Type == "Blob" && !blank(v):
		return ClassBlobLost, fmt.Sprintf("%q is a blob, of which the log has the name only", name)
	case !fits(a.Type, v):
		return ClassSchema, fmt.Sprintf("%q is of type %s now, and the value is of another: %s", name, a.Type, v.Kind())
	}
	return "", ""
}

// fits says whether a value is one of a declared type. A type that is not known
// fits everything.
func fits(declared string, v audit.Value) bool {
	k := v.Kind()
	number := k == audit.KindInt || k == audit.KindFloat
	switch {
	case blank(v):
		return true
	case declared == "Int" || declared == "Long":
		return k == audit.KindInt
	case declared == "BigInt":
		return number
	case declared == "Float":
		return number
	case declared == "String":
		return k == audit.KindText
	case declared == "Boolean":
		return k == audit.KindBool
	case declared == "Date": // Harper reads text and numbers as dates
		return k == audit.KindDate || k == audit.KindText || number
	case declared == "Bytes": // as JSON, bytes are an object
		return k == audit.KindBytes || k == audit.KindObject || k == audit.KindText
	case declared == "ID":
		return k == audit.KindText || number || k == audit.KindArray
	case declared == "array":
		return k == audit.KindArray
	}
	return true
}

// info is the plan's note of the schema, of the tables that it is about.
func (s *Schema) info(tables map[audit.Table]bool) (*SchemaInfo, error) {
	if s == nil {
		return nil, nil
	}
	info := &SchemaInfo{Tables: map[string]*TableFacts{}}
	for t := range tables {
		info.Tables[t.String()] = s.of(t)
	}
	var err error
	info.Digest, err = s.Digest(slices.Collect(maps.Keys(tables)))
	return info, err
}

// Differs says, table by table and a sentence each, in what the tables of a plan are
// no longer what they were; none if their digest is the same.
func (i *SchemaInfo) Differs(now *Schema) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(i.Tables)) {
		t, err := audit.ParseTable(name)
		if err != nil {
			all = append(all, fmt.Sprintf("%.80q is no table", name))
			continue
		}
		was, is := i.Tables[name], now.of(t)
		switch {
		case was == nil && is == nil:
		case was == nil:
			all = append(all, name+" is there again")
		case is == nil:
			all = append(all, name+" is not there, or this user may not see it")
		default:
			all = append(all, was.differs(name, is)...)
		}
	}
	return all
}

// differs says in what a table is another.
func (f *TableFacts) differs(name string, is *TableFacts) []string {
	var all []string
	say := func(format string, args ...any) {
		all = append(all, name+" "+fmt.Sprintf(format, args...))
	}
	if f.PrimaryKey != is.PrimaryKey {
		say("has the primary key %q, and had %q", is.PrimaryKey, f.PrimaryKey)
	}
	for _, b := range []struct {
		was, is bool
		what    string
	}{{f.Defined, is.Defined, "declared in a schema"}, {f.Sealed, is.Sealed, "sealed"}, {f.Sourced, is.Sourced, "a caching table"}, {f.Expires, is.Expires, "one whose records end by themselves"}} {
		switch {
		case b.is && !b.was:
			say("is %s now", b.what)
		case b.was && !b.is:
			say("is not %s any more", b.what)
		}
	}
	for _, attr := range slices.Sorted(maps.Keys(f.Attributes)) {
		was, now := f.Attributes[attr], is.Attributes[attr]
		_, there := is.Attributes[attr]
		switch {
		case !there:
			say("has no %q any more", attr)
		case was.Type != now.Type:
			say("has %q of type %q now, and had it of type %q", attr, now.Type, was.Type)
		case was != now:
			say("has %q otherwise than it was: assigned, derived or a reference", attr)
		}
	}
	// A table without a schema gets an attribute with the first record that has it.
	for _, attr := range slices.Sorted(maps.Keys(is.Attributes)) {
		if _, had := f.Attributes[attr]; !had && is.Defined {
			say("has %q now", attr)
		}
	}
	return all
}

// schema is what the plan was made with.
func (i *SchemaInfo) schema() (*Schema, error) {
	if i == nil {
		return nil, nil
	}
	s := &Schema{Tables: map[audit.Table]TableFacts{}}
	for name, facts := range i.Tables {
		t, err := audit.ParseTable(name)
		if err != nil {
			return nil, err
		}
		if facts != nil {
			s.Tables[t] = *facts
		}
	}
	return s, nil
}
