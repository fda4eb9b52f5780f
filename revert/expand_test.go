package revert

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// A tale is a history of several tables, told change by change.
type tale struct {
	changes []audit.Change
	state   map[audit.Key]audit.Image
}

// tell adds a change: of one transaction with the last one if it is by the same
// user and at says so.
func (s *tale) tell(at audit.Time, user string, op audit.Op, table, id string, body map[string]audit.Value) *audit.Change {
	key := audit.Key{Table: audit.Table{Database: "shop", Name: table}, ID: audit.ID(audit.Text(id).JSON())}
	c := audit.Change{Seq: audit.Seq(len(s.changes) + 1), Time: at, User: user, Op: op, Key: key, After: audit.AbsentImage(audit.Logged, audit.Exact)}
	if was, known := s.state[key]; known {
		c.Before = was
	} else if op == audit.OpInsert {
		c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
	}
	if op != audit.OpDelete {
		c.After = audit.PresentImage(audit.Object(body).With("id", audit.Text(id)), audit.Logged, audit.Exact)
	}
	c.ID = c.Identify()
	s.state = put(s.state, key, c.After)
	s.changes = append(s.changes, c)
	return &s.changes[len(s.changes)-1]
}

// expand expands the selection of some of the tale's changes.
func (s *tale) expand(t *testing.T, req ExpandRequest, keep func(*audit.Change) bool) *Expansion {
	t.Helper()
	var err error
	if req.Selection, err = Select(Criteria{}, each(s.changes, keep)); err != nil {
		t.Fatal(err)
	}
	x, err := Expand(t.Context(), req, s.selected(req.Selection), each(s.changes, func(c *audit.Change) bool { return c.Time >= req.Selection.First }))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// selected are the histories of the selection's records.
func (s *tale) selected(sel *Selection) func(func(Record, error) bool) {
	ours := map[audit.Key]bool{}
	for i := range s.changes {
		ours[s.changes[i].Key] = ours[s.changes[i].Key] || sel.Has(s.changes[i].ID)
	}
	return func(yield func(Record, error) bool) {
		for rec, err := range history(s.changes) {
			if ours[rec.Key] && !yield(rec, err) {
				return
			}
		}
	}
}

func texts(pairs ...string) map[string]audit.Value {
	m := map[string]audit.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = audit.Text(pairs[i+1])
	}
	return m
}

// Each tie finds its change, and says of which selected change it speaks.
func TestExpandFindsTies(t *testing.T) {
	var s tale
	s.tell(1000, "ann", audit.OpInsert, "customer", "c1", texts("mail", "ann@example.org", "kind", "retail-customer"))
	s.tell(1001, "ann", audit.OpInsert, "customer", "c2", texts("mail", "bea@example.org", "kind", "retail-customer"))
	s.tell(2000, "eve", audit.OpUpdate, "customer", "c1", texts("mail", "drop@evil.example", "kind", "retail-customer"))
	s.tell(2000, "eve", audit.OpUpdate, "stock", "s1", texts("n", "none"))
	s.tell(2500, "eve", audit.OpInsert, "customer", "c9", texts("mail", "none"))
	s.tell(3000, "bob", audit.OpInsert, "order", "o1", map[string]audit.Value{"customers": audit.Array(audit.Text("c2"), audit.Text("c9"))})
	s.tell(3001, "bob", audit.OpInsert, "order", "o2", texts("customers", "c2"))
	s.tell(3002, "bob", audit.OpInsert, "letter", "l1", map[string]audit.Value{"to": audit.Object(texts("address", "drop@evil.example"))})
	s.tell(3003, "bob", audit.OpInsert, "letter", "l2", texts("to", "retail-customer"))
	s.tell(3004, "eve", audit.OpInsert, "letter", "l3", texts("to", "none"))
	selected := func(c *audit.Change) bool { return c.User == "eve" && c.Key.Table.Name == "customer" }
	policy := Policy{References: map[string]string{"shop.order.customers": "shop.customer"}}
	x := s.expand(t, ExpandRequest{Policy: policy}, selected)
	got := map[string]string{}
	for _, p := range x.Proposals {
		for _, r := range p.Reasons {
			got[p.Key.Value().Text()+" "+string(r.By)] = r.Of.String()
		}
	}
	want := map[string]string{
		"s1 transaction": s.changes[2].ID.String(), "s1 user": s.changes[2].ID.String(), "l3 user": s.changes[2].ID.String(),
		"o1 references": s.changes[4].ID.String(), "l1 values": s.changes[2].ID.String(),
	}
	if !maps.Equal(got, want) {
		t.Errorf("proposed: %v\nwant %v", got, want)
	}
	if first := x.Proposals[0]; first.Score != scoreTransaction || first.Key.Value().Text() != "s1" {
		t.Errorf("the strongest is not the first: %+v", first)
	}
	passed := s.expand(t, ExpandRequest{Policy: policy, Passed: func(id audit.ChangeID) bool { return id == s.changes[3].ID }}, selected)
	if len(passed.Proposals) != len(x.Proposals)-1 {
		t.Errorf("%d proposals, want one less than %d", len(passed.Proposals), len(x.Proposals))
	}
	only := s.expand(t, ExpandRequest{By: []Tie{TieReferences}}, selected)
	if len(only.Proposals) != 0 || len(only.Notes) != 1 || !strings.Contains(only.Notes[0], "none are declared") {
		t.Errorf("without references: %+v", only)
	}
}

