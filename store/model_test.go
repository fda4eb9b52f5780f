package store

import (
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"recourse/audit"
)

var (
	opGen   = rapid.SampledFrom([]audit.Op{audit.OpInsert, audit.OpUpdate, audit.OpUpsert, audit.OpDelete, audit.OpMessage, audit.OpInvalidate, "", "odd\xff"})
	idGen   = rapid.SampledFrom([]audit.ID{`"a"`, `"a\u0000"`, "1", `"1"`, "", "\x00", "\xff\xff", audit.ID(`"` + string(make([]byte, 2000)) + `"`)})
	textGen = rapid.SampledFrom([]string{"", "ann", "\x00", "\xff\xfe", "a\x00b", "日本"})
	timeGen = rapid.SampledFrom([]audit.Time{0, 1, 1.25, 1.5, 2, 3, -7, -0.5, 1790000000000.1234, audit.Time(math.Copysign(0, -1)), audit.Time(math.Inf(1)),
		audit.Time(math.Inf(-1)), audit.Time(math.NaN()), audit.Time(math.Float64frombits(0xfff8000000000123))})
	bodyGen = rapid.Custom(func(t *rapid.T) audit.Value {
		fields := map[string]audit.Value{"n": audit.Int(rapid.Int64Range(0, 3).Draw(t, "n"))}
		if rapid.Bool().Draw(t, "more") {
			fields["x"] = rapid.SampledFrom([]audit.Value{audit.Null(), audit.Float(math.NaN()), audit.Float(1.5), audit.BytesValue([]byte{0, 255}),
				audit.DateOf(1234), audit.Text("\x00"), audit.Array(audit.Null(), audit.Int(-1))}).Draw(t, "x")
		}
		return audit.Object(fields)
	})
	imageGen = rapid.Custom(func(t *rapid.T) audit.Image {
		i := audit.Image{State: audit.State(rapid.IntRange(0, 2).Draw(t, "state"))}
		if i.State != audit.Unknown {
			i.Source = audit.Source(rapid.IntRange(1, 4).Draw(t, "source"))
			i.Trust = audit.Trust(rapid.IntRange(0, 3).Draw(t, "trust"))
		}
		if i.State == audit.Present {
			i.Body = bodyGen.Draw(t, "body")
		}
		return i
	})
	changeGen = rapid.Custom(func(t *rapid.T) audit.Change {
		c := audit.Change{
			Cluster: rapid.SampledFrom([]string{"", "", "eu"}).Draw(t, "cluster"), Node: textGen.Draw(t, "node"),
			Time: timeGen.Draw(t, "time"), User: textGen.Draw(t, "user"), Op: opGen.Draw(t, "op"), Reported: opGen.Draw(t, "reported"),
			Key:   audit.Key{Table: audit.Table{Database: textGen.Draw(t, "database"), Name: rapid.SampledFrom([]string{"t", "t\x00"}).Draw(t, "table")}, ID: idGen.Draw(t, "id")},
			Nth:   rapid.IntRange(0, 1).Draw(t, "nth"),
			After: imageGen.Draw(t, "after"), Group: audit.Group{Size: rapid.IntRange(0, 9).Draw(t, "size"), Index: rapid.IntRange(0, 9).Draw(t, "index")},
			Observed: timeGen.Draw(t, "observed"), Lossy: rapid.Bool().Draw(t, "lossy"), Late: rapid.Bool().Draw(t, "late"), Note: textGen.Draw(t, "note"),
			Synthetic: rapid.Bool().Draw(t, "synthetic"),
		}
		if rapid.IntRange(0, 5).Draw(t, "legacy") == 0 {
			c.Before = imageGen.Draw(t, "before")
		}
		if rapid.Bool().Draw(t, "raw") {
			c.Sent = bodyGen.Draw(t, "sent")
		}
		c.ID = c.Identify()
		return c
	})
)

// sameTime compares times bit for bit.
var sameTime = cmp.Comparer(func(a, b audit.Time) bool { return bits(a) == bits(b) })

func inOrder(a, b audit.Change) int { return placeOf(&a).compare(placeOf(&b)) }

