package query_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// asked is a random query of a crowded world, and what it finds.
func (w world) asked(r *rapid.T) (query.Expr, []audit.Change) {
	g := querytest.NewCorpus(rapid.Uint64().Draw(r, "seed"))
	g.Records = 1
	text := g.Query(rapid.IntRange(0, 2).Draw(r, "depth"))
	if rapid.Bool().Draw(r, "user") {
		text = rapid.SampledFrom([]string{"user:eve", "user:svc-*", "op:delete", "attr:status", "*"}).Draw(r, "simple")
	}
	e := parse(r, text)
	return e, querytest.Scan(w.store.Changes(), e)
}

// TestSessionsAreAPlainScan puts the changes of each user and node together by hand.
func TestSessionsAreAPlainScan(t *testing.T) {
	w := crowdedWorld(3, 400)
	many := 0
	rapid.Check(t, func(r *rapid.T) {
		e, found := w.asked(r)
		gap := time.Duration(rapid.SampledFrom([]int{1, 15, 120, 100_000}).Draw(r, "gap")) * time.Minute
		got, err := w.engine.Sessions(context.Background(), e, query.SessionOptions{Gap: gap})
		if err != nil {
			r.Fatal(err)
		}
		slices.Reverse(found)
		type session struct {
			first, last audit.Seq
			n           int
			keys        map[audit.Key]bool
			end         audit.Time
		}
		var want []*session
		open := map[string]*session{}
		for _, c := range found {
			who := fmt.Sprintf("%q%q", c.User, c.Node)
			s := open[who]
			if s == nil || c.Time-s.end >= audit.Time(gap.Milliseconds()) {
				s = &session{first: c.Seq, keys: map[audit.Key]bool{}}
				open[who], want = s, append(want, s)
			}
			s.last, s.end, s.n = c.Seq, c.Time, s.n+1
			s.keys[c.Key] = true
		}
		many = max(many, len(want))
		if len(got.Sessions) != len(want) || got.Summary.Changes != len(found) {
			r.Fatalf("%s: %d sessions of %d, want %d of %d", e, len(got.Sessions), got.Summary.Changes, len(want), len(found))
		}
		for i, s := range got.Sessions {
			if x := want[i]; s.First != x.first || s.Last != x.last || s.Changes != x.n || s.Records != len(x.keys) {
				r.Fatalf("%s: session %d is %+v, want %+v", e, i, s, x)
			}
		}
	})
	if many < 10 {
		t.Errorf("there were %d sessions at most", many)
	}
}

// naiveSightings are the runs of images in which a path has the value: each change
// gives two images.
func naiveSightings(key audit.Key, l []audit.Change, has func(audit.Value) bool) []string {
	paths := map[string]bool{}
	for _, c := range l {
		for _, body := range []audit.Value{c.Before.Body, c.After.Body} {
			for path := range leavesOf("", body, map[string]audit.Value{}) {
				paths[path] = true
			}
		}
	}
	var out []string
	for path := range paths {
		var images []string
		for _, c := range l {
			for _, image := range []audit.Image{c.Before, c.After} {
				switch {
				case image.State == audit.Unknown:
					images = append(images, "unknown")
				case holds(leavesOf("", image.Body, map[string]audit.Value{})[path], has):
					images = append(images, "yes")
				default:
					images = append(images, "no")
				}
			}
		}
		out = append(out, runsOf(key, path, l, images)...)
	}
	return out
}

func holds(v audit.Value, has func(audit.Value) bool) bool {
	return v != nil && !v.Leaves(func(leaf audit.Value) bool { return !has(leaf) })
}

func runsOf(key audit.Key, path string, l []audit.Change, images []string) []string {
	var out []string
	for i := 0; i < len(images); i++ {
		if images[i] != "yes" {
			continue
		}
		origin, state, end := query.OriginSet, query.SightingThere, audit.Seq(0)
		switch {
		case i%2 == 0:
			origin = query.OriginBefore
		case images[i-1] == "unknown":
			origin = query.OriginSeen
		}
		j := i
		for j+1 < len(images) && images[j+1] == "yes" {
			j++
		}
		if j+1 < len(images) {
			state, end = query.SightingVanished, l[(j+1)/2].Seq
			if images[j+1] == "unknown" || (j+1)%2 == 0 {
				state = query.SightingUnknown
			}
		}
		out = append(out, fmt.Sprintf("%s%s %s %d %s %d", key, path, origin, l[i/2].Seq, state, end))
		i = j
	}
	return out
}

