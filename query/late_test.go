package query_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// A truth is a record's life as it was, of which the log shows less.
type truth struct {
	changes []audit.Change
	writers map[string]int // by attribute: the place of the change that gave it its value
	body    map[string]audit.Value
	n       int
}

var lateNames = []string{"a", "b", "c", "d"}

// value is one that no other write has.
func (w *truth) value(r *rapid.T) audit.Value {
	w.n++
	if rapid.Bool().Draw(r, "number") {
		return audit.Int(int64(w.n))
	}
	return audit.Text(fmt.Sprintf("v%d", w.n))
}

// next makes one change: a write of the whole record, of some attributes, or a
// delete.
func (w *truth) next(r *rapid.T) {
	i := len(w.changes)
	c := audit.Change{
		Time: audit.Time(querytest.Start + float64(i)*1000), User: fmt.Sprintf("u%d", rapid.IntRange(0, 2).Draw(r, "user")), Node: "n1",
		Key: audit.Key{Table: audit.Table{Database: "shop", Name: "orders"}, ID: "1"}, Op: audit.OpPatch,
	}
	switch rapid.IntRange(0, 9).Draw(r, "op") {
	case 0:
		c.Op = audit.OpDelete
	case 1, 2, 3:
		c.Op = audit.OpUpdate
	}
	if i == 0 {
		c.Op = audit.OpUpsert
	}
	if c.Op == audit.OpDelete {
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
		w.body, w.writers = map[string]audit.Value{}, map[string]int{}
	} else {
		for _, name := range lateNames {
			if i == 0 || rapid.IntRange(0, 2).Draw(r, "write") == 0 {
				w.body[name], w.writers[name] = w.value(r), i
			}
		}
		c.After = audit.PresentImage(audit.Object(w.body), audit.Logged, audit.Exact)
	}
	c.ID = c.Identify()
	w.changes = append(w.changes, c)
}

// blurred is the life as a log shows it that was read late: patches have images of
// other moments.
func (w *truth) blurred(r *rapid.T) []audit.Change {
	out := slices.Clone(w.changes)
	prompt := make([]bool, len(out))
	for i := range out {
		if prompt[i] = rapid.IntRange(0, 2).Draw(r, "prompt") == 0; out[i].Op == audit.OpPatch && prompt[i] {
			out[i].After.Trust = audit.Prompt
		}
	}
	for i := range out {
		if out[i].Op != audit.OpPatch || prompt[i] {
			continue
		}
		put := -1 // what came after a patch that was read in time cannot be seen in one before
		for j := i + 1; j < len(out) && out[j].Op != audit.OpDelete && (out[j].Op != audit.OpPatch || !prompt[j]); j++ {
			if out[j].Op != audit.OpPatch {
				put = j
				break
			}
		}
		body := out[i].After.Body
		if put == i+1 { // it shows through whole
			out[i].After = audit.PresentImage(w.changes[put].After.Body, audit.Logged, audit.Provisional)
			continue
		}
		for _, name := range lateNames {
			switch rapid.IntRange(0, 3).Draw(r, "shows") {
			case 0, 1:
				if put >= 0 && w.changes[put].After.Body.Get(name) != nil {
					body = body.With(name, w.changes[put].After.Body.Get(name))
				}
			case 2:
				if rapid.IntRange(0, 4).Draw(r, "null") == 0 {
					body = body.With(name, audit.Null())
				}
			}
		}
		out[i].After = audit.PresentImage(body, audit.Logged, audit.Provisional)
	}
	return out
}

// TestLateImagesBlameNobodyWrongly holds the blame for each attribute against who
// wrote it in truth, where the log shows patches as they were not: whom it names has
// written it, or is one of several of which one has.
func TestLateImagesBlameNobodyWrongly(t *testing.T) {
	some := map[query.Origin]int{}
	rapid.Check(t, func(r *rapid.T) {
		w := &truth{body: map[string]audit.Value{}, writers: map[string]int{}}
		for range rapid.IntRange(2, 12).Draw(r, "changes") {
			w.next(r)
		}
		// The last image is beyond doubt, as that of a record that was read in time.
		for len(w.changes) > 0 && w.changes[len(w.changes)-1].Op == audit.OpDelete {
			w.next(r)
		}
		store := &querytest.Memory{}
		logged := w.blurred(r)
		logged[len(logged)-1].After = w.changes[len(logged)-1].After
		store.Add(logged...)
		b, err := (&query.Engine{Store: store}).Blame(t.Context(), logged[0].Key, query.BlameOptions{})
		if err != nil {
			r.Fatal(err)
		}
		for _, a := range b.Attributes {
			if a.Removed {
				continue
			}
			some[a.Origin]++
			want := audit.Seq(w.writers[a.Path[1:]] + 1)
			ok := a.Origin == query.OriginSet && a.Change.Seq == want ||
				a.Origin == query.OriginAmong && slices.ContainsFunc(a.Among, func(c query.Ref) bool { return c.Seq == want }) ||
				a.Origin == query.OriginBefore || a.Origin == query.OriginSeen && a.Change.Seq >= want
			if !ok {
				for i := range logged {
					r.Logf("%d %s %s: %s in truth %s", i+1, logged[i].Op, logged[i].After.Trust, logged[i].After.Body.JSON(), w.changes[i].After.Body.JSON())
				}
				r.Fatalf("%s: %s %d among %v, want %d", a.Path, a.Origin, a.Change.Seq, a.Among, want)
			}
		}
	})
	if some[query.OriginSet] == 0 || some[query.OriginAmong] == 0 {
		t.Errorf("the origins are %v", some)
	}
}
