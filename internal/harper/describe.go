package harper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// A TableInfo is a table's shape, as Harper describes it.
type TableInfo struct {
	Table         audit.Table
	PrimaryKey    string
	Audit         bool // whether changes are logged; false leaves no trace of them
	SchemaDefined bool // declared in a schema; otherwise attributes come and go with records
	Attributes    []Attribute
	RecordCount   int64 // an estimate, which on LMDB counts deleted records too
	// CountRange is between which numbers RecordCount lies, where Harper did not
	// count them all but guessed. Zero: it counted.
	CountRange [2]int64
	AuditSize  int64 // bytes of the log of the whole database; on RocksDB exact, and smaller after a purge
	Sourced    bool  // a caching table, whose writes go to its source too
	Expires    bool  // records end by themselves, without a trace in the log
	Sealed     bool  // attributes that the schema does not have are refused
	// Replicate is whether changes go to the other nodes of a cluster. Nil: not
	// told, and the database's own setting counts.
	Replicate *bool
	// LastUpdated is the time of a recent write, as Harper tells it for tables
	// without a schema: a hint, which a table with one lacks. 0: not told.
	LastUpdated audit.Time
}

// Attribute is that of the name, and whether there is one.
func (t TableInfo) Attribute(name string) (Attribute, bool) {
	i := slices.IndexFunc(t.Attributes, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return Attribute{}, false
	}
	return t.Attributes[i], true
}

// An Attribute is one of a table's attributes.
type Attribute struct {
	Name         string
	Type         string // as the schema names it: ID, Int, String, Any …; empty without a schema
	PrimaryKey   bool
	CreatedTime  bool // Harper sets it when the record is created
	UpdatedTime  bool // Harper sets it at every write
	Computed     bool // Harper derives it and refuses to be given it
	Relationship bool // stands for other records, and is not stored
	// From is, of a relationship, the attribute that holds the keys of those, and Type,
	// or of a list Elements, the table. Empty: not told, as by Harper up to 5.1.
	From, Elements string
}

// DescribeAll lists the tables that the user may see, sorted. The tables of the
// database "system" are not among them but can be asked for by name.
func (c *Client) DescribeAll(ctx context.Context) ([]TableInfo, error) {
	const op = "describe_all"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	if err != nil {
		return nil, err
	}
	if v.Kind() != audit.KindObject {
		return nil, &Error{Op: op, Status: 200, Message: "the answer is no object"}
	}
	return Tables(v), nil
}

// Tables reads the tables, sorted, from an answer to describe_all.
func Tables(answer audit.Value) []TableInfo {
	var list []TableInfo
	for database, tables := range answer.Fields() {
		for name, table := range tables.Fields() {
			if table.Kind() == audit.KindObject {
				list = append(list, tableInfo(audit.Table{Database: database, Name: name}, table))
			}
		}
	}
	slices.SortFunc(list, func(a, b TableInfo) int { return strings.Compare(a.Table.String(), b.Table.String()) })
	return list
}

// DescribeTable describes one table, of the database "system" too.
func (c *Client) DescribeTable(ctx context.Context, t audit.Table) (TableInfo, error) {
	const op = "describe_table"
	v, err := c.ask(ctx, op, request(op, t, nil), false)
	if err != nil {
		return TableInfo{}, err
	}
	info := tableInfo(t, v)
	if info.PrimaryKey == "" {
		return TableInfo{}, &Error{Op: op, Status: 200, Message: "the answer names no primary key"}
	}
	c.mu.Lock()
	c.tables[t] = info
	c.mu.Unlock()
	return info, nil
}

// known is the table's shape, asked for once.
func (c *Client) known(ctx context.Context, t audit.Table) (TableInfo, error) {
	c.mu.Lock()
	info, ok := c.tables[t]
	c.mu.Unlock()
	if ok {
		return info, nil
	}
	info, err := c.DescribeTable(ctx, t)
	if err != nil {
		return info, fmt.Errorf("find the primary key of %s: %w", t, err)
	}
	return info, nil
}

// tableInfo reads a description. Harper before 5 says hash_attribute where it
// now says primary_key.
func tableInfo(t audit.Table, v audit.Value) TableInfo {
	info := TableInfo{
		Table:         t,
		PrimaryKey:    v.Get("primary_key").Text(),
		Audit:         v.Get("audit").Bool(),
		SchemaDefined: v.Get("schema_defined").Bool(),
		RecordCount:   count(v.Get("record_count")),
		AuditSize:     count(v.Get("db_audit_size")),
		Sourced:       v.Get("sources").Len() > 0,
		Expires:       v.Get("expiration") != nil,
		Sealed:        v.Get("sealed").Bool(),
	}
	if info.PrimaryKey == "" {
		info.PrimaryKey = v.Get("hash_attribute").Text()
	}
	i := 0
	for n := range v.Get("estimated_record_range").Elems() {
		if i < len(info.CountRange) {
			info.CountRange[i] = count(n)
		}
		i++
	}
	if r := v.Get("replicate"); r.Kind() == audit.KindBool {
		b := r.Bool()
		info.Replicate = &b
	}
	info.LastUpdated = moment(v.Get("last_updated_record"))
	for first := range v.Get("last_updated_record").Elems() { // RocksDB: [time, key]
		info.LastUpdated = moment(first)
		break
	}
	for a := range v.Get("attributes").Elems() {
		info.Attributes = append(info.Attributes, attribute(a))
	}
	return info
}

func attribute(v audit.Value) Attribute {
	a := Attribute{
		Name:         v.Get("attribute").Text(),
		Type:         v.Get("type").Text(),
		PrimaryKey:   v.Get("is_primary_key").Bool() || v.Get("isPrimaryKey").Bool(),
		CreatedTime:  v.Get("assigned_created_time").Bool(),
		UpdatedTime:  v.Get("assigned_updated_time").Bool(),
		Computed:     isSet(v.Get("computed")),
		Relationship: isSet(v.Get("relationship")),
		From:         v.Get("relationship").Get("from").Text(),
		Elements:     v.Get("elements").Text(),
	}
	if a.Name == "" {
		a.Name = v.Get("name").Text()
	}
	// Tables without a schema have these two, unmarked.
	a.CreatedTime = a.CreatedTime || a.Name == "__createdtime__"
	a.UpdatedTime = a.UpdatedTime || a.Name == "__updatedtime__"
	return a
}

// isSet says that a mark is there, be it true or an object that says more.
func isSet(v audit.Value) bool {
	k := v.Kind()
	return k != audit.KindMissing && k != audit.KindNull && (k != audit.KindBool || v.Bool())
}

func count(v audit.Value) int64 {
	f, _ := v.Float64()
	return int64(f)
}
