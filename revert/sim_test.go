package revert

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// A sim is a Harper for tests: it executes operations, of which those that are
// skipped leave no trace, and keeps an audit log whose patch images are made when
// they are read. What it does is what docs/harper.md says.
type sim struct {
	clock   audit.Time
	records map[audit.Key]*simRecord
	log     []simEntry
	rocks   bool // patch images as the RocksDB line makes them
	polled  int  // entries that a tail has read
	seen    []audit.Image
}

type simRecord struct {
	body    audit.Value // nil: deleted
	version audit.Time
}

type simEntry struct {
	key  audit.Key
	time audit.Time
	user string
	op   audit.Op
	put  audit.Value // the whole record
	part audit.Value // what a patch sent
}

// An op is one operation of a program.
type op struct {
	user string
	kind string // insert update put patch delete
	key  audit.Key
	set  map[string]audit.Value
	add  map[string]audit.Value
	form map[string]audit.Value // members of attribute o, which is read, edited and sent again
}

func (o op) String() string {
	s := fmt.Sprintf("%s %s %s", o.user, o.kind, o.key.ID)
	for _, n := range slices.Sorted(maps.Keys(o.set)) {
		s += " " + n + "=" + o.set[n].JSON()
	}
	for _, n := range slices.Sorted(maps.Keys(o.add)) {
		s += " " + n + "+=" + o.add[n].JSON()
	}
	for _, n := range slices.Sorted(maps.Keys(o.form)) {
		s += " o." + n + ":=" + o.form[n].JSON()
	}
	return s
}

func newSim() *sim { return &sim{clock: 1_795_470_000_000, records: map[audit.Key]*simRecord{}} }

// do executes an operation and says whether it did anything.
func (s *sim) do(o op) bool {
	s.clock += 7.25
	rec := s.records[o.key]
	if rec == nil {
		rec = new(simRecord)
	}
	if rec.version >= s.clock {
		return true // the newer version wins: acknowledged, not done, not logged
	}
	e := simEntry{key: o.key, time: s.clock, user: o.user}
	if o.form != nil {
		object := rec.body.Get("o")
		for n, v := range o.form {
			object = object.With(n, v)
		}
		o.set = map[string]audit.Value{"o": object}
	}
	id := o.key.ID.Value()
	switch o.kind {
	case "insert":
		if rec.body != nil {
			return false
		}
		e.op, e.put = audit.OpInsert, audit.Object(o.set).With("id", id)
	case "update":
		if rec.body == nil {
			return false
		}
		e.op, e.put = audit.OpUpdate, patched(rec.body, o)
	case "put":
		e.op, e.put = audit.OpUpsert, audit.Object(o.set).With("id", id)
	case "patch":
		e.op, e.part = audit.OpPatch, rawPatch(o)
		e.put = nil
	case "delete":
		e.op = audit.OpDelete
	default:
		panic(o.kind)
	}
	switch {
	case e.part != nil:
		rec.body = patched(rec.body, o)
	default:
		rec.body = e.put
	}
	rec.version = s.clock
	s.records[o.key] = rec
	s.log = append(s.log, e)
	return true
}

