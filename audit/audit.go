// Package audit is the vocabulary of the program: what a Harper audit log says
// happened to records. It holds plain values and pure functions on them, and
// imports nothing but the standard library.
//
// Start with [Change], one record's part in one transaction, and [Value], the
// exact form in which the attributes of a record are kept.
//
// Whatever is written to disk has its type here.
package audit

import (
	"fmt"
	"strings"
)

// A Table names one Harper table.
type Table struct {
	Database string `json:"database"`
	Name     string `json:"table"`
}

// String is database.table, as people write it.
func (t Table) String() string { return t.Database + "." + t.Name }

// ParseTable reads database.table. The first dot separates: Harper allows no
// dot in a database's name.
func ParseTable(s string) (Table, error) {
	db, name, ok := strings.Cut(s, ".")
	if !ok || db == "" || name == "" {
		return Table{}, fmt.Errorf("parse table %q: want DATABASE.TABLE", s)
	}
	return Table{Database: db, Name: name}, nil
}

// A Key names one record of one table.
type Key struct {
	Table Table
	ID    ID
}

// String is database.table/ID with the id as JSON, which ParseKey reads back.
func (k Key) String() string { return k.Table.String() + "/" + string(k.ID) }

// ParseKey reads database.table/ID. The id is JSON (318 and "318" are two
// records); what is not JSON is taken as text, so that shop.customers/c-17 can
// be typed without quotes.
func ParseKey(s string) (Key, error) {
	table, id, ok := strings.Cut(s, "/")
	if !ok {
		return Key{}, fmt.Errorf("parse key %q: want DATABASE.TABLE/ID", s)
	}
	t, err := ParseTable(table)
	if err != nil {
		return Key{}, fmt.Errorf("parse key %q: want DATABASE.TABLE/ID", s)
	}
	parsed, err := ParseID(id)
	if err != nil {
		return Key{}, fmt.Errorf("parse key %q: %w", s, err)
	}
	return Key{Table: t, ID: parsed}, nil
}

// A Seq numbers changes in the order this store learned them: 1, 2, 3 and so
// on. Zero is before the first.
type Seq uint64
