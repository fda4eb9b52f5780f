package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"recourse/audit"
)

var nan = math.NaN()

// TestWhole: what is taken for whole is what audit.CoverageOf calls covered.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &known{spans: map[audit.Table][]audit.Span{}, gaps: map[audit.Table][]audit.Gap{}}
		var spans []audit.Span
		for _, s := range rapid.SliceOfN(spanGen, 1, 6).Draw(t, "spans") {
			if s.From < s.To {
				spans = append(spans, s)
			}
		}
		gaps := rapid.SliceOfN(gapGen, 0, 5).Draw(t, "gaps")
		for i := range gaps {
			gaps[i].Healed = audit.Time(rapid.IntRange(0, 1).Draw(t, "healed"))
		}
		k.spans[modelTable], k.gaps[modelTable] = spans, gaps
		k.whole = with(nil, modelTable, wholeOf(spans, gaps))
		for range 20 {
			from := audit.Time(rapid.IntRange(-50, 50).Draw(t, "from")) / 4
			to := from + audit.Time(rapid.IntRange(0, 40).Draw(t, "length"))/4
			want := len(spans) > 0
			for _, s := range audit.CoverageOf(modelTable, spans, gaps, from, endOf(from, to)) {
				want = want && s.Cover == audit.Covered
			}
			if got := k.covers(modelTable, from, to); got != want {
				t.Fatalf("%v to %v: %v, want %v; whole %v", from, to, got, want, k.whole)
			}
		}
	})
}

// TestHides: what may be hidden between two changes, of one node and of several.
func TestHides(t *testing.T) {
	a, b := made("1", 10, audit.OpUpsert, object(1)), made("1", 20, audit.OpUpsert, object(2))
	span := func(node string, from, to audit.Time) audit.Span {
		return audit.Span{Node: node, Table: shop, From: from, To: to}
	}
	hole := func(node string, from, to audit.Time) audit.Gap {
		return audit.Gap{Node: node, Table: shop, From: from, To: to}
	}
	before := hole("n2", 0, 15)
	before.Kind = audit.GapBefore
	for name, c := range map[string]struct {
		batches []audit.Batch
		want    audit.Trust
	}{
		"nothing is known":                   {nil, audit.Exact},
		"read":                               {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30)}}}, audit.Exact},
		"read in parts":                      {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 12), span("n1", 15, 30)}}, {Spans: []audit.Span{span("n1", 12, 15)}}}, audit.Exact},
		"a part not read":                    {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 12), span("n1", 15, 30)}}}, audit.Provisional},
		"two nodes in turn":                  {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 14), span("n2", 12, 30)}}}, audit.Exact},
		"a gap":                              {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30)}, Gaps: []audit.Gap{hole("n1", 14, 15)}}}, audit.Provisional},
		"a gap that another node covers":     {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30), span("n2", 14, 15)}, Gaps: []audit.Gap{hole("n1", 14, 15)}}}, audit.Exact},
		"a gap that another has too":         {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30), span("n2", 0, 30)}, Gaps: []audit.Gap{hole("n1", 14, 15), hole("n2", 13, 15)}}}, audit.Provisional},
		"gaps apart":                         {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30), span("n2", 0, 30)}, Gaps: []audit.Gap{hole("n1", 14, 15), hole("n2", 15, 16)}}}, audit.Exact},
		"a healed gap":                       {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30)}, Gaps: []audit.Gap{hole("n1", 14, 15)}}, {Healed: []audit.Gap{{Node: "n1", Table: shop, From: 14, To: 15, Healed: 9}}}}, audit.Exact},
		"healed but for a part":              {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30)}, Gaps: []audit.Gap{hole("n1", 13, 16)}}, {Healed: []audit.Gap{{Node: "n1", Table: shop, From: 13, To: 16, Healed: 9}}, Gaps: []audit.Gap{hole("n1", 14, 15)}}}, audit.Provisional},
		"before the log of one began":        {[]audit.Batch{{Spans: []audit.Span{span("n2", 15, 30)}, Gaps: []audit.Gap{before}}}, audit.Provisional},
		"which another has":                  {[]audit.Batch{{Spans: []audit.Span{span("n2", 15, 30), span("n1", 0, 15)}, Gaps: []audit.Gap{before}}}, audit.Exact},
		"an instant":                         {[]audit.Batch{{Spans: []audit.Span{span("n1", 0, 30)}, Gaps: []audit.Gap{hole("n1", 14, 14)}}}, audit.Provisional},
		"spans of another table":             {[]audit.Batch{{Spans: []audit.Span{{Node: "n1", From: 0, To: 1}}}}, audit.Exact},
		"a healed gap of an unread table":    {[]audit.Batch{{Gaps: []audit.Gap{hole("n1", 14, 15)}}, {Healed: []audit.Gap{{Node: "n1", Table: shop, From: 14, To: 15, Healed: 9}}}}, audit.Exact},
		"a gap of an unread table":           {[]audit.Batch{{Gaps: []audit.Gap{hole("n1", 14, 15)}}}, audit.Provisional},
		"healed at one node, not at another": {[]audit.Batch{{Gaps: []audit.Gap{hole("n1", 14, 15), hole("n2", 14, 15)}}, {Healed: []audit.Gap{{Node: "n1", Table: shop, From: 14, To: 15, Healed: 9}}}}, audit.Provisional},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			appendAll(t, db, a, b)
			for _, batch := range c.batches {
				if _, err := db.Append(context.Background(), batch); err != nil {
					t.Fatal(err)
				}
			}
			checkBefore(t, db, b.Key, 20, audit.PresentImage(object(1), audit.Folded, c.want))
			mustBeWhole(t, db)
		})
	}
}

