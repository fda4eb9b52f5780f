package harpertest

import (
	"slices"
	"strings"

	"recourse/audit"
)

func (o *op) describeAll() (any, error) {
	var names []string
	for name := range o.s.dbs {
		if name != "system" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := obj{}
	for _, name := range names {
		if d := o.database(o.s.dbs[name]); len(d) > 0 || o.user.SuperUser {
			out = append(out, field{name, d})
		}
	}
	return out, nil
}

func (o *op) database(db *database) obj {
	out := obj{}
	for _, t := range db.sortedTables() {
		if permitTable(o.user, t.Table, "read") == nil {
			out = append(out, field{t.Name, o.describe(t)})
		}
	}
	return out
}

// describe shows a table. To anybody but a super user Harper lists only the
// attributes that the role names, and here none names any.
func (o *op) describe(t *table) obj {
	d := o.s.describeTable(t)
	if !o.user.SuperUser {
		for i := range d {
			if d[i].name == "attributes" {
				d[i].val = []any{}
			}
		}
	}
	return d
}

func (o *op) describeDatabase() (any, error) {
	name := o.target().Database
	db := o.s.dbs[name]
	if db == nil {
		return nil, clientError(404, "database '%s' does not exist", name)
	}
	return o.database(db), nil
}

func (o *op) describeTable() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	if denied := permitTable(o.user, o.target(), "read"); denied != nil && o.target().Database != "system" {
		return nil, denied
	}
	return o.describe(o.s.table(o.target())), nil
}

func done(msg string) obj { return obj{{"message", msg}} }

func (o *op) createDatabase() (any, error) {
	name := o.target().Database
	if o.s.dbs[name] != nil {
		return nil, clientError(400, "database '%s' already exists", name)
	}
	o.s.dbs[name] = &database{name: name, tables: map[string]*table{}}
	return done("database '" + name + "' successfully created"), nil
}

func (o *op) createTable() (any, error) {
	t := o.target()
	if o.s.dbs[t.Database] == nil {
		return nil, clientError(404, "database '%s' does not exist", t.Database)
	}
	if o.s.table(t) != nil {
		return nil, clientError(400, "Table '%s' already exists in '%s'", t.Name, t.Database)
	}
	sc := Schema{PrimaryKey: o.text("primary_key"), NoAudit: o.body.Get("audit").Kind() == audit.KindBool && !o.body.Get("audit").Bool()}
	if sc.PrimaryKey == "" {
		sc.PrimaryKey = o.text("hash_attribute")
	}
	for a := range o.body.Get("attributes").Elems() {
		sc.Attributes = append(sc.Attributes, Attribute{Name: a.Get("name").Text(), Type: a.Get("type").Text(), Elem: a.Get("elements").Text(), Indexed: a.Get("indexed").Bool()})
		if a.Get("is_primary_key").Bool() {
			sc.PrimaryKey = a.Get("name").Text()
		}
	}
	if sc.PrimaryKey == "" {
		return nil, clientError(400, "'primary_key' is required")
	}
	o.s.addTable(t, newSchema(sc))
	return done("table '" + t.String() + "' successfully created."), nil
}

func (o *op) dropDatabase() (any, error) {
	name := o.target().Database
	if o.s.dbs[name] == nil {
		return nil, clientError(404, "database '%s' does not exist", name)
	}
	delete(o.s.dbs, name)
	return done("successfully deleted '" + name + "'"), nil
}

func (o *op) dropTable() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	t := o.target()
	o.s.dbs[t.Database].drop(t.Name)
	return done("successfully deleted table '" + t.String() + "'"), nil
}

func (o *op) createAttribute() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	t, name := o.s.table(o.target()), o.text("attribute")
	t.learn([]string{name})
	return done("attribute '" + t.String() + "." + name + "' successfully created."), nil
}

// dropAttribute rewrites every record of a dynamic table without an entry, and
// so loses the records' way to the log.
func (o *op) dropAttribute() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	t, name := o.s.table(o.target()), o.text("attribute")
	t.attrs = slices.DeleteFunc(t.attrs, func(a attribute) bool { return a.Name == name })
	if !t.defined {
		for _, r := range t.records {
			if r.exists {
				r.localTime = 0
			}
			if r.live() {
				r.value = r.value.With(name, nil)
			}
		}
	}
	return done("successfully deleted attribute '" + name + "'"), nil
}

// isISODay says that s starts as a date does.
func isISODay(s string) bool { return len(s) >= 10 && strings.Count(s[:10], "-") == 2 }
