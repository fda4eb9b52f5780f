package query_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// A naive blast goes back from the last image of each record to the change that
// gave each touched attribute its value.
type naiveBlast struct {
	life     []audit.Change
	suspects map[audit.Seq]bool
	own      map[audit.ChangeID]string
	taken    map[audit.ChangeID]string
}

// last is the change that an attribute, or the record's being there, comes from, and
// whether it surely does.
func (n *naiveBlast) last(path string) (*audit.Change, bool) {
	for i := len(n.life) - 1; i >= 0; i-- {
		c := &n.life[i]
		switch {
		case c.Before.State == audit.Unknown:
			return c, c.After.State == audit.Absent
		case c.Before.State != c.After.State:
			return c, true
		case path != "" && !c.Before.Body.At(path).Equal(c.After.Body.At(path)):
			return c, true
		}
	}
	return &n.life[0], false
}

// class is how the record stands, by the words of the documentation; ok is false
// where objects changed as a whole, in which it is another question who wrote what.
func (n *naiveBlast) class() (worst query.BlastClass, ok bool) {
	now := n.life[len(n.life)-1].After
	type was struct {
		known bool
		value audit.Value
		there audit.State
	}
	touched := map[string]was{}
	reverted := true
	for _, c := range n.life {
		if !n.suspects[c.Seq] {
			continue
		}
		if n.taken[c.ID] == "" {
			reverted = false
		}
		unknown := c.Before.State == audit.Unknown || c.After.State == audit.Unknown
		if _, before := touched[""]; !before && (unknown || c.Before.State != c.After.State) {
			touched[""] = was{c.Before.State != audit.Unknown, nil, c.Before.State}
		}
		if c.After.State == audit.Unknown {
			continue // nothing says what it wrote
		}
		for _, e := range audit.DiffOf(c.Before.Body, c.After.Body) {
			if e.Old.Kind() == audit.KindObject || e.New.Kind() == audit.KindObject {
				return "", false
			}
			if _, before := touched[e.Path]; !before {
				touched[e.Path] = was{c.Before.State != audit.Unknown, e.Old, 0}
			}
		}
	}
	var classes []query.BlastClass
	for path, was := range touched {
		if now.Body.At(path).Kind() == audit.KindObject && path != "" {
			return "", false
		}
		by, sure := n.last(path)
		suspect, own := n.suspects[by.Seq], n.own[by.ID] != ""
		back := was.known && now.Body.At(path).Equal(was.value)
		if path == "" {
			back = was.known && now.State == was.there
		}
		class := query.BlastOverwritten
		switch {
		case now.State == audit.Unknown:
			class = query.BlastUnknown
		case now.State == audit.Absent && path != "" && sure && !own && !suspect:
			class = query.BlastDeleted
		case back, sure && own, sure && suspect && reverted:
			class = query.BlastReverted
		case !sure:
			class = query.BlastUnknown
		case suspect:
			class = query.BlastStillBad
		case now.State == audit.Absent:
			class = query.BlastDeleted
		case isNumeric(now.Body.At(path)):
			return "", false // a number may have been counted on: TestBlastClasses
		}
		classes = append(classes, class)
	}
	for _, c := range query.BlastClasses() {
		if slices.Contains(classes, c) {
			return c, true
		}
	}
	return query.BlastReverted, true
}

func isNumeric(v audit.Value) bool {
	return v.Kind() == audit.KindInt || v.Kind() == audit.KindFloat
}

// TestBlastIsReplay compares the class of each touched record, and the numbers of
// all, with what going back through the images says, where some changes are our own
// writes and some are taken back by the ledger.
func TestBlastIsReplay(t *testing.T) {
	w := crowdedWorld(9, 600)
	all := lives(w.store.Changes())
	some := map[query.BlastClass]int{}
	rapid.Check(t, func(r *rapid.T) {
		ledger := &audit.Ledger{Applies: []audit.Apply{{Plan: "p1", Number: 1}}, Entries: map[audit.ChangeID][]audit.Entry{}, Own: map[audit.ChangeID]string{}}
		w.store.Undone = ledger
		for range rapid.IntRange(0, 200).Draw(r, "own") {
			ledger.Own[w.store.Changes()[rapid.IntRange(0, 599).Draw(r, "n")].ID] = "p1"
		}
		e, found := w.asked(r)
		for _, c := range found {
			if rapid.Bool().Draw(r, "undone") {
				ledger.Entries[c.ID] = []audit.Entry{{Plan: "p1"}}
			}
		}
		got, err := w.engine.Blast(context.Background(), e)
		if err != nil {
			r.Fatal(err)
		}
		suspects, keys, changes := map[audit.Seq]bool{}, map[audit.Key]bool{}, 0
		for _, c := range found {
			if c.Op.Kind() != audit.KindMessage {
				suspects[c.Seq], keys[c.Key] = true, true
				changes++
			}
		}
		if len(got.Records) != len(keys) || got.Summary.Records != len(keys) || got.Summary.Changes != changes || got.Summary.Messages != len(found)-changes {
			r.Fatalf("%s: %+v, want %d records, %d changes", e, got.Summary, len(keys), changes)
		}
		counts := query.BlastCounts{}
		for i := range got.Records {
			b := &got.Records[i]
			n := naiveBlast{all[b.Record()], suspects, ledger.Own, ledger.Reverted()}
			if want, ok := n.class(); ok {
				if b.Class != want {
					for _, c := range n.life {
						r.Logf("%d %s %s suspect %v own %v taken %v: %s %.60s", c.Seq, c.User, c.Op, suspects[c.Seq], ledger.Own[c.ID], n.taken[c.ID], c.After.State, c.After.Body.JSON())
					}
					for _, v := range b.Values {
						r.Logf("%s %s: %.60s, now %.60s by %d", v.Path, v.Class, v.Before.JSON(), v.Now.JSON(), v.Change.Seq)
					}
					r.Fatalf("%s: %s is %s, want %s", e, b.Record(), b.Class, want)
				}
				some[want]++
			}
			switch b.Class {
			case query.BlastStillBad:
				counts.StillBad++
			case query.BlastUnknown:
				counts.Unknown++
			case query.BlastDeleted:
				counts.Deleted++
			case query.BlastOverwritten:
				counts.Overwritten++
			case query.BlastReverted:
				counts.Reverted++
			}
			checkWriters(r, b, n)
		}
		if counts != got.Summary.BlastCounts {
			r.Fatalf("%s: %+v, want %+v", e, got.Summary.BlastCounts, counts)
		}
	})
	if some[query.BlastStillBad] == 0 || some[query.BlastOverwritten] == 0 || some[query.BlastUnknown] == 0 {
		t.Errorf("the classes are %v", some)
	}
}