// A value that others had, or that everybody writes, is no tie, and the latter is
// said.
func TestExpandUsualValues(t *testing.T) {
	var s tale
	s.tell(1000, "ann", audit.OpInsert, "customer", "c1", texts("state", "whatever"))
	s.tell(1001, "ann", audit.OpInsert, "customer", "c2", texts("state", "in-default"))
	s.tell(2000, "eve", audit.OpUpdate, "customer", "c1", texts("state", "in-default", "note", "see-attachment", "by", "mallory-was-here"))
	s.tell(2100, "bob", audit.OpUpdate, "customer", "c2", texts("state", "whatever"))
	for i := range mostUses + 1 {
		s.tell(audit.Time(3000+i), "bob", audit.OpInsert, "letter", fmt.Sprint(i), texts("state", "in-default", "note", "see-attachment"))
	}
	s.tell(4000, "bob", audit.OpInsert, "letter", "last", texts("note", "see-attachment", "by", "mallory-was-here"))
	x := s.expand(t, ExpandRequest{By: []Tie{TieValues}}, eves)
	if len(x.Proposals) != 1 || x.Proposals[0].Key != `"last"` || !strings.Contains(x.Proposals[0].Reasons[0].Why, "mallory-was-here") {
		t.Errorf("proposed: %d %+v", len(x.Proposals), x.Proposals[:min(3, len(x.Proposals))])
	}
	if len(x.Notes) != 1 || !strings.Contains(x.Notes[0], `"see-attachment" was written 202 times`) {
		t.Errorf("notes: %q", x.Notes)
	}
}

