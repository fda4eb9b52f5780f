package harpertest

import (
	"regexp"
	"strings"

	"recourse/audit"
)

// The statements that the server understands: INSERT … VALUES, UPDATE … SET and
// DELETE, by equality or IN on one attribute.
var (
	sqlInsert = regexp.MustCompile(`(?is)^\s*insert\s+into\s+(\w+)\.(\w+)\s*\(([^)]*)\)\s*values\s*(.*)$`)
	sqlUpdate = regexp.MustCompile(`(?is)^\s*update\s+(\w+)\.(\w+)\s+set\s+(.*?)\s+where\s+(\w+)\s*(?:=|in)\s*(.*)$`)
	sqlDelete = regexp.MustCompile(`(?is)^\s*delete\s+from\s+(\w+)\.(\w+)\s+where\s+(\w+)\s*(?:=|in)\s*(.*)$`)
	sqlSum    = regexp.MustCompile(`^(\w+)\s*([+-])\s*(-?[\d.]+)$`)
)

func (o *op) sql() (any, error) {
	text := strings.TrimSuffix(strings.TrimSpace(o.text("sql")), ";")
	if m := sqlInsert.FindStringSubmatch(text); m != nil {
		return o.sqlInsert(audit.Table{Database: m[1], Name: m[2]}, m[3], m[4])
	}
	if m := sqlUpdate.FindStringSubmatch(text); m != nil {
		return o.sqlUpdate(audit.Table{Database: m[1], Name: m[2]}, m[3], m[4], m[5])
	}
	if m := sqlDelete.FindStringSubmatch(text); m != nil {
		return o.sqlDelete(audit.Table{Database: m[1], Name: m[2]}, m[3], m[4])
	}
	return nil, clientError(400, "this SQL is not understood by harpertest")
}

func (o *op) sqlTable(name audit.Table, what string) (*table, error) {
	if denied := permitTable(o.user, name, what); denied != nil {
		return nil, denied
	}
	t := o.s.table(name)
	if t == nil {
		return nil, clientError(404, "Table '%s' does not exist", name)
	}
	return t, nil
}

func (o *op) sqlInsert(name audit.Table, columns, rows string) (any, error) {
	t, err := o.sqlTable(name, "insert")
	if err != nil {
		return nil, err
	}
	names := splitSQL(columns)
	var records []audit.Value
	for _, row := range splitSQL(rows) {
		fields := map[string]audit.Value{}
		for i, v := range splitSQL(unwrap(row)) {
			if i < len(names) {
				fields[names[i]] = sqlValue(v)
			}
		}
		records = append(records, audit.Object(fields))
	}
	written, skipped, err := o.s.opsWrite(o.user.Name, "insert", t, records)
	if err != nil {
		return nil, err
	}
	return writeMessage("insert", len(records), written, skipped), nil
}

func (o *op) sqlUpdate(name audit.Table, sets, attr, values string) (any, error) {
	t, err := o.sqlTable(name, "update")
	if err != nil {
		return nil, err
	}
	var records []audit.Value
	for _, r := range t.matching(attr, values) {
		fields := map[string]audit.Value{t.pk: r.id.Value()}
		for _, set := range splitSQL(sets) {
			column, expr, _ := strings.Cut(set, "=")
			fields[strings.TrimSpace(column)] = sqlExpr(r.value, strings.TrimSpace(expr))
		}
		records = append(records, audit.Object(fields))
	}
	written, skipped, err := o.s.opsWrite(o.user.Name, "update", t, records)
	if err != nil {
		return nil, err
	}
	return writeMessage("update", len(records), written, skipped), nil
}

func (o *op) sqlDelete(name audit.Table, attr, values string) (any, error) {
	t, err := o.sqlTable(name, "delete")
	if err != nil {
		return nil, err
	}
	var keys []audit.Value
	for _, r := range t.matching(attr, values) {
		keys = append(keys, r.id.Value())
	}
	if err := o.s.opsDelete(o.user.Name, t, keys); err != nil {
		return nil, err
	}
	return deleteMessage(keys), nil
}

func (t *table) matching(attr, values string) []*record {
	var out []*record
	for _, r := range t.living() {
		for _, v := range splitSQL(unwrap(values)) {
			if r.value.Get(attr).Equal(sqlValue(v)) {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

func unwrap(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "("), ")")
}

// splitSQL cuts at commas outside of quotes and brackets.
func splitSQL(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i, c := range s {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out, start = append(out, strings.TrimSpace(s[start:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

func sqlValue(s string) audit.Value {
	if text, ok := strings.CutPrefix(s, "'"); ok {
		return audit.Text(strings.ReplaceAll(strings.TrimSuffix(text, "'"), "''", "'"))
	}
	return autoCast(s)
}

func sqlExpr(record audit.Value, s string) audit.Value {
	m := sqlSum.FindStringSubmatch(s)
	if m == nil {
		return sqlValue(s)
	}
	sign := int64(1)
	if m[2] == "-" {
		sign = -1
	}
	old := record.Get(m[1])
	if old == nil {
		old = audit.Null()
	}
	return addNumbers(old, autoCast(m[3]), sign)
}
