package harpertest

import (
	"math"

	"recourse/audit"
)

// readAuditLog answers each of the three searches; without a type, or with
// timestamp, it scans.
func (o *op) readAuditLog() (any, error) {
	if err := o.auditTarget(); err != nil {
		return nil, err
	}
	s, t, values := o.s, o.s.table(o.target()), o.body.Get("search_values")
	s.retain()
	missing := values.Kind() == audit.KindMissing || values.Kind() == audit.KindNull
	switch kind := o.text("search_type"); kind {
	case "", "timestamp":
		return o.scan(t, values)
	case "hash_value":
		if missing {
			return nil, typeError("readAuditLogObj.search_values is not iterable")
		}
		return s.readByID(t, values)
	case "username":
		if missing {
			return nil, typeError("Cannot read properties of undefined (reading 'includes')")
		}
		return s.readByUser(t, values)
	default:
		if s.line == RocksDB {
			return nil, &jsError{"Error", "Invalid searchType '" + kind + "'"}
		}
		return nil, &jsError{"ReferenceError", "read_audit_log_object is not defined"}
	}
}

// auditTarget checks the names of database and table as read_audit_log does:
// the LMDB line wants "schema".
func (o *op) auditTarget() error {
	database := o.text("schema")
	if o.s.line == RocksDB && database == "" {
		database = o.text("database")
	}
	switch {
	case database == "":
		return &jsError{"Error", "database is required"}
	case o.text("table") == "":
		return &jsError{"Error", "table is required"}
	case o.s.dbs[database] == nil:
		return clientError(404, "database '%s' does not exist", database)
	}
	return o.mustHave(404)
}

func (o *op) scan(t *table, values audit.Value) (any, error) {
	limit, _ := o.body.Get("limit").Float64()
	if math.IsNaN(limit) {
		limit = 0
	}
	groups, err := o.s.readByTime(t, values, limit)
	st := &stream{err: err}
	for _, g := range groups {
		st.items = append(st.items, g.obj)
		st.costs = append(st.costs, o.s.readCost(g.patches))
	}
	return st, nil
}

// readTransactionLog is the same log under another name, with from and to.
func (o *op) readTransactionLog() (any, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	o.s.retain()
	var values []audit.Value
	for _, name := range []string{"from", "to"} {
		if v := o.body.Get(name); v != nil {
			values = append(values, v)
		}
	}
	return o.scan(o.s.table(o.target()), audit.Array(values...))
}

// mustHave says with that status that a database or table does not exist.
func (o *op) mustHave(status int) error {
	t := o.target()
	if o.s.dbs[t.Database] == nil {
		return clientError(status, "database '%s' does not exist", t.Database)
	}
	if o.s.table(t) == nil {
		return clientError(status, "Table '%s' does not exist", t)
	}
	return nil
}
