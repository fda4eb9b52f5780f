package store

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// TestAmended: what a further reading of a change makes of it, and what is kept
// of the reading that does not stand.
func TestAmended(t *testing.T) {
	ctx := context.Background()
	dated := func(lossy bool) audit.Value {
		fields := map[string]audit.Value{"n": audit.Int(1), "at": audit.DateOf(1234), "nan": audit.Float(nan), "in": audit.Array(audit.DateOf(nan), audit.Int(2))}
		if lossy {
			fields["at"], fields["nan"], fields["in"] = audit.Text("1970-01-01T00:00:01.234Z"), audit.Null(), audit.Array(audit.Null(), audit.Int(2))
		}
		return audit.Object(fields)
	}
	first := made("1", 10, audit.OpPatch, object(1))
	first.After.Trust = audit.Provisional
	first.Note = "first"
	of := func(c audit.Change, edits ...func(*audit.Change)) audit.Change {
		for _, edit := range edits {
			edit(&c)
		}
		return c
	}
	trust := func(t audit.Trust) func(*audit.Change) { return func(c *audit.Change) { c.After.Trust = t } }
	body := func(v audit.Value) func(*audit.Change) { return func(c *audit.Change) { c.After.Body = v } }
	user := func(u string) func(*audit.Change) { return func(c *audit.Change) { c.User = u } }
	op := func(o audit.Op) func(*audit.Change) { return func(c *audit.Change) { c.Op = o } }
	sent := func(v audit.Value) func(*audit.Change) { return func(c *audit.Change) { c.Sent = v } }
	note := func(n string) func(*audit.Change) { return func(c *audit.Change) { c.Note = n } }
	lossy := func(c *audit.Change) { c.Lossy = true }
	unknown := func(c *audit.Change) { c.After = audit.Image{} }
	elsewhere := func(c *audit.Change) { c.Node, c.Observed = "n2", 77 }

	for name, x := range map[string]struct {
		first, again, want audit.Change
		amended            bool
		kept               []audit.Change // divergences
	}{
		"less trust": {of(first, trust(audit.Prompt)), of(first, body(object(2))), of(first, trust(audit.Prompt)), false, []audit.Change{of(first, body(object(2)))}},
		"as much":    {first, of(first, note("x")), first, false, nil},
		"more trust": {first, of(first, trust(audit.Prompt), note("")), of(first, trust(audit.Prompt), note("")), true, nil},
		"more trust in another image": {first, of(first, trust(audit.Exact), body(object(2))), of(first, trust(audit.Exact), body(object(2))), true,
			[]audit.Change{first}},
		"an image at last":       {of(first, unknown), first, first, true, nil},
		"an image of the user's": {of(first, unknown, user("")), first, first, true, []audit.Change{of(first, unknown, user(""))}},
		"an image of another's": {of(first, unknown, user("eve")), first, of(first, user("eve")), true,
			[]audit.Change{first}},
		"an unknown image is not trusted": {first, of(first, unknown, trust(audit.Exact)), first, false, []audit.Change{of(first, unknown, trust(audit.Exact))}},
		"a node that knows less":          {of(first, op(audit.OpUpdate)), of(first, op(audit.OpUpsert), elsewhere), of(first, op(audit.OpUpdate)), false, nil},
		"the node of origin":              {of(first, op(audit.OpUpsert)), of(first, op(audit.OpUpdate), elsewhere), of(first, op(audit.OpUpdate)), true, nil},
		"the same node says more":         {of(first, op(audit.OpUpsert)), of(first, op(audit.OpInsert)), of(first, op(audit.OpUpsert)), false, []audit.Change{of(first, op(audit.OpInsert))}},
		"a better reading that names it less": {of(first, op(audit.OpUpdate)), of(first, trust(audit.Exact)), of(first, op(audit.OpUpdate), trust(audit.Exact)), true,
			[]audit.Change{of(first, trust(audit.Exact))}},
		"another user elsewhere": {first, of(first, user("eve"), elsewhere), first, false, []audit.Change{of(first, user("eve"), elsewhere)}},
		"what was sent":          {first, of(first, sent(object(3))), of(first, sent(object(3))), true, nil},
		"what was sent, again":   {of(first, sent(object(3))), of(first, sent(object(4))), of(first, sent(object(3))), false, nil},
		"types":                  {of(first, lossy, body(dated(true))), of(first, body(dated(false))), of(first, body(dated(false))), true, nil},
		"types are kept": {of(first, body(dated(false))), of(first, lossy, body(dated(true)), trust(audit.Exact)),
			of(first, body(dated(false)), trust(audit.Exact)), true, nil},
		"JSON says the same": {of(first, body(dated(false))), of(first, lossy, body(dated(true))), of(first, body(dated(false))), false, nil},
		"JSON says otherwise": {of(first, body(dated(false))), of(first, lossy, body(object(1))), of(first, body(dated(false))), false,
			[]audit.Change{of(first, body(object(1)))}},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			appendAll(t, db, x.first)
			for i := range 3 {
				out := appendAll(t, db, x.again)
				want := audit.Appended{Known: 1, Newest: 10}
				if i == 0 {
					want.Divergences = len(x.kept)
					if x.amended {
						want.Amended = 1
					}
				}
				if out != want {
					t.Errorf("time %d: %+v, want %+v", i, out, want)
				}
				if out := appendAll(t, db, x.first); out != (audit.Appended{Known: 1, Newest: 10}) {
					t.Errorf("the first reading again: %+v", out)
				}
			}
			x.want.Seq = 1
			if diff := cmp.Diff(x.want, mustGet(t, db, 1)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			d, err := db.Divergences(ctx, 1)
			if err != nil || len(d) != len(x.kept) {
				t.Fatalf("%d divergences, want %d; %v", len(d), len(x.kept), err)
			}
			for i, k := range x.kept {
				want := audit.Divergence{Seq: 1, Node: k.Node, Observed: k.Observed, Op: k.Op, User: k.User, After: k.After}
				if diff := cmp.Diff(want, d[i]); diff != "" {
					t.Errorf("divergence (-want +got):\n%s", diff)
				}
			}
			mustBeWhole(t, db)
		})
	}
}

