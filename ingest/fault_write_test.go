package ingest

import (
	"fmt"
	"strings"

	"recourse/audit"
	"recourse/internal/harpertest"
)

var simIDs = []audit.ID{"1", `"1"`, "2", `"x"`, `["c",1]`, "7"}

func (w *world) id() audit.ID       { return pick(w, simIDs...) }
func (w *world) table() audit.Table { return pick(w, w.tables...) }
func (w *world) user() string       { return pick(w, "ann", "bob", "svc", "") }

// body is a record, or part of one, unlike any other.
func (w *world) body(names ...string) audit.Value {
	fields := map[string]audit.Value{}
	for _, name := range names {
		w.serial++
		fields[name] = audit.Int(int64(w.serial))
	}
	return audit.Object(fields)
}

// part is what a patch sends.
func (w *world) part() audit.Value {
	v := w.body(pick(w, [][]string{{"a"}, {"b"}, {"a", "b"}, {"c"}}...)...)
	if w.chance(25) {
		n := audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": audit.Int(int64(w.rnd.IntN(9) + 1))})
		v = v.With("n", n)
	}
	return v
}

func (w *world) whole() audit.Value {
	return w.body(pick(w, [][]string{{"a", "b", "n"}, {"a", "n"}, {"b"}, {"a", "b", "c", "n"}}...)...)
}

// one adds one write to a transaction and says which.
func (w *world) one() (func(*harpertest.Tx), string) {
	t, id := w.table(), w.id()
	what := fmt.Sprint(t.Name, "/", id)
	switch n := w.rnd.IntN(20); {
	case n < 6:
		v := w.whole()
		return func(tx *harpertest.Tx) { tx.Put(t, id, v) }, "put " + what + " " + v.JSON()
	case n < 14:
		v := w.part()
		return func(tx *harpertest.Tx) { tx.Patch(t, id, v) }, "patch " + what + " " + v.JSON()
	case n < 17:
		return func(tx *harpertest.Tx) { tx.Delete(t, id) }, "delete " + what
	case n < 18:
		v := w.whole()
		return func(tx *harpertest.Tx) {
			tx.Put(t, id, v)
			tx.Delete(t, id)
			tx.Put(t, id, v.With("again", audit.Bool(true)))
		}, "put, delete, put " + what
	}
	v := w.body("text")
	return func(tx *harpertest.Tx) { tx.Publish(t, id, v) }, "message " + what + " " + v.JSON()
}

// several is a transaction of some writes.
func (w *world) several(most int) (func(*harpertest.Tx), string) {
	var writes []func(*harpertest.Tx)
	var what []string
	for range 1 + w.rnd.IntN(most) {
		write, name := w.one()
		writes, what = append(writes, write), append(what, name)
	}
	return func(tx *harpertest.Tx) {
		for _, write := range writes {
			write(tx)
		}
	}, strings.Join(what, "; ")
}

// node is one that runs.
func (w *world) node() *member {
	for range 20 {
		if n := pick(w, w.nodes...); !n.down {
			return n
		}
	}
	return w.nodes[0]
}

// commit writes at a version, 0 for now.
func (w *world) commit(n *member, at audit.Time, what string, write func(*harpertest.Tx)) {
	err := n.srv.TransactAt(at, w.user(), func(tx *harpertest.Tx) error { write(tx); return nil })
	when := ""
	if at != 0 {
		when = fmt.Sprintf(" (dated %.3fs)", float64(at-dawn)/1000)
	}
	w.say("%s: %s%s %v", n.name, what, when, orFine(err))
	w.look()
}

