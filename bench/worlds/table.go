package worlds

import (
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// A column is an attribute and what it means.
type column struct {
	name string
	kind kind
}

// A table is a table of the system, with the records that are in it.
type table struct {
	name    audit.Table
	columns []column
	prefix  string
	made    int // records so far
	live    []string
	place   map[string]int // where in live an id stands
	rows    map[string]audit.Value
	seen    map[string]bool // ids whose record some change showed; for bare worlds
	decoys  []string        // ids that nobody has a reason to touch
}

// A tableSpec declares a table: "db.name", its records at the beginning, and its
// columns as "name:kind …".
type tableSpec struct {
	name    string
	records int
	columns string
}

func newTable(s tableSpec) *table {
	name, err := audit.ParseTable(s.name)
	if err != nil {
		panic(err) // unreachable: the tables are constants, and a test makes all of them
	}
	t := &table{name: name, prefix: name.Name[:1], place: map[string]int{}, rows: map[string]audit.Value{}, seen: map[string]bool{}}
	for _, c := range strings.Fields(s.columns) {
		attr, k, _ := strings.Cut(c, ":")
		t.columns = append(t.columns, column{attr, kind(k)})
	}
	return t
}

// attr is the name of the first attribute of that kind; empty if there is none.
func (t *table) attr(k kind) string {
	for _, c := range t.columns {
		if c.kind == k {
			return c.name
		}
	}
	return ""
}

func (t *table) kindOf(attr string) kind {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == attr })
	if i < 0 {
		return ""
	}
	return t.columns[i].kind
}

func (t *table) key(id string) audit.Key {
	v, _ := audit.IDOf(audit.Text(id)) // a text always is a key
	return audit.Key{Table: t.name, ID: v}
}

func (t *table) add(id string, row audit.Value) {
	if _, there := t.place[id]; !there {
		t.place[id] = len(t.live)
		t.live = append(t.live, id)
	}
	t.rows[id] = row
}

func (t *table) remove(id string) {
	i, there := t.place[id]
	if !there {
		return
	}
	last := len(t.live) - 1
	t.live[i] = t.live[last]
	t.place[t.live[i]] = i
	t.live = t.live[:last]
	delete(t.place, id)
	delete(t.rows, id)
}

// record makes the attributes of a new record.
func (w *world) record(t *table) (string, audit.Value) {
	t.made++
	id := fmt.Sprintf("%s-%d", t.prefix, t.made)
	fields := map[string]audit.Value{
		"id": audit.Text(id), "__createdtime__": w.fresh(kStamp), "__updatedtime__": w.fresh(kStamp)}
	for _, c := range t.columns {
		fields[c.name] = w.fresh(c.kind)
	}
	return id, audit.Object(fields)
}

// table is the table of that name within any database; it must be there.
func (w *world) table(name string) *table {
	i := slices.IndexFunc(w.tables, func(t *table) bool { return t.name.Name == name })
	if i < 0 {
		panic("no table " + name) // unreachable: the worlds' tests run all of their work
	}
	return w.tables[i]
}

// with lists the system's own tables that have attributes of all these kinds
// and at least so many records.
func (w *world) with(records int, kinds ...kind) []*table {
	var out []*table
	for _, t := range w.tables {
		has := t.name.Database != "system" && len(t.live) >= records
		for _, k := range kinds {
			has = has && t.attr(k) != ""
		}
		if has {
			out = append(out, t)
		}
	}
	return out
}

// any is a random record of the table, often one of the newest; empty if there
// is none.
func (w *world) any(t *table) string {
	n := len(t.live)
	for range 8 {
		if n == 0 {
			break
		}
		i := w.r.IntN(n)
		if w.r.IntN(2) == 0 {
			i = max(n-1-w.r.IntN(min(n, 200)), 0)
		}
		if id := t.live[i]; !slices.Contains(t.decoys, id) {
			return id
		}
	}
	return ""
}