func rawPatch(o op) audit.Value {
	v := audit.Object(o.set)
	for n, inc := range o.add {
		v = v.With(n, audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": inc}))
	}
	return v
}

func patched(body audit.Value, o op) audit.Value {
	if body == nil {
		body = audit.Object(nil)
	}
	return merge(body, rawPatch(o))
}

// image is the after-image that a reading of the log shows now.
func (s *sim) image(i int) (audit.Image, bool) {
	e := &s.log[i]
	if e.op == audit.OpDelete {
		return audit.AbsentImage(audit.Logged, audit.Exact), true
	}
	if e.part == nil {
		return audit.PresentImage(e.put, audit.Logged, audit.Exact), true
	}
	later := false
	for j := i + 1; j < len(s.log); j++ {
		later = later || s.log[j].key == e.key
	}
	trust := audit.Prompt
	if later {
		trust = audit.Provisional
	}
	body, ok := s.rebuild(i)
	if !ok {
		return audit.Image{}, false
	}
	return audit.PresentImage(body, audit.Logged, trust), true
}

// rebuild makes the image of a patch as Harper does, which is wrong in many ways.
func (s *sim) rebuild(i int) (audit.Value, bool) {
	e := &s.log[i]
	cur := s.records[e.key].body
	if cur == nil {
		cur = audit.Object(nil)
	}
	rec := maps.Collect(cur.Fields())
	unknown := map[string]bool{}
	alive := true
	for j := len(s.log) - 1; j > i; j-- {
		l := &s.log[j]
		switch {
		case l.key != e.key:
		case l.op == audit.OpDelete:
			alive, rec = false, nil
		case l.part == nil:
			alive, rec, unknown = true, map[string]audit.Value{}, map[string]bool{}
			maps.Insert(rec, l.put.Fields())
		case !alive:
			return nil, false // Cannot set properties of null
		default:
			for n, v := range l.part.Fields() {
				if v.RawOp() {
					rec[n], _ = difference(rec[n], v.Get("value"))
				} else {
					unknown[n] = true
				}
			}
		}
	}
	if !alive {
		return nil, false
	}
	lost := s.settle(i, rec, unknown)
	if lost && !s.rocks {
		for n := range unknown {
			rec[n] = audit.Null()
		}
	}
	return audit.Object(rec), true
}

// settle looks for the unknown attributes from the entry backwards.
func (s *sim) settle(i int, rec map[string]audit.Value, unknown map[string]bool) (lost bool) {
	for n := range unknown {
		found := false
		for j := i; j >= 0 && !found; j-- {
			l := &s.log[j]
			if l.key != s.log[i].key {
				continue
			}
			for _, v := range []audit.Value{l.part.Get(n), l.put.Get(n)} {
				if v != nil {
					rec[n], found = v, true
					break
				}
			}
		}
		lost = lost || !found
	}
	return lost
}

// poll is a tail reading what is new; what it has read it never reads again.
func (s *sim) poll() {
	for ; s.polled < len(s.log); s.polled++ {
		img, _ := s.image(s.polled)
		s.seen = append(s.seen, img)
	}
}

// changes are the log from an entry on, as the tail has seen it.
func (s *sim) changes(from int) []audit.Change {
	s.poll()
	var out []audit.Change
	last := map[audit.Key]audit.Image{}
	for i := from; i < len(s.log); i++ {
		e := &s.log[i]
		c := audit.Change{Seq: audit.Seq(i + 1), Time: e.time, User: e.user, Op: e.op, Key: e.key, After: s.seen[i]}
		prev, ok := last[e.key]
		switch {
		case ok && prev.State != audit.Unknown:
			prev.Source = audit.Folded
			c.Before = prev
		case !ok && e.op == audit.OpInsert:
			c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
		}
		c.ID = c.Identify()
		last[e.key] = c.After
		out = append(out, c)
	}
	return out
}

func history(changes []audit.Change) iter.Seq2[Record, error] {
	byKey := map[audit.Key][]audit.Change{}
	for _, c := range changes {
		byKey[c.Key] = append(byKey[c.Key], c)
	}
	return func(yield func(Record, error) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(byKey), compareKeys) {
			if !yield(Record{Key: k, Changes: byKey[k]}, nil) {
				return
			}
		}
	}
}

func each(changes []audit.Change, keep func(*audit.Change) bool) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for _, c := range changes {
			if keep(&c) && !yield(c, nil) {
				return
			}
		}
	}
}

func (s *sim) state() map[audit.Key]audit.Value {
	out := map[audit.Key]audit.Value{}
	for k, r := range s.records {
		if r.body != nil {
			out[k] = r.body
		}
	}
	return out
}