// TestAmendedPredecessor: the image before a change is that which is now known
// of the change before it, an insert proves absence once it is known to be one,
// and who has to look again is told.
func TestAmendedPredecessor(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	patch, next := made("1", 10, audit.OpPatch, object(1)), made("1", 20, audit.OpUpsert, object(2))
	patch.After.Trust = audit.Provisional
	patch.User = ""
	appendAll(t, db, patch, next)
	exact := patch
	exact.After = audit.PresentImage(object(7), audit.Logged, audit.Exact)
	exact.User = "eve"
	insert := exact
	insert.Op, insert.Node = audit.OpInsert, "n2"
	upsert := next
	upsert.Sent = object(2)
	for _, c := range []audit.Change{exact, upsert, insert} {
		if out := appendAll(t, db, c); out.Amended != 1 {
			t.Fatalf("%+v", out)
		}
	}
	for range 2 { // and after opening again
		if c := mustGet(t, db, 2); !c.Before.Body.Equal(object(7)) || c.Before.Trust != audit.Exact {
			t.Errorf("before the next: %+v", c.Before)
		}
		if c := mustGet(t, db, 1); c.Before.State != audit.Absent || c.User != "eve" || c.Node != "n1" || c.ID != patch.ID {
			t.Errorf("amended: %+v", c)
		}
		users, err := db.Users(ctx)
		if diff := cmp.Diff(map[string]int{"ann": 1, "eve": 1}, users); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		want := []Amended{{2, 2}, {3, 1}}
		if diff := cmp.Diff(want, collect(t, db.AmendedSince(ctx, 0))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[1:], collect(t, db.AmendedSince(ctx, 2))); diff != "" {
			t.Error(diff)
		}
		seen, err := db.Observations(ctx, 1)
		if diff := cmp.Diff([]audit.Observation{{Seq: 1, Node: "n2", Op: audit.OpInsert, Observed: insert.Observed}}, seen); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		mustBeWhole(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openAt(t, dir)
	}
	rewrite(t, db, amendmentKey(1), func(v []byte) []byte { v[len(v)-1] ^= 1; return v })
	for _, seq := range []audit.Seq{1, 2} {
		if c, err := db.Get(ctx, seq); !errors.Is(err, ErrCorrupt) {
			t.Errorf("with a damaged amendment: %+v, %v", c, err)
		}
	}
}

// TestObservations keeps one for each further node, whatever is read of it.
func TestObservations(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	c := made("1", 10, audit.OpInsert, object(1))
	o := audit.Observation{Seq: 1, Node: "n3", Op: audit.OpUpsert, Observed: 3}
	noZero(t, o)
	appendAll(t, db, c)
	for i, node := range []string{"n3", "n1", "n3", "", "n2"} {
		again := c
		again.Node, again.Op, again.Observed = node, audit.OpUpsert, audit.Time(3+i)
		if node == "n1" {
			again.Op = c.Op
		}
		if out := appendAll(t, db, again); out != (audit.Appended{Known: 1, Newest: 10}) {
			t.Errorf("from %q: %+v", node, out)
		}
	}
	got, err := db.Observations(ctx, 1)
	if diff := cmp.Diff([]audit.Observation{{Seq: 1, Node: "n2", Op: audit.OpUpsert, Observed: 7}, o}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := db.Observations(ctx, 2); len(got) != 0 || err != nil {
		t.Errorf("of no change: %v, %v", got, err)
	}
}