// TestPickaxeIsAPlainScan looks at every image for the value.
func TestPickaxeIsAPlainScan(t *testing.T) {
	w := crowdedWorld(5, 500)
	all := lives(w.store.Changes())
	some := map[string]int{}
	for _, value := range []string{"paid", "Bob", "bob smith", "318", "true", "null", "eve@evil.example", "東京都", "nowhere", "2026-08-01", "1e21"} {
		for _, mode := range []query.PickaxeMode{query.PickaxeWords, query.PickaxeExact, query.PickaxeRegex} {
			p, err := w.engine.Pickaxe(t.Context(), value, query.PickaxeOptions{Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			has := hasValue(t, value, mode)
			var want, got []string
			for key, l := range all {
				want = append(want, naiveSightings(key, l, has)...)
			}
			for _, s := range p.Sightings {
				end := audit.Seq(0)
				if s.Vanished != nil {
					end = s.Vanished.Seq
				}
				got = append(got, fmt.Sprintf("%s%s %s %d %s %d", s.Record(), s.Path, s.Origin, s.Appeared.Seq, s.State, end))
				some[string(s.Origin)]++
				some[string(s.State)]++
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s %s:\n%s\nwant\n%s", mode, value, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	for _, kind := range []string{"set", "seen", "there", "vanished", "unknown"} {
		if some[kind] == 0 {
			t.Errorf("there was none of %s: %v", kind, some)
		}
	}
}

// hasValue says by the language itself whether a value is what is looked for.
func hasValue(t *testing.T, value string, mode query.PickaxeMode) func(audit.Value) bool {
	var e query.Expr
	switch mode {
	case query.PickaxeExact:
		e = parse(t, "after.x:"+map[bool]string{true: value, false: `"` + value + `"`}[slices.Contains([]string{"318", "true", "null", "1e21"}, value)])
	case query.PickaxeRegex:
		e = parse(t, "carries:/"+value+"/")
	default:
		e = parse(t, `carries:"`+value+`"`)
	}
	return func(v audit.Value) bool {
		return e.Match(&audit.Change{Op: audit.OpUpdate, After: audit.PresentImage(audit.Object(map[string]audit.Value{"x": v}), audit.Logged, audit.Exact)})
	}
}

// TestActorIsAPlainScan counts what a user did by hand.
func TestActorIsAPlainScan(t *testing.T) {
	w := crowdedWorld(7, 500)
	w.store.Alerted = []audit.Alert{{ID: "a1", Changes: []audit.Evidence{{Seq: 3}, {Seq: 9}, {Seq: 40}, {Seq: 41}}}, {ID: "a2"}}
	all := lives(w.store.Changes())
	for _, user := range []string{"eve", "svc-a", "", "nobody"} {
		a, err := w.engine.Actor(t.Context(), user, query.ActorOptions{Top: 1000})
		if err != nil {
			t.Fatal(err)
		}
		hours, tables, ops, records, alerted := [7][24]int{}, map[string]int{}, map[string]int{}, map[audit.Key]int{}, 0
		for _, c := range w.store.Changes() {
			if c.User != user {
				continue
			}
			at := c.Time.Go()
			hours[at.Weekday()][at.Hour()]++
			tables[c.Key.Table.String()]++
			ops[string(c.Op)]++
			records[c.Key]++
			if slices.Contains([]audit.Seq{3, 9, 40, 41}, c.Seq) {
				alerted++
			}
		}
		others := map[string]int{}
		for key := range records {
			for _, c := range all[key] {
				if c.User != user {
					others[c.User]++
				}
			}
		}
		got := map[string]int{}
		for _, x := range a.Tables {
			got[x.Database+"."+x.Table] = x.Changes
		}
		gotOthers, gotOps := map[string]int{}, map[string]int{}
		for _, x := range a.Others {
			name := ""
			if x.User != nil {
				name = *x.User
			}
			gotOthers[name] = x.Changes
		}
		for _, x := range a.Ops {
			gotOps[x.Value] = x.N
		}
		if a.Hours != hours || !maps.Equal(got, tables) || !maps.Equal(gotOps, ops) || !maps.Equal(gotOthers, others) || a.Summary.Records != len(records) {
			t.Errorf("%q: %v %v %v %v %d, want %v %v %v %v %d", user, a.Hours, got, gotOps, gotOthers, a.Summary.Records, hours, tables, ops, others, len(records))
		}
		if n := len(a.Alerts); n != min(alerted, 1) || n > 0 && a.Alerts[0].Changes != alerted {
			t.Errorf("%q: alerts %+v, want %d changes", user, a.Alerts, alerted)
		}
	}
}

// TestCompareIsAPlainScan counts both sets by hand.
func TestCompareIsAPlainScan(t *testing.T) {
	w := newWorld(4, 400)
	rapid.Check(t, func(r *rapid.T) {
		a, inA := w.asked(r)
		b, inB := w.asked(r)
		c, err := w.engine.Compare(context.Background(), a, b, query.CompareOptions{})
		if err != nil {
			r.Fatal(err)
		}
		if c.Summary.A != len(inA) || c.Summary.B != len(inB) {
			r.Fatalf("%s, %s: %d and %d, want %d and %d", a, b, c.Summary.A, c.Summary.B, len(inA), len(inB))
		}
		for i, facet := range []audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable, audit.FacetNode, audit.FacetAttribute, audit.FacetRule} {
			want := map[string][2]int{}
			for side, changes := range [][]audit.Change{inA, inB} {
				for j := range changes {
					for _, v := range querytest.ValuesOf(&changes[j], facet) {
						n := want[v]
						n[side]++
						want[v] = n
					}
				}
			}
			got := map[string][2]int{}
			for _, v := range c.Facets[i].Values {
				got[v.Value] = [2]int{v.A, v.B}
				if len(inB) > 0 && (v.Expected == nil || *v.Expected != float64(v.B)/float64(len(inB))*float64(len(inA))) {
					r.Fatalf("%s: expected %v", v.Value, v.Expected)
				}
			}
			if !maps.Equal(got, want) {
				r.Fatalf("%s, %s: %s: %v, want %v", a, b, facet, got, want)
			}
		}
	})
}

// A change that goes back as far as one's own baseline is asked of the same hours.
func TestCompareUsualTakesTheSameHours(t *testing.T) {
	const dayMS = 86_400_000
	store := &querytest.Memory{}
	table := audit.Table{Database: "shop", Name: "orders"}
	begin := audit.Time(querytest.Start)
	add := func(at audit.Time, n int, user string) {
		for i := range n {
			c := audit.Change{Time: at + audit.Time(i), User: user, Node: "n1", Op: audit.OpUpdate, Key: audit.Key{Table: table, ID: audit.ID(fmt.Sprint(i))}}
			c.ID = c.Identify()
			store.Add(c)
		}
	}
	for day := range 14 {
		add(begin+audit.Time(day)*dayMS, 1+day%2, "svc")  // in the hours that are asked for
		add(begin+audit.Time(day)*dayMS+dayMS/2, 50, "x") // and in others
	}
	add(begin+14*dayMS, 12, "svc")
	add(begin+14*dayMS+100, 3, "eve")
	// The first four days were not read.
	store.Spanned = []audit.Span{{Node: "n1", Table: table, From: begin + 4*dayMS - 1000, To: begin + 15*dayMS}}
	e := parse(t, fmt.Sprintf("time:[%s..%s]", begin+14*dayMS, begin+14*dayMS+1000))
	c, err := (&query.Engine{Store: store}).CompareUsual(t.Context(), e, 14*24*time.Hour, query.CompareOptions{By: []audit.Facet{audit.FacetUser}})
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Summary; s.A != 15 || s.Windows != 10 || len(c.Windows) != 14 || s.B != 15 || *s.Expected != 1.5 {
		t.Errorf("%+v, expected %v", s, *s.Expected)
	}
	values := c.Facets[0].Values
	slices.SortFunc(values, func(a, b query.ComparedValue) int { return cmp.Compare(a.Value, b.Value) })
	if len(values) != 2 || values[0].Value != "eve" || values[0].Lift != nil || values[0].A != 3 || *values[1].Lift != 8 || values[1].B != 15 {
		t.Errorf("%+v", values)
	}
}