func orFine(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (w *world) write() {
	n := w.node()
	switch c := w.rnd.IntN(100); {
	case c < 45:
		write, what := w.one()
		w.commit(n, 0, what, write)
	case c < 60:
		write, what := w.several(5)
		w.commit(n, 0, what, write)
	case c < 70:
		w.operation(n)
	case c < 78:
		write, what := w.several(3)
		w.open = append(w.open, &open{n, n.srv.Now(), write, what})
	case c < 84:
		write, what := w.several(2)
		w.commit(n, n.srv.Now()-audit.Time(pick(w, 2_000, 40_000, 400_000, 8_000_000)), "backdated "+what, write)
	case c < 88:
		write, what := w.several(2)
		w.commit(n, n.srv.Now()+audit.Time(pick(w, 3_000, 100_000, 5_000_000)), "future "+what, write)
	case c < 92:
		w.bulk(n)
	case c < 96:
		w.poison(n)
	default:
		t, id := w.table(), w.id()
		for _, m := range w.nodes {
			if err := m.srv.Evict(t, id); err != nil {
				panic(err)
			}
		}
		w.say("evict %s/%s", t.Name, id)
	}
}

// finish commits a transaction that has been open: on RocksDB at the time of its
// first write, on LMDB at that of the commit.
func (w *world) finish() {
	if len(w.open) == 0 || w.open[0].node.down {
		return
	}
	o := w.open[0]
	w.open = w.open[1:]
	at := o.begun
	if w.line == harpertest.LMDB {
		at = 0
	}
	w.commit(o.node, at, "at last "+o.what, o.write)
}

// operation writes through the operations API.
func (w *world) operation(n *member) {
	t, op := w.table(), pick(w, "insert", "update", "upsert", "delete")
	var parts []string
	seen := map[string]bool{}
	for range 1 + w.rnd.IntN(3) {
		id := pick(w, "1", "2", `"x"`, "7")
		if seen[id] {
			continue
		}
		seen[id] = true
		part := id
		if op != "delete" {
			part = w.part().With("n", nil).With("id", audit.Value(nil)).JSON()
			part = fmt.Sprintf(`{"id":%s,%s`, id, part[1:])
		}
		parts = append(parts, part)
	}
	field := map[bool]string{true: "hash_values", false: "records"}[op == "delete"]
	body := fmt.Sprintf(`{"operation":%q,"schema":%q,"database":%q,"table":%q,%q:[%s]}`, op, t.Database, t.Database, t.Name, field, strings.Join(parts, ","))
	plain := &wire{srv: n.srv}
	_, err := plain.ask(body, true)
	w.say("%s: ops %s %s %v %s", n.name, op, t.Name, parts, orFine(err))
}

// bulk writes many records at once.
func (w *world) bulk(n *member) {
	t, patches := w.table(), w.chance(50)
	w.commit(n, 0, fmt.Sprintf("bulk of 30, %s, patches: %v", t.Name, patches), func(tx *harpertest.Tx) {
		for i := range 30 {
			id, v := audit.ID(fmt.Sprint(100+i)), w.body("a")
			if patches {
				tx.Patch(t, id, v)
			} else {
				tx.Put(t, id, v)
			}
		}
	})
}

// poison makes an entry that the server cannot read.
func (w *world) poison(n *member) {
	t, id := w.table(), w.id()
	do := func(write func(*harpertest.Tx), what string) {
		w.commit(n, 0, "poison: "+what, write)
		if w.chance(15) {
			w.once()
		}
	}
	do(func(tx *harpertest.Tx) { tx.Put(t, id, w.body("a")) }, "put "+string(id))
	do(func(tx *harpertest.Tx) { tx.Patch(t, id, w.body("a")) }, "patch "+string(id))
	if w.line == harpertest.RocksDB {
		do(func(tx *harpertest.Tx) { tx.Put(t, id, w.body("a")) }, "put "+string(id))
		do(func(tx *harpertest.Tx) { tx.Patch(t, id, w.body("a")) }, "patch "+string(id))
		return
	}
	do(func(tx *harpertest.Tx) { tx.Patch(t, id, w.body("b")) }, "patch "+string(id))
	do(func(tx *harpertest.Tx) { tx.Delete(t, id) }, "delete "+string(id))
}