// TestModel runs random appends, repeats and reopenings against the model, and
// compares everything that can be read after every step.
func TestModel(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Memory: 1, NoSync: true}
		if rapid.Bool().Draw(t, "chunks of a few changes") {
			o.layout = small()
		}
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		db, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		m := newModel()
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "reopen") == 0 {
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				if db, err = Open(dir, o); err != nil {
					t.Fatal(err)
				}
			}
			b := drawBatch(t, m)
			got, err := db.Append(ctx, b)
			if err != nil {
				t.Fatal(err)
			}
			want := m.append(b)
			want.First, want.Last, want.Newest = got.First, got.Last, got.Newest
			if diff := cmp.Diff(want, got, sameTime); diff != "" {
				t.Fatalf("appended (-want +got):\n%s", diff)
			}
			if got.New > 0 && (int(got.Last) != len(m.changes) || int(got.First) != len(m.changes)-got.New+1) {
				t.Fatalf("appended %+v to make %d", got, len(m.changes))
			}
			m.compare(t, db)
		}
	})
}

// drawBatch mixes new changes with stored ones, as they were or read otherwise.
func drawBatch(t *rapid.T, m *model) audit.Batch {
	b := audit.Batch{
		Changes: rapid.SliceOfN(changeGen, 0, 12).Draw(t, "changes"),
		Gaps:    rapid.SliceOfN(gapGen, 0, 2).Draw(t, "gaps"),
		Spans:   rapid.SliceOfN(spanGen, 0, 3).Draw(t, "spans"),
	}
	m.drawBaselines(t, &b)
	for range rapid.IntRange(0, 2).Draw(t, "healings") {
		if len(m.gaps) > 0 {
			g := rapid.SampledFrom(m.gaps).Draw(t, "healed")
			g.Healed = audit.Time(rapid.IntRange(1, 9).Draw(t, "when"))
			b.Healed = append(b.Healed, g)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "cursors") {
		b.Cursors = append(b.Cursors, audit.Cursor{Node: textGen.Draw(t, "node"), Table: shop, Time: timeGen.Draw(t, "time")})
	}
	known := append(slices.Clone(m.changes), b.Changes...)
	for range rapid.IntRange(0, 4).Draw(t, "repeats") {
		if len(known) == 0 {
			break
		}
		c := rapid.SampledFrom(known).Draw(t, "again")
		c.Seq = 0
		switch rapid.IntRange(0, 7).Draw(t, "differs") {
		case 0:
			c.After = imageGen.Draw(t, "otherwise")
		case 1:
			c.User = textGen.Draw(t, "by")
		case 2:
			c.Node = textGen.Draw(t, "elsewhere")
		case 3:
			c.Node = textGen.Draw(t, "elsewhere")
			if c.Op.Kind() == audit.KindWrite {
				c.Op = rapid.SampledFrom([]audit.Op{audit.OpInsert, audit.OpUpdate, audit.OpUpsert, audit.OpPatch, "odd"}).Draw(t, "named")
			}
		case 4:
			c.After.Trust = audit.Trust(rapid.IntRange(0, 3).Draw(t, "trusted"))
		case 5:
			c.Sent, c.Lossy, c.Note = bodyGen.Draw(t, "sent again"), rapid.Bool().Draw(t, "lossy again"), "again"
		}
		b.Changes = append(b.Changes, c)
	}
	return b
}

type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func all[T any](t failer, seq func(func(T, error) bool)) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func (m *model) compare(t *rapid.T, db *DB) {
	ctx := context.Background()
	equal := func(what string, want, got any) {
		if diff := cmp.Diff(want, got, sameTime); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
	}
	v, err := db.Verify(ctx, func(p string) { t.Errorf("verify: %s", p) })
	if err != nil || v.Changes != len(m.changes) || v.Gaps != len(m.gaps) || v.Cursors != len(m.cursors) || v.Spans != len(m.spanList()) || v.Amended != len(m.amended) || v.Observations != len(m.observed) ||
		v.Baselines != len(m.baselines) || v.Records != len(m.records) {
		t.Fatalf("verified %+v, %v", v, err)
	}
	want := []audit.Change(nil)
	tables, users := map[audit.Table]int{}, map[string]int{}
	for _, c := range m.changes {
		want = append(want, m.withBefore(c))
		tables[c.Key.Table]++
		users[c.User]++
	}
	equal("follow", want, all(t, db.Follow(ctx, 0)))
	gotTables, _ := db.Tables(ctx)
	equal("tables", tables, gotTables)
	gotUsers, _ := db.Users(ctx)
	equal("users", users, gotUsers)
	for _, c := range want {
		got, err := db.Get(ctx, c.Seq)
		if err != nil {
			t.Fatal(err)
		}
		equal("get", c, got)
		if seq, found, err := db.Lookup(ctx, c.ID); err != nil || !found || seq != c.Seq {
			t.Fatalf("lookup: %d, %v, %v; want %d", seq, found, err, c.Seq)
		}
		d, err := db.Divergences(ctx, c.Seq)
		if err != nil || len(d) != m.divergences[c.Seq] {
			t.Fatalf("%d divergences, want %d; %v", len(d), m.divergences[c.Seq], err)
		}
	}
	m.compareOrders(t, db, want, equal)
	m.compareCoverage(t, db, equal)
	m.compareAsOf(t, db, want, equal)
	for _, c := range m.cursors {
		got, found, err := db.Cursor(ctx, c.Node, c.Table)
		if err != nil || !found {
			t.Fatalf("cursor of %q: %v, %v", c.Node, found, err)
		}
		equal("cursor", c, got)
	}
	s, err := db.Stats(ctx)
	if err != nil || s.Changes != len(m.changes) || s.Gaps != len(m.gaps) || s.Spans != len(m.spanList()) || int(db.Last()) != len(m.changes) {
		t.Fatalf("stats %+v, %v", s, err)
	}
}

// compareMany looks at the changes of all records together.
func (m *model) compareMany(t *rapid.T, db *DB, byKey map[audit.Key][]audit.Change, equal func(string, any, any)) {
	keys := []audit.Key{{Table: shop, ID: "nobody"}}
	ids := []audit.ChangeID{{1}}
	of := []audit.Key{{}}
	var want []audit.Change
	for k, changes := range byKey {
		keys = append(keys, k)
		want = append(want, changes...)
		for _, c := range changes {
			ids, of = append(ids, c.ID), append(of, k)
		}
	}
	equal("histories", want, all(t, db.Histories(t.Context(), keys)))
	got, err := db.KeysOf(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	equal("keys of changes", of, got)
}

// compareOrders looks at the changes by record and by time.
func (m *model) compareOrders(t *rapid.T, db *DB, want []audit.Change, equal func(string, any, any)) {
	ctx := context.Background()
	sorted := slices.SortedFunc(slices.Values(want), inOrder)
	byKey := map[audit.Key][]audit.Change{}
	var seqs []audit.Seq
	for _, c := range sorted {
		byKey[c.Key] = append(byKey[c.Key], c)
		seqs = append(seqs, c.Seq)
	}
	for k, changes := range byKey {
		equal("history", changes, all(t, db.History(ctx, k)))
		for i, c := range changes {
			next := audit.Seq(0)
			for _, d := range changes[i+1:] {
				if d.Cluster == c.Cluster && d.Op != audit.OpMessage {
					next = d.Seq
					break
				}
			}
			if got, found, err := db.Next(ctx, c); err != nil || got != next || found != (next != 0) {
				t.Fatalf("next of %d: %d, %v, %v; want %d", c.Seq, got, found, err, next)
			}
		}
	}
	m.compareMany(t, db, byKey, equal)
	equal("by time", seqs, all(t, db.ByTime(ctx, audit.Time(math.Inf(-1)), audit.Time(math.Inf(1)), false)))
	slices.Reverse(seqs)
	equal("newest first", seqs, all(t, db.ByTime(ctx, audit.Time(math.Inf(-1)), audit.Time(math.Inf(1)), true)))
	var some []audit.Seq
	for _, c := range sorted {
		if c.Time >= 1 && c.Time < 2 {
			some = append(some, c.Seq)
		}
	}
	equal("a range of time", some, all(t, db.ByTime(ctx, 1, 2, false)))
	slices.Reverse(some)
	equal("a range, newest first", some, all(t, db.ByTime(ctx, 1, 2, true)))
}