// What is taken in is frozen as all else, with its reasons; taking nothing, or what
// is there, changes nothing.
func TestSelectionTake(t *testing.T) {
	var s tale
	s.tell(1000, "ann", audit.OpInsert, "customer", "c1", texts("mail", "ann@example.org"))
	s.tell(2000, "eve", audit.OpUpdate, "customer", "c1", texts("mail", "drop@evil.example"))
	s.tell(3000, "eve", audit.OpUpdate, "stock", "s1", texts("n", "none"))
	sel, err := Select(Criteria{}, each(s.changes, func(c *audit.Change) bool { return c.Time == 2000 }))
	if err != nil {
		t.Fatal(err)
	}
	x := s.expand(t, ExpandRequest{}, func(c *audit.Change) bool { return c.Time == 2000 })
	wide := sel.Take([]audit.Key{s.changes[1].Key}, x.Proposals)
	all, err := Select(Criteria{}, each(s.changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	if wide.Digest != all.Digest || wide.Events != all.Events || wide.Records != all.Records || wide.First != all.First || wide.Last != all.Last ||
		!maps.Equal(wide.Users, all.Users) || !maps.Equal(wide.Tables, all.Tables) {
		t.Errorf("taken in: %+v\nwant as selected at once: %+v", wide, all)
	}
	if len(wide.Taken) != 1 || wide.Taken[0].Change != s.changes[2].ID || len(wide.Taken[0].Reasons) == 0 || !slices.Equal(wide.Of, []string{sel.Digest}) {
		t.Errorf("why: %+v of %v", wide.Taken, wide.Of)
	}
	var file bytes.Buffer
	if err := wide.Write(&file); err != nil {
		t.Fatal(err)
	}
	read, err := ReadSelection(bytes.NewReader(file.Bytes()))
	if err != nil || read.Digest != wide.Digest || len(read.Taken) != 1 {
		t.Errorf("read again: %+v %v", read, err)
	}
	wide.Taken[0].Change = s.changes[0].ID
	file.Reset()
	_ = wide.Write(&file)
	if _, err := ReadSelection(&file); !errors.Is(err, ErrBadSelection) {
		t.Errorf("taken in and not in the list: %v", err)
	}
	if again := all.Take([]audit.Key{s.changes[1].Key, s.changes[2].Key}, x.Proposals); again.Digest != all.Digest || len(again.Taken) != 0 || again.Records != 2 {
		t.Errorf("taken in again: %+v", again)
	}
}

// Whatever is selected, nothing selected is proposed, each change once, with a
// reason; and what was taken in is proposed no more.
func TestExpandIsDisjoint(t *testing.T) {
	for seed := range uint64(200) {
		d := seeded(seed)
		var s tale
		for i := range 30 {
			user := []string{"ann", "bob", "eve"}[d(3)]
			s.tell(audit.Time(1000+i/2*10), user, []audit.Op{audit.OpInsert, audit.OpUpdate, audit.OpDelete}[d(3)],
				[]string{"a", "b"}[d(2)], fmt.Sprint(d(4)), texts("ref", fmt.Sprint(d(4)), "v", []string{"first value", "second value", "short"}[d(3)]))
			c := &s.changes[i]
			for j := range i { // two changes of one record at one moment are told apart by number
				if o := &s.changes[j]; o.Key == c.Key && o.Time == c.Time && o.Op.Kind() == c.Op.Kind() {
					c.Nth++
				}
			}
			c.ID = c.Identify()
		}
		policy := Policy{References: map[string]string{"shop.a.ref": "shop.b", "shop.b.ref": "shop.b"}}
		keep := func(c *audit.Change) bool { return c.User == "eve" && c.Seq%3 > 0 }
		x := s.expand(t, ExpandRequest{Policy: policy}, keep)
		seen := map[audit.ChangeID]bool{}
		for _, p := range x.Proposals {
			i := slices.IndexFunc(s.changes, func(c audit.Change) bool { return c.ID == p.ID })
			if seen[p.ID] || i < 0 || keep(&s.changes[i]) || len(p.Reasons) == 0 || p.Score == 0 {
				t.Fatalf("seed %d: %+v", seed, p)
			}
			seen[p.ID] = true
		}
		for i := range s.changes {
			if c := &s.changes[i]; c.User == "eve" && !keep(c) && !seen[c.ID] && slices.ContainsFunc(s.changes[:i+1], func(o audit.Change) bool { return keep(&o) && o.Time <= c.Time }) {
				t.Fatalf("seed %d: a change of the same user is not proposed", seed)
			}
		}
	}
}

// A change that does not show what it wrote is counted: it may refer to the selection.
func TestExpandSaysWhatItDidNotSee(t *testing.T) {
	var s tale
	s.tell(1000, "eve", audit.OpInsert, "customer", "c1", texts("mail", "drop@evil.example"))
	s.tell(2000, "bob", audit.OpInsert, "order", "o1", texts("customer", "c1")).After = audit.Image{}
	req := ExpandRequest{Policy: Policy{References: map[string]string{"shop.order.customer": "shop.customer"}}}
	const want = "references, values: changes that do not show what they wrote, and were not looked into: 1"
	if x := s.expand(t, req, eves); !slices.Equal(x.Notes, []string{want}) {
		t.Errorf("notes are %q, want %q", x.Notes, want)
	}
	req.By = []Tie{TieUser}
	if x := s.expand(t, req, eves); len(x.Notes) != 0 {
		t.Errorf("notes are %q of what was not asked for", x.Notes)
	}
}

// What another cluster's user of the same name does, and what refers to its record by
// the same key, is nothing to a selection that has none of that cluster.
func TestExpandStaysInItsCluster(t *testing.T) {
	var s tale
	for _, cluster := range []string{"east", "west"} {
		s.state = nil
		from := len(s.changes)
		s.tell(1000, "eve", audit.OpInsert, "customers", "c-9", map[string]audit.Value{"email": audit.Text("fake@evil.example")})
		s.tell(2000, "eve", audit.OpInsert, "customers", "c-8", map[string]audit.Value{"email": audit.Text("other@evil.example")})
		s.tell(3000, "bob", audit.OpInsert, "orders", "1", map[string]audit.Value{"customer": audit.Text("c-9"), "to": audit.Text("fake@evil.example")})
		for i := range s.changes[from:] {
			c := &s.changes[from+i]
			c.Cluster = cluster
			c.ID = c.Identify()
		}
	}
	req := ExpandRequest{Policy: Policy{References: map[string]string{"shop.orders.customer": "shop.customers"}}}
	x := s.expand(t, req, func(c *audit.Change) bool { return c.Cluster == "west" && c.Time == 1000 })
	for i := range x.Proposals {
		if p := &x.Proposals[i]; p.Seq <= 3 {
			t.Errorf("of another cluster: %+v", p)
		}
	}
	if len(x.Proposals) != 2 || !slices.Contains(x.Notes, "changes of clusters that the selection has none of, and which were not looked at: 3") {
		t.Errorf("%d proposals, and %q", len(x.Proposals), x.Notes)
	}
}
