package worlds

import (
	"fmt"

	"recourse/audit"
)

// settle makes the tables, the records that are there before the log begins, and
// the people; and begins their work.
func (w *world) settle(s spec) {
	for _, ts := range append(s.tables, systemTables()...) {
		t := newTable(ts)
		w.tables = append(w.tables, t)
		for range ts.records {
			t.add(w.record(t))
		}
	}
	first := w.tables[0]
	decoy := "canary-" + fmt.Sprint(w.r.IntN(100))
	_, row := w.record(first)
	first.add(decoy, row.With("id", audit.Text(decoy)))
	first.decoys = append(first.decoys, decoy)
	w.hire(s.roles, s.services)
	for _, a := range w.actors {
		w.enrol(a.name, pick(w.r, roleNames))
	}
	for _, name := range append(roleNames, "super_user") {
		t := w.table("hdb_role")
		t.add(name, audit.Object(map[string]audit.Value{
			"role": audit.Text(name), "permission": w.permission(s.tables, name == "super_user")}))
	}
	w.work()
	for _, trap := range s.traps {
		trap(w)
	}
}

var roleNames = []string{"reader", "editor", "operator"}

// systemTables is Harper's own tables, which it audits like any other.
func systemTables() []tableSpec {
	return []tableSpec{{"system.hdb_user", 0, ""}, {"system.hdb_role", 0, ""}, {"system.hdb_nodes", 0, ""}, {"system.hdb_job", 0, ""}}
}

// permission is what a role may do.
func (w *world) permission(tables []tableSpec, super bool) audit.Value {
	fields := map[string]audit.Value{"super_user": audit.Bool(super)}
	for _, t := range tables {
		fields[t.name] = audit.Object(map[string]audit.Value{
			"read": audit.Bool(true), "insert": audit.Bool(true), "update": audit.Bool(true), "delete": audit.Bool(super)})
	}
	return audit.Object(fields)
}

// enrol makes the account of somebody who is there already.
func (w *world) enrol(name, role string) { w.table("hdb_user").add(name, w.account(name, role)) }

func (w *world) account(name, role string) audit.Value {
	return audit.Object(map[string]audit.Value{
		"username": audit.Text(name), "role": audit.Text(role), "active": audit.Bool(true),
		"password": audit.Text(w.freshText(kSecret)), "__createdtime__": w.fresh(kStamp), "__updatedtime__": w.fresh(kStamp)})
}

// put writes a record of Harper's own tables, for which no user is named.
func (w *world) put(table, id string, row audit.Value) {
	t := w.table(table)
	op := audit.OpInsert
	if _, there := t.rows[id]; there {
		op = audit.OpUpdate
	}
	w.write("", op, t, id, row)
}

// set changes an attribute of a record of Harper's own tables.
func (w *world) set(table, id, attr string, v audit.Value) {
	if row, there := w.table(table).rows[id]; there {
		w.put(table, id, row.With(attr, v))
	}
}