// A record is judged by what eve, the attacker, has touched.
func TestBlastClasses(t *testing.T) {
	for _, tt := range []struct {
		name string
		life []string // USER OP [JSON]
		want query.BlastClass
	}{
		{"a value stands", []string{`ann insert {"a":1}`, `eve update {"a":2}`}, query.BlastStillBad},
		{"another attribute is written", []string{`ann insert {"a":1}`, `eve update {"a":2}`, `ann update {"a":2,"b":1}`}, query.BlastStillBad},
		{"a member of an object stands", []string{`ann insert {"o":{"x":1,"y":1}}`, `eve update {"o":{"x":2,"y":1}}`, `ann update {"o":{"x":2,"y":2}}`}, query.BlastStillBad},
		{"a record made stands", []string{`eve insert {"a":1}`}, query.BlastStillBad},
		{"a delete stands", []string{`ann insert {"a":1}`, `eve delete`}, query.BlastStillBad},
		{"written over", []string{`ann insert {"a":"1"}`, `eve update {"a":"2"}`, `bob update {"a":"3"}`}, query.BlastOverwritten},
		{"written over, and then the same by another", []string{`ann insert {"a":"1"}`, `eve update {"a":"2"}`, `bob update {"a":"3"}`, `ann update {"a":"2"}`}, query.BlastOverwritten},
		{"a number set anew", []string{`ann insert {"a":10}`, `eve update {"a":9000}`, `bob update {"a":12}`}, query.BlastOverwritten},
		{"a number counted on", []string{`ann insert {"a":10}`, `eve update {"a":9000}`, `bob update {"a":9002}`}, query.BlastUnknown},
		{"made anew otherwise", []string{`ann insert {"a":1}`, `eve delete`, `bob insert {"a":"3"}`}, query.BlastOverwritten},
		{"deleted by others", []string{`ann insert {"a":1}`, `eve update {"a":2}`, `bob delete`}, query.BlastDeleted},
		{"what was added is deleted with the record", []string{`ann insert {"a":1}`, `eve update {"a":1,"b":2}`, `bob delete`}, query.BlastDeleted},
		{"as it was, by others", []string{`ann insert {"a":1}`, `eve update {"a":2}`, `bob update {"a":1}`}, query.BlastReverted},
		{"as it was, by the attacker", []string{`ann insert {"a":1}`, `eve update {"a":2}`, `eve update {"a":1}`}, query.BlastReverted},
		{"made and deleted by the attacker", []string{`eve insert {"a":1}`, `eve delete`}, query.BlastReverted},
		{"nothing was touched", []string{`ann insert {"a":1}`, `eve update {"a":1}`}, query.BlastReverted},
		{"what was before is not known", []string{`eve update {"a":1}`}, query.BlastUnknown},
		{"what came after is not known", []string{`ann insert {"a":1}`, `eve update {"a":2}`, `ann invalidate`}, query.BlastUnknown},
	} {
		store := &querytest.Memory{}
		for i, text := range tt.life {
			part := strings.SplitN(text, " ", 3)
			c := audit.Change{Time: audit.Time(i), User: part[0], Op: audit.Op(part[1]), Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: "1"}}
			switch {
			case len(part) == 3:
				body, err := audit.FromJSON([]byte(part[2]))
				if err != nil {
					t.Fatal(err)
				}
				c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
			case c.Op == audit.OpDelete:
				c.After = audit.AbsentImage(audit.Logged, audit.Exact)
			}
			c.ID = c.Identify()
			store.Add(c)
			if last := &store.Changes()[i]; c.Op == audit.OpInsert && last.Before.State == audit.Unknown {
				last.Before = audit.AbsentImage(audit.Logged, audit.Exact)
			}
		}
		b, err := (&query.Engine{Store: store}).Blast(t.Context(), parse(t, "user:eve"))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Records[0].Class; got != tt.want || b.Summary.Of(tt.want) != 1 {
			t.Errorf("%s: %s, want %s: %+v", tt.name, got, tt.want, b.Records[0].Values)
		}
	}
}

// checkWriters compares who else wrote the record since.
func checkWriters(r *rapid.T, b *query.BlastRecord, n naiveBlast) {
	want, begun := map[string]int{}, false
	for _, c := range n.life {
		begun = begun || n.suspects[c.Seq]
		if begun && !n.suspects[c.Seq] && n.own[c.ID] == "" {
			want[c.User]++
		}
	}
	for _, w := range b.Writers {
		name := ""
		if w.User != nil {
			name = *w.User
		}
		if want[name] != w.Changes {
			r.Fatalf("%s: %q wrote %d since, want %d", b.Record(), name, w.Changes, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		r.Fatalf("%s: %v wrote since, too", b.Record(), want)
	}
}