// TestLastingGaps: gaps of the kinds that last grow in place; a healed one is
// neither joined nor healed twice, and gives way to one of its limits.
func TestLastingGaps(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	of := func(kind audit.GapKind, from, to audit.Time, reason string) audit.Gap {
		return audit.Gap{Node: "n", Table: shop, From: from, To: to, Kind: kind, Reason: reason, Observed: to}
	}
	put := func(b audit.Batch, want int) {
		t.Helper()
		if out, err := db.Append(ctx, b); err != nil || out.Gaps != want {
			t.Errorf("%+v, %v; want %d", out, err, want)
		}
	}
	gaps := func(all ...audit.Gap) audit.Batch { return audit.Batch{Gaps: all} }
	put(gaps(of(audit.GapUnaudited, 10, 20, "off"), of(audit.GapUnaudited, 30, 40, "off")), 2)
	put(gaps(of(audit.GapUnaudited, 20, 25, "off")), 0)
	put(gaps(of(audit.GapUnaudited, 12, 13, "off")), 0)
	put(gaps(of(audit.GapUnaudited, 24, 31, "still off")), 0)
	put(gaps(of(audit.GapBefore, 15, 20, "joined")), 1)
	put(gaps(of(audit.GapPurged, 10, 40, "purged")), 1) // not a thing that was not kept
	put(gaps(of(audit.GapUnreadable, 11, 12, "entry")), 0)
	heal := func(when audit.Time) audit.Batch {
		return audit.Batch{Healed: []audit.Gap{{Node: "n", Table: shop, From: 10, To: 40, Healed: when}}}
	}
	put(heal(50), 0)
	put(heal(60), 0) // the first time stands
	want := []audit.Gap{of(audit.GapPurged, 10, 40, "purged"), of(audit.GapUnaudited, 10, 40, "still off"), of(audit.GapBefore, 15, 20, "joined")}
	want[0].Healed, want[1].Healed, want[1].Observed = 50, 50, 13 // the earliest
	check := func() {
		t.Helper()
		got, err := db.Gaps(ctx)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	check()
	put(gaps(of(audit.GapUnaudited, 40, 45, "off again")), 1)
	put(gaps(of(audit.GapOutage, 10, 40, "again")), 1)
	want[0] = of(audit.GapOutage, 10, 40, "again")
	want = append(want, of(audit.GapUnaudited, 40, 45, "off again"))
	check()
	if s, err := db.Stats(ctx); s.Gaps != 4 || s.Healed != 1 || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := db.Append(ctx, audit.Batch{Healed: []audit.Gap{{Node: "n", Table: shop, From: 10, To: 40}}}); err == nil {
		t.Error("healed at no time")
	}
	mustBeWhole(t, db)
}

// TestSpansAndSlowWindows reads back what was stored, in order.
func TestSpansAndSlowWindows(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	w := audit.SlowWindow{Node: "n", Table: shop, From: 1.5, To: 2.5, Took: 60_000, Entries: 7, Observed: 9}
	s := audit.Span{Node: "n", Table: shop, From: 1.5, To: 2.5}
	noZero(t, w)
	noZero(t, s)
	zero := math.Copysign(0, -1)
	for range 2 {
		w.Took++
		b := audit.Batch{Slow: []audit.SlowWindow{w}, Spans: []audit.Span{s, {Node: "m", Table: shop, From: audit.Time(zero), To: 1}, {Node: "m", Table: shop, To: 2},
			{Node: "m", Table: shop, From: audit.Time(nan), To: 4}, {Node: "m", Table: shop, From: 5, To: 5}}}
		if _, err := db.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, dir)
	slow, err := db.SlowWindows(ctx)
	if diff := cmp.Diff([]audit.SlowWindow{w}, slow); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	spans, err := db.Spans(ctx)
	if diff := cmp.Diff([]audit.Span{{Node: "m", Table: shop, To: 2}, s}, spans); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	mustBeWhole(t, db)
}

// TestTableChanges passes over the changes of other tables, page by page.
func TestTableChanges(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	var want []audit.Seq
	for from := 0; from < 6000; from += 500 {
		batch := benchBatch(from, 900)
		for i := range batch {
			if (from+i)%3 == 0 {
				batch[i].Key.Table = audit.Table{Database: "shop", Name: fmt.Sprint("t", i%2)}
				batch[i].ID = batch[i].Identify()
			} else {
				want = append(want, audit.Seq(from+i+1))
			}
		}
		appendAll(t, db, batch...)
	}
	ids := func(from, to audit.Time) (got []audit.Seq) {
		for _, c := range collect(t, db.TableChanges(ctx, shop, from, to)) {
			if c.Key.Table != shop || c.Before.State != audit.Unknown {
				t.Fatalf("got %+v", c)
			}
			got = append(got, c.Seq)
		}
		return got
	}
	if got := ids(audit.Time(math.Inf(-1)), audit.Time(math.Inf(1))); !slices.Equal(got, want) {
		t.Errorf("%d changes, want %d", len(got), len(want))
	}
	if got := ids(1.79e12+1, 1.79e12+4); !slices.Equal(got, []audit.Seq{2, 3}) {
		t.Errorf("in a range: %v", got)
	}
	for c, err := range db.TableChanges(ctx, shop, 0, 1.8e12) { // a consumer may stop, and call the store
		if err != nil {
			t.Fatal(err)
		}
		mustGet(t, db, c.Seq)
		break
	}
	rewrite(t, db, blockKey(audit.BlockOf(want[5000/3])), remove)
	failed := false
	for _, err := range db.TableChanges(ctx, shop, 0, 1.8e12) {
		failed = err != nil
	}
	if !failed {
		t.Error("a change that is lost was not missed")
	}
}
