package harpertest

import (
	"crypto/rand"
	"fmt"
	"slices"

	"recourse/audit"
)

// upsert is insert, update and upsert: one request, one transaction.
func (o *op) upsert() (any, error) {
	if o.body.Get("records").Kind() != audit.KindArray {
		return nil, clientError(400, "'records' must be an array")
	}
	for _, need := range map[string][]string{"insert": {"insert"}, "update": {"update"}, "upsert": {"insert", "update"}}[o.name] {
		if denied := permitTable(o.user, o.target(), need); denied != nil {
			return nil, denied
		}
	}
	if err := o.mustHave(400); err != nil {
		return nil, err
	}
	written, skipped, err := o.s.opsWrite(o.user.Name, o.name, o.s.table(o.target()), slices.Collect(o.body.Get("records").Elems()))
	if err != nil {
		return nil, err
	}
	return writeMessage(o.name, o.body.Get("records").Len(), written, skipped), nil
}

func writeMessage(op string, total int, written, skipped []any) obj {
	msg := func(verb string) string { return fmt.Sprintf("%s %d of %d records", verb, len(written), total) }
	switch op {
	case "insert":
		return obj{{"message", msg("inserted")}, {"inserted_hashes", written}, {"skipped_hashes", skipped}}
	case "update":
		return obj{{"message", msg("updated")}, {"update_hashes", written}, {"skipped_hashes", skipped}}
	}
	return obj{{"message", msg("upserted")}, {"upserted_hashes", written}}
}

// opsWrite writes records as the operations API does, and says which ids were
// written and which were passed over.
func (s *Server) opsWrite(user, name string, t *table, records []audit.Value) (written, skipped []any, err error) {
	records, err = markTwins(t, name, records)
	if err != nil {
		return nil, nil, err
	}
	c := &commit{user: user, origin: audit.Op(name)}
	written, skipped = []any{}, []any{}
	planned := map[audit.ID]bool{}
	for _, rec := range records {
		key := rec.Get(t.pk)
		id, exists := audit.ID(""), false
		switch key.Kind() {
		case audit.KindMissing, audit.KindNull:
			id = s.newID(t)
		case audit.KindObject:
			skipped = append(skipped, key.With("isCollection", audit.Bool(true)))
			continue
		case audit.KindArray:
			if key.Len() == 0 {
				skipped = append(skipped, key)
				continue
			}
			fallthrough
		default:
			if id, err = audit.IDOf(onePart(key)); err != nil {
				return nil, nil, s.badKey(key)
			}
			exists = t.records[id].live() || planned[id]
		}
		if name == "update" && !exists || name == "insert" && exists {
			skipped = append(skipped, key)
			continue
		}
		planned[id] = true
		c.writes = append(c.writes, &write{name: t.Table, kind: "merge", id: id, value: rec})
		written = append(written, orNull(key))
	}
	if err := s.commit(c); err != nil {
		return nil, nil, err
	}
	return written, skipped, nil
}

func orNull(v audit.Value) any {
	if v == nil {
		return nil
	}
	return v
}

// markTwins sets "skip" on a record whose id came before in the request, 2 and
// "2" being one here; Harper then stores it (insertUpdateValidate.js).
func markTwins(t *table, name string, records []audit.Value) ([]audit.Value, error) {
	seen := map[string]bool{}
	out := make([]audit.Value, len(records))
	for i, rec := range records {
		key := rec.Get(t.pk)
		none := key.Kind() == audit.KindMissing || key.Kind() == audit.KindNull
		if name == "update" && (none || key.Kind() == audit.KindText && key.Text() == "") {
			return nil, clientError(400, "a valid hash attribute must be provided with update record, check log for more info")
		}
		if text := key.Text(); text == "null" || text == "undefined" {
			return nil, clientError(400, "Invalid hash value: '%s' is not a valid hash attribute value, check log for more info", text)
		}
		out[i] = rec
		if none || key.Kind() == audit.KindArray || key.Kind() == audit.KindObject {
			continue
		}
		if seen[jsKey(key)] {
			out[i] = rec.With("skip", audit.Bool(true))
		}
		seen[jsKey(key)] = true
	}
	return out, nil
}

