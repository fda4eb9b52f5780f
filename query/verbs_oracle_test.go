package query_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// lives are the changes of a history by record, in the order of time, messages left
// out: what every oracle of the verbs goes through, change by change.
func lives(changes []audit.Change) map[audit.Key][]audit.Change {
	out := map[audit.Key][]audit.Change{}
	for _, c := range changes {
		if c.Op.Kind() != audit.KindMessage {
			out[c.Key] = append(out[c.Key], c)
		}
	}
	for _, l := range out {
		slices.SortStableFunc(l, func(a, b audit.Change) int {
			return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
		})
	}
	return out
}

// leavesOf are what stands in a record, by path.
func leavesOf(path string, v audit.Value, out map[string]audit.Value) map[string]audit.Value {
	if v.Kind() != audit.KindObject || v.Len() == 0 && path != "" {
		if v != nil {
			out[path] = v
		}
		return out
	}
	for name, inner := range v.Fields() {
		leavesOf(audit.JoinPath(path, name), inner, out)
	}
	return out
}

// crowdedWorld is a history of a seed of few records, each of which many changes are
// of, some of them late, amended and with sums that are void.
func crowdedWorld(seed uint64, size int) world {
	g := querytest.NewCorpus(seed)
	g.Records = 1
	store := &querytest.Memory{ChunkSize: 100}
	store.Add(g.Changes(size)...)
	for i := range size / 20 {
		if c := store.Changes()[i*19]; c.Op.Kind() == audit.KindWrite {
			store.Amend(i*19, g.Change(i).After)
		}
	}
	return world{store, &query.Engine{Store: store, Names: querytest.Names(store.Changes())}}
}

// A told is where a leaf's value comes from, as an oracle has it.
type told struct {
	origin query.Origin
	seq    audit.Seq
}

// naiveBlame replays a record: of each leaf of the last image it goes back to the
// change since which all images have held it so.
func naiveBlame(l []audit.Change) map[string]told {
	out := map[string]told{}
	last := l[len(l)-1]
	for path := range leavesOf("", last.After.Body, map[string]audit.Value{}) {
		for i := len(l) - 1; ; i-- {
			c := &l[i]
			if c.Before.State == audit.Unknown {
				out[path] = told{query.OriginSeen, c.Seq}
				break
			}
			if !c.Before.Body.At(path).Equal(c.After.Body.At(path)) || c.Before.State == audit.Absent {
				out[path] = told{query.OriginSet, c.Seq}
				break
			}
			if i == 0 {
				out[path] = told{query.OriginBefore, c.Seq}
				break
			}
		}
	}
	return out
}

