package harpertest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"recourse/audit"
)

// LoadIncident serves a recorded incident as it stood at its end: the tables of
// final/describe_all.json and the raw logs of store/*.jsonl.gz. The records are
// rebuilt from the logs; what the logs cannot tell, that a table's time to live
// took its records, is read in state-after. New writes are later than all of
// it.
func (s *Server) LoadIncident(fsys fs.FS) error {
	data, err := fs.ReadFile(fsys, "final/describe_all.json")
	if err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	var d struct {
		Response json.RawMessage `json:"response"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	if err := s.LoadSchema(d.Response); err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	stores, err := fs.Glob(fsys, "store/*.jsonl.gz")
	if err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	if len(stores) == 0 {
		return errors.New("load incident: no store/*.jsonl.gz")
	}
	for _, name := range stores {
		if err := s.loadStore(fsys, name); err != nil {
			return fmt.Errorf("load incident: %s: %w", name, err)
		}
	}
	if err := s.evictAbsent(fsys); err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	if err := s.loadSystem(fsys); err != nil {
		return fmt.Errorf("load incident: %w", err)
	}
	return nil
}

func (s *Server) loadStore(fsys fs.FS, name string) (err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	return s.LoadDump(strings.TrimSuffix(path.Base(name), ".jsonl.gz"), z)
}

// LoadSchema makes the tables of a describe_all answer. Defined tables are
// exported over REST, as Harper's schemas usually have it.
func (s *Server) LoadSchema(describeAll []byte) error {
	v, err := audit.FromJSON(describeAll)
	if err != nil {
		return fmt.Errorf("load schema: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for db, tables := range v.Fields() {
		for name, d := range tables.Fields() {
			s.addTable(audit.Table{Database: db, Name: name}, describedSchema(d))
		}
	}
	return nil
}

func describedSchema(d audit.Value) schema {
	sc := schema{pk: d.Get("hash_attribute").Text(), defined: d.Get("schema_defined").Bool(), audited: d.Get("audit").Bool(), expiration: d.Get("expiration").Text()}
	sc.exported = sc.defined
	if sc.pk == "" {
		sc.pk = d.Get("primary_key").Text()
	}
	for a := range d.Get("attributes").Elems() {
		name := a.Get("attribute").Text()
		at := attribute{Attribute: Attribute{Name: name, Type: a.Get("type").Text(), Elem: a.Get("elements").Text(), Indexed: a.Get("indexed") != nil}}
		for k, v := range a.Fields() {
			at.described = append(at.described, field{k, v})
		}
		sc.attrs = append(sc.attrs, at)
		if a.Get("assigned_created_time").Bool() || !sc.defined && name == "__createdtime__" {
			sc.created = name
		}
		if a.Get("assigned_updated_time").Bool() || !sc.defined && name == "__updatedtime__" {
			sc.updated = name
		}
	}
	return sc
}

// LoadDump reads a database's raw log, one JSON object a line: localTime,
// version, type, table, id, user, operation, prev, raw, and wiped for what was
// deleted from the log later. The records become what the writes leave.
func (s *Server) LoadDump(database string, r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dbs[database] == nil {
		return fmt.Errorf("load dump: %w", ErrNoTable)
	}
	wiped := map[*table]bool{}
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if e := s.loadLine(database, line, wiped); e != nil {
				return fmt.Errorf("load dump: line %d: %w", n, e)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("load dump: %w", err)
		}
	}
	for t := range wiped {
		t.wipe(func(e *entry) bool { return e.wiped })
	}
	return nil
}

func (s *Server) loadLine(database string, line []byte, wiped map[*table]bool) error {
	v, err := audit.FromJSON(line)
	if err != nil {
		return err
	}
	t := s.dbs[database].tables[v.Get("table").Text()]
	if t == nil {
		return fmt.Errorf("table %q: %w", v.Get("table").Text(), ErrNoTable)
	}
	id, err := audit.IDOf(v.Get("id"))
	if err != nil {
		return err
	}
	number := func(name string) audit.Time {
		f, _ := v.Get(name).Float64()
		return audit.Time(f)
	}
	e := &entry{Entry: Entry{
		LocalTime: number("localTime"), Version: number("version"), Prev: number("prev"), Table: t.Table, Type: v.Get("type").Text(),
		ID: id, User: v.Get("user").Text(), Operation: audit.Op(v.Get("operation").Text()), Raw: v.Get("raw"),
	}, wiped: v.Get("wiped").Bool()}
	var order struct{ Raw orderedKeys }
	if err := json.Unmarshal(line, &order); err != nil {
		return err
	}
	e.keys = order.Raw
	s.appendEntry(t, e)
	wiped[t] = wiped[t] || e.wiped
	s.lastVersion = max(s.lastVersion, e.Version, e.LocalTime)
	s.raiseFloor(max(e.Version, e.LocalTime))
	r := t.rec(id)
	switch e.Type {
	case "put", "invalidate":
		r.value = e.Raw
	case "patch":
		fields := objectOf(r.value).fields
		applyPatch(fields, e.Raw)
		r.value = s.stored(audit.Object(fields))
	case "delete":
		r.value = nil
	}
	r.exists, r.version, r.localTime = true, e.Version, e.LocalTime
	return nil
}

// orderedKeys are a JSON object's names as they come; nil for anything else.
type orderedKeys []string

// UnmarshalJSON implements json.Unmarshaler.
func (k *orderedKeys) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return err
	}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := tok.(string)
		*k = append(*k, name)
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return err
		}
	}
	return nil
}

// evictAbsent removes the records that state-after does not have although no
// entry deletes them: their time to live is over.
func (s *Server) evictAbsent(fsys fs.FS) error {
	files, err := fs.Glob(fsys, "state-after/*.json")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range files {
		key, err := audit.ParseTable(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			return err
		}
		t := s.table(key)
		data, err := fs.ReadFile(fsys, name)
		if err != nil || t == nil {
			return errors.Join(err, fmt.Errorf("%s: not in the schema", name))
		}
		v, err := audit.FromJSON(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		there := map[audit.ID]bool{}
		for rec := range v.Elems() {
			if id, err := audit.IDOf(rec.Get(t.pk)); err == nil {
				there[id] = true
			}
		}
		for _, r := range t.records {
			// A record that lacks its own key cannot be told from another.
			if r.live() && !there[r.id] && (v.Len() == 0 || r.value.Get(t.pk) != nil) {
				r.exists, r.value, r.version, r.localTime = false, nil, 0, 0
			}
		}
	}
	return nil
}
