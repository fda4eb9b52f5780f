package harpertest

import (
	"net/http"
	"strconv"
	"strings"

	"recourse/audit"
)

// writeAll is a write without an id. Only 5.1 makes something of it: a PUT of
// an array writes each element.
func (c *call) writeAll(w http.ResponseWriter) error {
	v, err := c.body()
	if err != nil {
		return err
	}
	switch {
	case c.r.Method != "PUT" || v.Kind() != audit.KindArray:
		if c.none && c.s.line == RocksDB {
			return c.s.keyError("Invalid primary key type: undefined")
		}
		return c.s.keyError("Invalid primary key of null")
	case c.s.line == LMDB:
		return &jsError{"RangeError", "Maximum call stack size exceeded"}
	}
	var answer []any
	err = c.s.Transact(c.user.Name, func(tx *Tx) error {
		for rec := range v.Elems() {
			id, err := audit.IDOf(rec.Get(c.t.pk))
			if err != nil {
				return c.s.badKey(rec.Get(c.t.pk))
			}
			tx.Put(c.t.Table, id, rec)
			answer = append(answer, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	writeAnswer(w, "json", 200, answer)
	return nil
}

// write is PUT and PATCH. An array is written as an object with numbers for
// names, which is close to the nonsense that Harper makes of it.
func (c *call) write(w http.ResponseWriter) error {
	v, err := c.body()
	if err != nil {
		return err
	}
	if v.Kind() == audit.KindArray {
		v = arrayObject(v)
	}
	if v.Kind() != audit.KindObject {
		return typeError("Cannot read properties of undefined (reading '%s')", c.t.pk)
	}
	kind := strings.ToLower(c.r.Method)
	err = c.s.TransactAt(0, c.user.Name, func(tx *Tx) error {
		tx.add(kind, c.t.Table, c.id, v)
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(204)
	return nil
}

func arrayObject(v audit.Value) audit.Value {
	fields := map[string]audit.Value{}
	for e := range v.Elems() {
		fields[strconv.Itoa(len(fields))] = e
	}
	return audit.Object(fields)
}

func (c *call) post(w http.ResponseWriter) error {
	if !c.whole {
		w.Header().Set("Allow", "GET, PUT, POST, DELETE, TRACE, HEAD, OPTIONS")
		return clientError(405, "The %s does not have a post method implemented to handle HTTP method POST", c.t.Name)
	}
	v, err := c.body()
	if err != nil {
		return err
	}
	if v.Kind() != audit.KindObject {
		return typeError("Can not create a record without an object")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	key := v.Get(c.t.pk)
	if key == nil {
		c.id = c.s.newID(c.t)
		if a := c.t.attr(c.t.pk); a.Type == "Any" {
			c.id = textID(newUUID())
		}
	} else if c.id, err = audit.IDOf(key); err != nil {
		return c.s.badKey(key)
	}
	if c.t.records[c.id].live() {
		return clientError(409, "Record already exists")
	}
	if err := c.s.commit(&commit{user: c.user.Name, writes: []*write{{name: c.t.Table, kind: "put", id: c.id, value: v}}}); err != nil {
		return err
	}
	w.Header().Set("Location", jsKey(c.id.Value()))
	writeAnswer(w, "json", 201, c.id)
	return nil
}

// delete deletes a record, those that a query finds, or with a bare slash every
// record of the table.
func (c *call) delete(w http.ResponseWriter) error {
	if c.none {
		return c.s.keyError("Invalid primary key type: undefined")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var writes []*write
	if !c.whole {
		writes = []*write{{name: c.t.Table, kind: "delete", id: c.id}}
	} else {
		match, err := c.query()
		if err != nil {
			return err
		}
		for _, r := range c.t.living() {
			if match(r) {
				writes = append(writes, &write{name: c.t.Table, kind: "delete", id: r.id})
			}
		}
	}
	if err := c.s.commit(&commit{user: c.user.Name, writes: writes}); err != nil {
		return err
	}
	writeAnswer(w, "json", 200, true)
	return nil
}
