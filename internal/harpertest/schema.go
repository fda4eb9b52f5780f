package harpertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// An Attribute is one column of a table.
type Attribute struct {
	Name    string
	Type    string // as in Harper's schemas: ID, String, Int, Long, Float, Boolean, Date, BigInt, Bytes, Any, array; empty: anything
	Elem    string // an array's elements' type
	Indexed bool
}

// A Schema is how a table is made.
type Schema struct {
	Attributes []Attribute // of a defined table; nil makes a dynamic one, which takes any attribute
	PrimaryKey string      // empty: id
	Created    string      // the attribute that @createdTime assigns, if any
	Updated    string      // the attribute that @updatedTime assigns, if any
	NoAudit    bool
	Exported   bool          // over REST
	Expiration time.Duration // shown by describe; nothing expires by itself, see [Server.Evict]
}

type schema struct {
	pk, created, updated string
	attrs                []attribute
	defined              bool
	audited              bool
	exported             bool
	expiration           string
}

// attribute is an Attribute and what describe_table says of it, word by word.
type attribute struct {
	Attribute
	described obj
}

// CreateTable makes a table, and its database when there is none.
func (s *Server) CreateTable(name audit.Table, sc Schema) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addTable(name, newSchema(sc))
}

func newSchema(o Schema) schema {
	sc := schema{pk: o.PrimaryKey, created: o.Created, updated: o.Updated, defined: o.Attributes != nil, audited: !o.NoAudit, exported: o.Exported}
	if sc.pk == "" {
		sc.pk = "id"
	}
	if o.Expiration > 0 {
		sc.expiration = fmt.Sprintf("%gs", o.Expiration.Seconds())
	}
	attrs := o.Attributes
	if !sc.defined {
		sc.created, sc.updated = "__createdtime__", "__updatedtime__"
		attrs = []Attribute{{Name: sc.pk}, {Name: sc.created, Indexed: true}, {Name: sc.updated, Indexed: true}}
	}
	for _, a := range attrs {
		sc.attrs = append(sc.attrs, attribute{a, sc.describe(a)})
	}
	return sc
}

func (sc *schema) describe(a Attribute) obj {
	d := obj{{"attribute", a.Name}}
	if a.Type != "" {
		d = append(d, field{"type", a.Type})
	}
	if a.Elem != "" {
		d = append(d, field{"elements", a.Elem})
	}
	switch {
	case a.Name == sc.pk:
		d = append(d, field{"is_primary_key", true})
	case a.Indexed && sc.defined:
		d = append(d, field{"indexed", obj{}})
	case a.Indexed:
		d = append(d, field{"indexed", true})
	}
	if sc.defined && a.Name == sc.created {
		d = append(d, field{"assigned_created_time", true})
	}
	if sc.defined && a.Name == sc.updated {
		d = append(d, field{"assigned_updated_time", true})
	}
	return d
}

func (sc *schema) attr(name string) *attribute {
	for i := range sc.attrs {
		if sc.attrs[i].Name == name {
			return &sc.attrs[i]
		}
	}
	return nil
}

// learn adds the attributes of a record to a dynamic table.
func (sc *schema) learn(names []string) {
	for _, n := range names {
		if sc.attr(n) == nil {
			a := Attribute{Name: n, Indexed: true}
			sc.attrs = append(sc.attrs, attribute{a, sc.describe(a)})
		}
	}
}

// describeTable is a table's part of describe_all.
func (s *Server) describeTable(t *table) obj {
	key := "hash_attribute"
	if s.line == RocksDB {
		key = "primary_key"
	}
	attrs := make([]any, len(t.attrs))
	for i, a := range t.attrs {
		attrs[i] = a.described
	}
	count, size := 0, 0
	newest := &record{}
	for _, r := range t.records {
		if r.live() {
			count++
		}
		if r.exists && r.version > newest.version {
			newest = r
		}
	}
	for _, o := range t.db.tables {
		for _, e := range o.log {
			size += 64 + len(e.Raw)
		}
	}
	d := obj{
		{"schema", t.Database}, {"name", t.Name}, {key, t.pk}, {"audit", t.audited}, {"schema_defined", t.defined},
		{"attributes", attrs}, {"db_size", size + 4096},
	}
	if t.expiration != "" {
		d = append(d, field{"expiration", t.expiration})
	}
	d = append(d, field{"record_count", count}, field{"table_size", count * 100}, field{"db_audit_size", size})
	switch {
	case t.defined || newest.version == 0:
	case s.line == RocksDB:
		d = append(d, field{"last_updated_record", []any{newest.version, newest.id}})
	default:
		d = append(d, field{"last_updated_record", newest.version})
	}
	return d
}

// sortedTables are a database's tables by name.
func (db *database) sortedTables() []*table {
	out := make([]*table, 0, len(db.tables))
	for _, t := range db.tables {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *table) int { return strings.Compare(a.Name, b.Name) })
	return out
}
