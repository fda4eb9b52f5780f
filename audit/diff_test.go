package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// applyDiff makes the edits of d on v, and fails when one does not find its old
// value.
func applyDiff(v audit.Value, d audit.Diff) (audit.Value, error) {
	for _, e := range d {
		var err error
		if v, err = applyEdit(v, e.Path, e); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func applyEdit(v audit.Value, path string, e audit.Edit) (audit.Value, error) {
	if path == "" {
		if !v.Equal(e.Old) {
			return nil, fmt.Errorf("at %q: found %s, the edit says %s", e.Path, v.JSON(), e.Old.JSON())
		}
		return e.New, nil
	}
	name, rest, more := strings.Cut(path[1:], "/")
	if more {
		rest = "/" + rest
	}
	name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
	inner, err := applyEdit(v.Get(name), rest, e)
	if err != nil {
		return nil, err
	}
	return v.With(name, inner), nil
}

func TestDiffLeadsFromOldToNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := records().Draw(t, "old")
		next := records().Draw(t, "new")
		for _, attr := range old.Names() { // most changes keep most attributes
			if rapid.Bool().Draw(t, "keep "+attr) {
				next = next.With(attr, old.Get(attr))
			}
		}
		checkDiff(t, old, next)
		checkDiff(t, nil, next)
		checkDiff(t, old, nil)
		checkDiff(t, old, values().Draw(t, "any"))
	})
}

func checkDiff(t *rapid.T, old, next audit.Value) {
	t.Helper()
	d := audit.DiffOf(old, next)
	got, err := applyDiff(old, d)
	if err != nil {
		t.Fatal(err)
	}
	// A record without attributes and no record have the same attributes.
	empty := func(v audit.Value) bool { return v == nil || v.Kind() == audit.KindObject && v.Len() == 0 }
	if !got.Equal(next) && (!empty(got) || !empty(next)) {
		t.Fatalf("%s with %v is %s, want %s", old.JSON(), d, got.JSON(), next.JSON())
	}
	if !slices.IsSortedFunc(d, func(a, b audit.Edit) int { return strings.Compare(a.Path, b.Path) }) {
		t.Fatalf("not sorted: %v", d)
	}
	for i, e := range d {
		if e.Old.Equal(e.New) {
			t.Fatalf("%s edits nothing: %s", e.Path, e.Old.JSON())
		}
		if i > 0 && d[i-1].Path == e.Path {
			t.Fatalf("two edits of %s", e.Path)
		}
		if e.Path != "" && e.Old.Kind() == audit.KindObject && e.New.Kind() == audit.KindObject {
			t.Fatalf("%s is not as small as it can be", e.Path)
		}
	}
	back := audit.DiffOf(next, old)
	if len(back) != len(d) {
		t.Fatalf("%d edits there, %d back", len(d), len(back))
	}
	for i := range d {
		if d[i].Path != back[i].Path || !d[i].Old.Equal(back[i].New) || !d[i].New.Equal(back[i].Old) {
			t.Fatalf("there %v, back %v", d[i], back[i])
		}
	}
}

func TestDiffOf(t *testing.T) {
	for _, c := range []struct{ old, next, want string }{
		{`{"a":1}`, `{"a":1}`, ``},
		{`{"a":1}`, `{"a":1.0}`, ``},
		{`{"a":1,"b":2}`, `{"a":2,"c":3}`, `/a 1→2 | /b 2→missing | /c missing→3`},
		{`{"a":null}`, `{}`, `/a null→missing`},
		{`{"a":{"b":{"c":1,"d":2}}}`, `{"a":{"b":{"c":1,"d":3}}}`, `/a/b/d 2→3`},
		{`{"a":{}}`, `{"a":[]}`, `/a {}→[]`},
		{`{"a":[1,2]}`, `{"a":[1,3]}`, `/a [1,2]→[1,3]`},
		{`{"a/b":1,"c~d":{"~1":1},"":1}`, `{"a/b":2,"c~d":{"~1":2},"":2}`, `/ 1→2 | /a~1b 1→2 | /c~0d/~01 1→2`},
		{`missing`, `{"a":1,"b":{}}`, `/a missing→1 | /b missing→{}`},
		{`{"a":1}`, `missing`, `/a 1→missing`},
		{`missing`, `missing`, ``},
		{`5`, `{"a":1}`, ` 5→{"a":1}`},
		{`{"a":1152921504606846976}`, `{"a":1.152921504606847e+18}`, ``},
	} {
		var parts []string
		for _, e := range audit.DiffOf(parse(c.old), parse(c.next)) {
			parts = append(parts, e.Path+" "+show(e.Old)+"→"+show(e.New))
		}
		if got := strings.Join(parts, " | "); got != c.want {
			t.Errorf("%s to %s: got %s, want %s", c.old, c.next, got, c.want)
		}
	}
}