// badKey says that a value cannot be a primary key.
func (s *Server) badKey(v audit.Value) error {
	kind := map[audit.ValueKind]string{audit.KindBool: "boolean", audit.KindMissing: "undefined"}[v.Kind()]
	if kind == "" {
		kind = "object"
	}
	return s.keyError("Invalid primary key type: " + kind)
}

func (s *Server) keyError(msg string) error {
	if s.line == RocksDB {
		return clientError(400, "%s", msg)
	}
	return &jsError{"Error", msg}
}

// newID makes a key: a number where the schema does not ask for text.
func (s *Server) newID(t *table) audit.ID {
	if a := t.attr(t.pk); a != nil && (a.Type == "ID" || a.Type == "String") {
		return textID(newUUID())
	}
	s.lastID++
	id, _ := audit.IDOf(audit.Int(s.lastID)) // an integer is always an id
	return id
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// delete deletes by ids, whether they exist or not. A null among them empties
// the table.
func (o *op) delete() (any, error) {
	if denied := permitTable(o.user, o.target(), "delete"); denied != nil {
		return nil, denied
	}
	ids := o.body.Get("ids")
	if ids == nil {
		ids = o.body.Get("hash_values")
	}
	if ids == nil {
		return nil, clientError(400, "'hash_values' is required")
	}
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	keys := slices.Collect(ids.Elems())
	if err := o.s.opsDelete(o.user.Name, o.s.table(o.target()), keys); err != nil {
		return nil, err
	}
	return deleteMessage(keys), nil
}

func deleteMessage(keys []audit.Value) obj {
	deleted := make([]any, len(keys))
	for i, k := range keys {
		deleted[i] = k
	}
	plural := "records"
	if len(keys) == 1 {
		plural = "record"
	}
	return obj{
		{"message", fmt.Sprintf("%d of %d %s successfully deleted", len(keys), len(keys), plural)},
		{"deleted_hashes", deleted}, {"skipped_hashes", []any{}},
	}
}

func (s *Server) opsDelete(user string, t *table, keys []audit.Value) error {
	c := &commit{user: user}
	for _, key := range keys {
		if key.Kind() == audit.KindNull {
			writes, err := t.deleteAll()
			if err != nil {
				return err
			}
			c.writes = append(c.writes, writes...)
			continue
		}
		id, err := audit.IDOf(key)
		if err != nil {
			return s.badKey(key)
		}
		if id == "[]" && s.line == RocksDB {
			return s.keyError("Invalid primary key type: undefined")
		}
		c.writes = append(c.writes, &write{name: t.Table, kind: "delete", id: id})
	}
	return s.commit(c)
}

// deleteAll deletes every living record; of a key 0 Harper makes no key.
func (t *table) deleteAll() ([]*write, error) {
	var out []*write
	for _, r := range t.living() {
		if r.id == "0" {
			return nil, &jsError{"Error", `Unable to serialize object as a key: {"value":0}`}
		}
		out = append(out, &write{name: t.Table, kind: "delete", id: r.id})
	}
	return out, nil
}

// catchup writes what another node would have sent, without naming anybody.
func (o *op) catchup() (any, error) {
	tx := o.body.Get("transaction")
	t, err := audit.ParseTable(replaceColon(tx.Get("channel").Text()))
	if err != nil || o.s.table(t) == nil {
		return nil, clientError(400, "invalid channel")
	}
	for part := range tx.Get("transactions").Elems() {
		records := slices.Collect(part.Get("records").Elems())
		switch name := part.Get("operation").Text(); name {
		case "insert", "update", "upsert":
			if _, _, err := o.s.opsWrite("", name, o.s.table(t), records); err != nil {
				return nil, err
			}
		case "delete":
			if err := o.s.opsDelete("", o.s.table(t), slices.Collect(part.Get("hash_values").Elems())); err != nil {
				return nil, err
			}
		}
	}
	return obj{}, nil
}

func replaceColon(s string) string {
	b := []byte(s)
	if i := slices.Index(b, ':'); i >= 0 {
		b[i] = '.'
	}
	return string(b)
}
