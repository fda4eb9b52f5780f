package harpertest

import (
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// A jsError is an exception thrown within Harper.
type jsError struct{ class, msg string }

func (e *jsError) Error() string { return e.class + ": " + e.msg }

func typeError(format string, args ...any) error {
	return &jsError{"TypeError", fmt.Sprintf(format, args...)}
}

// lost marks an attribute whose value Harper has yet to look for: CBOR's
// undefined, which no stored record contains.
var lost = audit.Value{0xf7}

func isLost(v audit.Value) bool { return len(v) == 1 && v[0] == 0xf7 }

// object is a record under Harper's hands.
type object struct {
	fields map[string]audit.Value
	null   bool
	frozen bool
}

func objectOf(v audit.Value) *object {
	o := &object{fields: make(map[string]audit.Value, v.Len())}
	maps.Insert(o.fields, v.Fields())
	return o
}

func (o *object) value() audit.Value {
	if o.null {
		return audit.Null()
	}
	return audit.Object(o.fields)
}

// set is record[key] = v in strict mode.
func (o *object) set(key string, v audit.Value) error {
	if o.null {
		return typeError("Cannot set properties of null (setting '%s')", key)
	}
	if o.frozen {
		if _, there := o.fields[key]; there {
			return typeError("Cannot assign to read only property '%s' of object '#<Object>'", key)
		}
		return typeError("Cannot add property %s, object is not extensible", key)
	}
	o.fields[key] = v
	return nil
}

// names are the attributes of an entry's value in Harper's order.
func (e *entry) names() []string {
	if e.keys != nil {
		return e.keys
	}
	var names []string
	for k := range e.Raw.Fields() {
		names = append(names, k)
	}
	return names
}

// delta is the amount of an increment, nil for any other value.
func delta(v audit.Value) audit.Value {
	if v.Kind() != audit.KindObject || v.Get("__op__").Text() != "add" {
		return nil
	}
	return v.Get("value")
}

// isOp says that a value carries an operation of any name.
func isOp(v audit.Value) bool {
	return v.Kind() == audit.KindObject && v.Get("__op__").Kind() != audit.KindMissing
}

// image is what the audit log shows of an entry at this moment: the record of
// a put, nil (undefined) for a delete, and a reconstruction for the rest
// (resources/auditStore.ts getValue).
func (s *Server) image(t *table, e *entry) (audit.Value, error) {
	switch e.Type {
	case "put", "message":
		return e.Raw, nil
	case "delete", "reload":
		return nil, nil
	}
	r := t.records[e.ID]
	if r == nil || !r.exists {
		return nil, typeError("Cannot read properties of undefined (reading 'value')")
	}
	if s.line == RocksDB {
		return s.rocksImage(t, e, r)
	}
	return s.lmdbImage(t, e, r)
}

// lmdbImage follows resources/crdt.ts getRecordAtTime of the LMDB line.
func (s *Server) lmdbImage(t *table, e *entry, r *record) (audit.Value, error) {
	rec, at := objectOf(r.value), r.localTime
	for at > e.LocalTime {
		x := s.find(t, e.ID, at)
		if x == nil {
			at = 0
			break
		}
		switch x.Type {
		case "put":
			rec = objectOf(x.Raw)
		case "patch":
			for _, k := range x.names() {
				if err := s.reverseLMDB(rec, k, x.Raw.Get(k)); err != nil {
					return nil, err
				}
			}
		case "delete":
			rec = &object{null: true}
		}
		at = x.Prev
	}
	unknown, left := map[string]bool{}, 0
	for k, v := range rec.fields {
		if isLost(v) {
			unknown[k] = true
			left++
		}
	}
	for left > 0 && at > 0 {
		x := s.find(t, e.ID, at)
		if x == nil {
			break
		}
		if x.Type == "put" || x.Type == "patch" {
			for k, v := range x.Raw.Fields() {
				if unknown[k] {
					rec.fields[k], unknown[k] = v, false
					left--
				}
			}
		}
		at = x.Prev
	}
	if left > 0 {
		for k := range unknown { // those that were found too
			rec.fields[k] = audit.Null()
		}
	}
	return rec.value(), nil
}

func (s *Server) reverseLMDB(rec *object, k string, v audit.Value) error {
	if !isOp(v) {
		return rec.set(k, lost)
	}
	if rec.null {
		return typeError("Cannot read properties of null (reading '%s')", k)
	}
	return subtract(rec, k, v)
}

// subtract undoes an increment where there is a number.
func subtract(rec *object, k string, v audit.Value) error {
	d := delta(v)
	if d == nil {
		return &jsError{"Error", "Unsupported operation " + v.Get("__op__").Text()}
	}
	if old, ok := rec.fields[k]; ok && !isLost(old) && numeric(old) {
		return rec.set(k, addNumbers(old, d, -1))
	}
	return nil
}

// rocksImage follows resources/crdt.ts getRecordAtTime of 5.1: puts come back
// frozen, a crossed delete is rebuilt forward, and what no older entry tells
// stays as the present has it.
func (s *Server) rocksImage(t *table, e *entry, r *record) (audit.Value, error) {
	rec, at := objectOf(r.value), r.localTime
	unknown := map[string]bool{}
	for at > e.Version {
		x := s.find(t, e.ID, at)
		if x == nil {
			break
		}
		switch x.Type {
		case "put":
			rec = objectOf(x.Raw)
			rec.frozen = true
		case "patch":
			for _, k := range x.names() {
				if v := x.Raw.Get(k); !isOp(v) {
					unknown[k] = true
				} else if err := subtract(rec, k, v); err != nil {
					return nil, err
				}
			}
		case "delete":
			return s.forward(t, e, x.Prev)
		}
		at = x.Prev
	}
	if at > 0 {
		if x := s.find(t, e.ID, at); x != nil && x.Type == "delete" {
			return audit.Null(), nil
		}
	}
	for len(unknown) > 0 && at > 0 {
		x := s.find(t, e.ID, at)
		if x == nil {
			break
		}
		if x.Type == "put" || x.Type == "patch" {
			for _, k := range x.names() {
				if !unknown[k] {
					continue
				}
				if err := rec.set(k, x.Raw.Get(k)); err != nil {
					return nil, err
				}
				delete(unknown, k)
			}
		}
		at = x.Prev
	}
	return rec.value(), nil
}

// forward rebuilds a record as of e from the entries before a delete
// (reconstructForward in resources/crdt.ts of 5.1).
func (s *Server) forward(t *table, e *entry, from audit.Time) (audit.Value, error) {
	var found []*entry
walk:
	for at := from; at > 0; {
		x := s.find(t, e.ID, at)
		if x == nil {
			break
		}
		if at <= e.Version {
			switch x.Type {
			case "delete":
				break walk
			case "put":
				found = append(found, x)
				break walk
			case "patch":
				found = append(found, x)
			}
		}
		at = x.Prev
	}
	if found == nil {
		return audit.Null(), nil
	}
	rec := &object{fields: map[string]audit.Value{}}
	for _, f := range slices.Backward(found) {
		if f.Type == "put" {
			rec = objectOf(f.Raw)
			continue
		}
		applyPatch(rec.fields, f.Raw)
	}
	return rec.value(), nil
}