// TestBlameIsReplay compares who gave each attribute its value with a replay of the
// record backwards.
func TestBlameIsReplay(t *testing.T) {
	for seed := range uint64(8) {
		w := crowdedWorld(seed, 200+int(seed)*60)
		some := map[query.Origin]int{}
		for key, l := range lives(w.store.Changes()) {
			b, err := w.engine.Blame(t.Context(), key, query.BlameOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Summary.Changes; got != len(l) {
				t.Fatalf("%s: %d changes, want %d", key, got, len(l))
			}
			want := naiveBlame(l)
			got := map[string]told{}
			for _, a := range b.Attributes {
				if a.Removed {
					if l[len(l)-1].After.Body.At(a.Path) != nil {
						t.Fatalf("%s%s is there", key, a.Path)
					}
					continue
				}
				if v := l[len(l)-1].After.Body.At(a.Path); !v.Equal(a.Value) {
					t.Fatalf("%s%s: %s, want %s", key, a.Path, a.Value.JSON(), v.JSON())
				}
				got[a.Path] = told{a.Origin, a.Change.Seq}
				some[a.Origin]++
			}
			if !maps.Equal(got, want) {
				t.Fatalf("seed %d: %s: %v, want %v", seed, key, got, want)
			}
			if state := l[len(l)-1].After.State; b.Records[0].State != state {
				t.Fatalf("%s is %s, want %s", key, b.Records[0].State, state)
			}
		}
		if some[query.OriginSet] == 0 || some[query.OriginSeen] == 0 {
			t.Errorf("seed %d: the origins are %v", seed, some)
		}
	}
}

// naiveState is how a record was once all changes up to a time had happened, by
// going through them; where there is none, what the first one found, if the log was
// read whole between.
func naiveState(l []audit.Change, at audit.Time, whole func(from, to audit.Time) bool) audit.Image {
	var image audit.Image
	found := false
	for _, c := range l {
		if c.Time <= at {
			image, found = c.After, true
		}
	}
	if image.State != audit.Unknown {
		return image
	}
	for _, c := range l {
		if c.Time <= at {
			continue
		}
		if whole(at, c.Time) && c.Before.State != audit.Unknown {
			return c.Before
		}
		break
	}
	_ = found
	return audit.Image{}
}

// spanned gives a world an account of what was read, with a hole in it.
func (w world) spanned(r *rapid.T) func(table audit.Table, from, to audit.Time) bool {
	const hour = 3_600_000
	begin := audit.Time(querytest.Start) + audit.Time(rapid.IntRange(-20, 10).Draw(r, "begin"))*hour
	hole := begin + audit.Time(rapid.IntRange(0, 40).Draw(r, "hole"))*hour
	end := hole + audit.Time(rapid.IntRange(0, 6).Draw(r, "length"))*hour
	w.store.Spanned = nil
	for table := range tablesOf(w.store.Changes()) {
		w.store.Spanned = append(w.store.Spanned, audit.Span{Node: "n1", Table: table, From: begin, To: hole}, audit.Span{Node: "n1", Table: table, From: end, To: begin + 1000*hour})
	}
	return func(_ audit.Table, from, to audit.Time) bool {
		return from >= begin && to <= begin+1000*hour && (to <= hole || from >= end || hole == end)
	}
}

func tablesOf(changes []audit.Change) map[audit.Table]bool {
	out := map[audit.Table]bool{}
	for _, c := range changes {
		out[c.Key.Table] = true
	}
	return out
}

func sameState(a, b audit.Image) bool { return a.State == b.State && a.Body.Equal(b.Body) }

// TestAsOfIsReplay compares a record, and a table as a stream, at random times with
// a replay.
func TestAsOfIsReplay(t *testing.T) {
	w := crowdedWorld(6, 400)
	all := lives(w.store.Changes())
	keys := slices.SortedFunc(maps.Keys(all), func(a, b audit.Key) int { return cmp.Compare(a.String(), b.String()) })
	seen := map[audit.State]int{}
	rapid.Check(t, func(r *rapid.T) {
		whole := w.spanned(r)
		at := w.store.Changes()[rapid.IntRange(0, 399).Draw(r, "at")].Time - audit.Time(rapid.IntRange(0, 1).Draw(r, "less"))
		key := rapid.SampledFrom(keys).Draw(r, "key")
		in := func(k audit.Key) func(from, to audit.Time) bool {
			return func(from, to audit.Time) bool { return whole(k.Table, from, to) }
		}
		a, err := w.engine.AsOf(context.Background(), key, at)
		if err != nil {
			r.Fatal(err)
		}
		want := naiveState(all[key], at, in(key))
		if got := a.Records[0]; len(a.Records) != 1 || got.State != want.State || !got.Body.Equal(want.Body) {
			r.Fatalf("%s as of %s: %s %s (%s), want %s %s", key, at, got.State, got.Body.JSON(), got.Why, want.State, want.Body.JSON())
		}
		seen[want.State]++
		w.checkTable(r, key.Table, at, all, in)
	})
	if len(seen) != 3 {
		t.Errorf("of the states there were %v", seen)
	}
}

func (w world) checkTable(r *rapid.T, table audit.Table, at audit.Time, all map[audit.Key][]audit.Change, in func(audit.Key) func(from, to audit.Time) bool) {
	got := map[audit.Key]audit.Image{}
	sum, err := w.engine.AsOfTable(context.Background(), table, at, func(o *query.RecordAsOf) error {
		if _, twice := got[o.Record()]; twice {
			return fmt.Errorf("%s comes twice", o.Record())
		}
		got[o.Record()] = audit.Image{State: o.State, Body: o.Body}
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	absent := 0
	for key, l := range all {
		if key.Table != table {
			continue
		}
		want := naiveState(l, at, in(key))
		if want.State == audit.Absent {
			absent++
		}
		if image, ok := got[key]; ok == (want.State == audit.Absent) || ok && !sameState(image, want) {
			r.Fatalf("%s as of %s: %v %s, want %s", key, at, ok, image.State, want.State)
		}
		delete(got, key)
	}
	if len(got) > 0 || sum.Summary.Absent != absent {
		r.Fatalf("%d records that are none, %d absent, want %d", len(got), sum.Summary.Absent, absent)
	}
}

// TestDiffIsReplay compares what became of the records of a table with a replay to
// both times.
func TestDiffIsReplay(t *testing.T) {
	w := crowdedWorld(6, 400)
	all := lives(w.store.Changes())
	classes := map[query.DiffClass]int{}
	rapid.Check(t, func(r *rapid.T) {
		whole := w.spanned(r)
		from := rapid.SampledFrom(w.store.Changes()).Draw(r, "from").Time
		to := from + audit.Time(rapid.IntRange(1, 1<<26).Draw(r, "length"))
		if rapid.Bool().Draw(r, "far") { // the lengths drawn are mostly short, and little becomes of a record meanwhile
			to = max(to, rapid.SampledFrom(w.store.Changes()).Draw(r, "to").Time)
		}
		table := audit.Table{Database: "shop", Name: "orders"}
		got := map[audit.Key]query.DiffClass{}
		d, err := w.engine.DiffTable(context.Background(), table, from, to, func(o *query.RecordDiff) error {
			got[o.Record()] = o.Class
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
		same := 0
		for key, l := range all {
			if key.Table != table || !slices.ContainsFunc(l, func(c audit.Change) bool { return from < c.Time && c.Time <= to }) {
				continue
			}
			in := func(a, b audit.Time) bool { return whole(table, a, b) }
			want := naiveClass(naiveState(l, from, in), naiveState(l, to, in))
			if classes[want]++; want == query.DiffSame {
				same++
				want = ""
			}
			if got[key] != want {
				r.Fatalf("%s from %s to %s: %q, want %q", key, from, to, got[key], want)
			}
			delete(got, key)
		}
		if len(got) > 0 || d.Summary.Same != same {
			r.Fatalf("%v besides, %d the same, want %d", got, d.Summary.Same, same)
		}
	})
	if len(classes) < 4 {
		t.Errorf("of the classes there were %v", classes)
	}
}

func naiveClass(old, next audit.Image) query.DiffClass {
	switch {
	case old.State == audit.Unknown || next.State == audit.Unknown:
		return query.DiffUnknown
	case old.State != next.State && next.State == audit.Present:
		return query.DiffAdded
	case old.State != next.State:
		return query.DiffRemoved
	case old.Body.Equal(next.Body):
		return query.DiffSame
	}
	return query.DiffChanged
}