func parse(s string) audit.Value {
	if s == "missing" {
		return nil
	}
	return must(audit.FromJSON([]byte(s)))
}

func show(v audit.Value) string {
	if v == nil {
		return "missing"
	}
	return v.JSON()
}

func TestAttributesOfADiff(t *testing.T) {
	d := audit.DiffOf(parse(`{"a/b":{"x":1,"y":1},"c~":1,"":1}`), parse(`{"a/b":{"x":2,"y":2},"c~":2,"":2}`))
	if got, want := d.Attributes(), []string{"", "a/b", "c~"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiffOfAChange(t *testing.T) {
	body := func(s string) audit.Image { return audit.PresentImage(parse(s), audit.Logged, audit.Exact) }
	absent := audit.AbsentImage(audit.Logged, audit.Exact)
	for name, c := range map[string]struct {
		change audit.Change
		edits  int
		known  bool
	}{
		"update":          {audit.Change{Op: audit.OpUpdate, Before: body(`{"a":1}`), After: body(`{"a":2}`)}, 1, true},
		"no edit":         {audit.Change{Op: audit.OpUpdate, Before: body(`{"a":1}`), After: body(`{"a":1}`)}, 0, true},
		"insert":          {audit.Change{Op: audit.OpInsert, Before: absent, After: body(`{"a":1,"b":2}`)}, 2, true},
		"delete":          {audit.Change{Op: audit.OpDelete, Before: body(`{"a":1}`), After: absent}, 1, true},
		"unknown before":  {audit.Change{Op: audit.OpUpdate, After: body(`{"a":1}`)}, 0, false},
		"unknown after":   {audit.Change{Op: audit.OpPatch, Before: body(`{"a":1}`)}, 0, false},
		"message":         {audit.Change{Op: audit.OpMessage, After: body(`{"a":1}`)}, 0, true},
		"nothing known":   {audit.Change{}, 0, false},
		"deleted unknown": {audit.Change{Op: audit.OpDelete, After: absent}, 0, false},
	} {
		if d, known := c.change.Diff(); len(d) != c.edits || known != c.known || !known && d != nil {
			t.Errorf("%s: got %v, known %t", name, d, known)
		}
	}
}

func TestChangeIDIsWhatMakesTheChange(t *testing.T) {
	base := audit.Change{
		Seq: 1, Cluster: "c", Node: "n1", Time: 1795470364242.5806, User: "eve", Op: audit.OpUpdate, Reported: audit.OpUpdate,
		Key: audit.Key{Table: audit.Table{Database: "shop", Name: "customers"}, ID: `"1"`},
	}
	id := base.Identify()
	for name, edit := range map[string]func(*audit.Change){
		"cluster":       func(c *audit.Change) { c.Cluster = "d" },
		"database":      func(c *audit.Change) { c.Key.Table.Database = "shop2" },
		"table":         func(c *audit.Change) { c.Key.Table.Name = "customer" },
		"boundary":      func(c *audit.Change) { c.Key.Table = audit.Table{Database: "shopc", Name: "ustomers"} },
		"type of key":   func(c *audit.Change) { c.Key.ID = `1` },
		"last time bit": func(c *audit.Change) { c.Time = 1795470364242.5808 },
		"kind delete":   func(c *audit.Change) { c.Op = audit.OpDelete },
		"kind message":  func(c *audit.Change) { c.Op = audit.OpMessage },
		"occurrence":    func(c *audit.Change) { c.Nth = 1 },
	} {
		c := base
		if edit(&c); c.Identify() == id {
			t.Errorf("%s makes no difference", name)
		}
	}
	for name, edit := range map[string]func(*audit.Change){
		"user":     func(c *audit.Change) { c.User = "bob" },
		"op":       func(c *audit.Change) { c.Op = audit.OpPatch },
		"new op":   func(c *audit.Change) { c.Op = "relocate" },
		"reported": func(c *audit.Change) { c.Reported = audit.OpDelete },
		"before":   func(c *audit.Change) { c.Before = audit.AbsentImage(audit.Logged, audit.Exact) },
		"after":    func(c *audit.Change) { c.After = audit.PresentImage(parse(`{}`), audit.Logged, audit.Exact) },
		"node":     func(c *audit.Change) { c.Node = "n2" },
		"seq":      func(c *audit.Change) { c.Seq = 9 },
		"group":    func(c *audit.Change) { c.Group = audit.Group{Size: 3, Index: 1} },
		"observed": func(c *audit.Change) { c.Observed = 7 },
		"lossy":    func(c *audit.Change) { c.Lossy, c.Late, c.Note = true, true, "x" },
		"id":       func(c *audit.Change) { c.ID = audit.ChangeID{1} },
	} {
		c := base
		if edit(&c); c.Identify() != id {
			t.Errorf("%s makes a difference", name)
		}
	}
}

func TestNamesOnTheWire(t *testing.T) {
	for _, s := range []audit.State{audit.Unknown, audit.Absent, audit.Present} {
		var back audit.State = 99
		if text, err := s.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%s came back as %s", s, back)
		}
	}
	for _, s := range []audit.Source{audit.NoSource, audit.Logged, audit.Folded, audit.Baselined, audit.Fetched} {
		var back audit.Source = 99
		if text, err := s.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%s came back as %s", s, back)
		}
	}
	for _, s := range []audit.Trust{audit.NoTrust, audit.Provisional, audit.Prompt, audit.Exact} {
		var back audit.Trust = 99
		if text, err := s.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%s came back as %s", s, back)
		}
	}
	var s audit.State
	if err := s.UnmarshalText([]byte("there")); err == nil || audit.State(9).String() != "invalid(9)" {
		t.Error("a name that is none was read")
	}
	for op, want := range map[audit.Op]audit.Kind{"insert": "write", "patch": "write", "invalidate": "write", "relocate": "write", "": "write", "delete": "delete", "message": "message"} {
		if op.Kind() != want {
			t.Errorf("%s is a %s", op, op.Kind())
		}
	}
	for p, want := range map[audit.Phase]bool{"intent": false, "sent": false, "acked": false, "verified": true, "skipped": true, "raced": true, "failed": true, "unknown": true} {
		if p.Done() != want {
			t.Errorf("%s: done %t", p, !want)
		}
	}
	for _, bad := range []string{"", "a", ".a", "a."} {
		if tab, err := audit.ParseTable(bad); err == nil {
			t.Errorf("%q is the table %s", bad, tab)
		}
	}
}

func TestAttributesAreThoseOfTheEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := audit.Change{
			Op:     rapid.SampledFrom([]audit.Op{audit.OpInsert, audit.OpPatch, audit.OpDelete, audit.OpMessage}).Draw(t, "op"),
			Before: audit.Image{State: rapid.SampledFrom([]audit.State{audit.Unknown, audit.Absent, audit.Present}).Draw(t, "before")},
			After:  audit.Image{State: rapid.SampledFrom([]audit.State{audit.Unknown, audit.Absent, audit.Present}).Draw(t, "after")},
		}
		body := rapid.OneOf(records(), values())
		if c.Before.State == audit.Present {
			c.Before.Body = body.Draw(t, "old")
		}
		if c.After.State == audit.Present {
			c.After.Body = body.Draw(t, "new")
			for _, attr := range c.Before.Body.Names() {
				if c.After.Body.Kind() == audit.KindObject && rapid.Bool().Draw(t, "keep "+attr) {
					c.After.Body = c.After.Body.With(attr, c.Before.Body.Get(attr))
				}
			}
		}
		var want []string
		for _, e := range c.Touched() {
			if e.Path != "" && c.Op.Kind() != audit.KindMessage {
				want = append(want, e.Attribute())
			}
		}
		slices.Sort(want)
		if got := c.Attributes(); !slices.Equal(got, slices.Compact(want)) {
			t.Fatalf("from %s to %s: got %q, want %q", c.Before.Body.JSON(), c.After.Body.JSON(), got, want)
		}
		for p := range audit.Differing(c.Before.Body, c.After.Body) {
			name := string(p.Name)
			if !p.Old.Equal(c.Before.Body.Get(name)) || !p.New.Equal(c.After.Body.Get(name)) || p.Old.Equal(p.New) {
				t.Fatalf("%q: %s to %s", name, p.Old.JSON(), p.New.JSON())
			}
		}
		all := map[string]bool{}
		for p := range audit.Pairs(c.Before.Body, c.After.Body) {
			name := string(p.Name)
			if all[name] = true; !p.Old.Equal(c.Before.Body.Get(name)) || !p.New.Equal(c.After.Body.Get(name)) {
				t.Fatalf("%q: %s to %s", name, p.Old.JSON(), p.New.JSON())
			}
		}
		for _, name := range append(c.Before.Body.Names(), c.After.Body.Names()...) {
			if !all[name] {
				t.Fatalf("%q is missing", name)
			}
		}
		n := 0
		for name, v := range c.After.Body.RawFields() {
			if n++; !v.Equal(c.After.Body.Get(string(name))) {
				t.Fatalf("%q is %s", name, v.JSON())
			}
		}
		if c.After.Body.Kind() == audit.KindObject && n != c.After.Body.Len() || c.After.Body.Kind() != audit.KindObject && n > 0 {
			t.Fatalf("%d attributes of %s", n, c.After.Body.JSON())
		}
	})
}
