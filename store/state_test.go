package store

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// noZero fails if a field of a struct is zero: then a test of whether all of
// them are kept proves nothing of that one, for example of one added later.
func noZero(t *testing.T, v any) {
	t.Helper()
	for field, value := range reflect.ValueOf(v).Fields() {
		if value.IsZero() {
			t.Errorf("%T.%s is zero", v, field.Name)
		}
	}
}

// TestEveryField: all of a change and of a divergence is kept.
func TestEveryField(t *testing.T) {
	image := audit.PresentImage(object(1), audit.Logged, audit.Prompt)
	c := audit.Change{Seq: 1, ID: audit.ChangeID{1}, Cluster: "c", Node: "n", Time: 1.5, User: "u", Op: audit.OpPatch, Reported: audit.OpUpsert,
		Key: audit.Key{Table: shop, ID: "1"}, Nth: 2, Before: image, After: image, Group: audit.Group{Size: 3, Index: 1}, Observed: 2.5,
		Lossy: true, Late: true, Note: "x", Sent: object(4), Synthetic: true}
	d := audit.Divergence{Seq: 1, Node: "n", Observed: 1.5, Op: audit.OpPatch, User: "u", After: image}
	noZero(t, c)
	noZero(t, c.Group)
	noZero(t, d)
	c.ID = c.Identify()
	payload, err := encodeBlock(1, []row{{c: c}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := openBlock(1, payload)
	if err != nil {
		t.Fatal(err)
	}
	w, err := b.row(0)
	if diff := cmp.Diff(c, w.c); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if payload, err = encodeDivergence(&d); err != nil {
		t.Fatal(err)
	}
	gotDivergence, err := decodeDivergence(payload)
	if diff := cmp.Diff(d, gotDivergence); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestCursors(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	if _, found, err := db.Cursor(ctx, "n", shop); found || err != nil {
		t.Errorf("a cursor in an empty store: %v", err)
	}
	a := audit.Cursor{Node: "n", Table: shop, Time: 1790000000000.1234, Reread: map[string]audit.Time{"1h0m0s": 1.5, "": 0}}
	noZero(t, a)
	b := audit.Cursor{Node: "n2", Table: shop, Time: 7}
	back := audit.Cursor{Node: "n", Table: shop, Time: 3}
	for _, cursors := range [][]audit.Cursor{{b, a}, {back}} {
		if _, err := db.Append(ctx, audit.Batch{Cursors: cursors}); err != nil {
			t.Fatal(err)
		}
		want := cursors[len(cursors)-1]
		if got, found, err := db.Cursor(ctx, "n", shop); !cmp.Equal(got, want) || !found || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	all, err := db.Cursors(ctx)
	if diff := cmp.Diff([]audit.Cursor{back, b}, all); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// TestCursorGoesBack: what was read behind a cursor that goes back counts no more,
// for its node and table, also when the store is opened anew.
func TestCursorGoesBack(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	span := func(node string, from, to audit.Time) audit.Span {
		return audit.Span{Node: node, Table: shop, From: from, To: to}
	}
	cursor := func(at audit.Time) []audit.Cursor { return []audit.Cursor{{Node: "n", Table: shop, Time: at}} }
	for _, b := range []audit.Batch{
		{Cursors: cursor(100), Spans: []audit.Span{span("n", 10, 100), span("m", 10, 100)}},
		{Cursors: cursor(5000), Spans: []audit.Span{span("n", 4000, 5000)}},
		{Cursors: cursor(60), Spans: []audit.Span{span("n", 50, 60)}},
		{Cursors: cursor(60), Spans: []audit.Span{span("n", 50, 70)}}, // a re-scan leaves the cursor where it is
	} {
		if _, err := db.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	want := []audit.Span{span("m", 10, 100), span("n", 10, 70)}
	for _, when := range []string{"at once", "opened anew"} {
		got, err := db.Spans(ctx)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", when, err, diff)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openAt(t, dir)
	}
	if _, err := db.Append(ctx, audit.Batch{Cursors: cursor(5)}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Spans(ctx); err != nil || len(got) != 1 {
		t.Errorf("behind a cursor that goes back to before all: %v, %v", got, err)
	}
}

func TestGaps(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	whole := audit.Gap{Node: "n", Table: shop, From: 10, To: 20, Reason: "because", Entries: 3, Observed: 99.5, Kind: audit.GapOutage}
	healed := whole
	healed.Healed = 1
	noZero(t, healed)
	within := audit.Gap{Node: "n", Table: shop, From: 12, To: 20}
	wider := audit.Gap{Node: "n", Table: shop, From: 5, To: 20}
	elsewhere := audit.Gap{Node: "m", Table: shop, From: 12, To: 20}
	endless := audit.Gap{Node: "z", Table: shop, From: audit.Time(math.Inf(-1)), To: audit.Time(math.Inf(1))}
	for i, x := range []struct {
		gap  audit.Gap
		want int
	}{{whole, 1}, {whole, 0}, {within, 0}, {wider, 1}, {elsewhere, 1}, {endless, 1}, {endless, 0}} {
		if i == 3 { // what is known survives being closed
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = openAt(t, dir)
		}
		out, err := db.Append(ctx, audit.Batch{Gaps: []audit.Gap{x.gap, x.gap}})
		if err != nil || out.Gaps != x.want {
			t.Errorf("gap %d: %+v, %v; want %d", i, out, err, x.want)
		}
	}
	got, err := db.Gaps(ctx)
	if diff := cmp.Diff([]audit.Gap{elsewhere, wider, whole, endless}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestProgress(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
	for _, want := range []audit.Seq{0, 1, 0} {
		if want > 0 || db.SetProgress(ctx, "index", 0) == nil {
			if err := db.SetProgress(ctx, "index", want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := db.Progress(ctx, "index"); got != want || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	if got, err := db.Progress(ctx, "rules"); got != 0 || err != nil {
		t.Errorf("another's: %d, %v", got, err)
	}
}

func TestReceipts(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	full := audit.Receipt{Plan: "p", Step: 3, Phase: audit.PhaseIntent, Key: audit.Key{Table: shop, ID: `"a"`}, At: 1.5, Guard: 2.25,
		Replaced: audit.PresentImage(object(1), audit.Fetched, audit.Exact), Wrote: audit.AbsentImage(audit.Logged, audit.Prompt),
		Version: 3.5, By: "recourse", Why: "x\xff", Attempt: 2, Class: "repair"}
	noZero(t, full)
	want := []audit.Receipt{full, {Plan: "p"}, full}
	for i, r := range want {
		other := r
		other.Plan = "p\x00"
		if err := errors.Join(db.AddReceipt(ctx, r), db.AddReceipt(ctx, other)); err != nil {
			t.Fatal(i, err)
		}
	}
	got, err := db.Receipts(ctx, "p")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	plans, err := db.Plans(ctx)
	if diff := cmp.Diff([]string{"p", "p\x00"}, plans); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := db.Receipts(ctx, "none"); len(got) != 0 || err != nil {
		t.Errorf("receipts of no plan: %v, %v", got, err)
	}
}

// TestManyReceipts: receipts that come together are one chain, however many
// transactions they take.
func TestManyReceipts(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	var want []audit.Receipt
	for i := range 300 {
		why := strings.Repeat("x", i%7*1000)
		if i == 200 {
			why = strings.Repeat("y", 1<<20)
		}
		want = append(want, audit.Receipt{Plan: "p", Step: i + 1, Phase: audit.PhaseSent, Why: why})
	}
	if err := errors.Join(db.AddReceipt(ctx, want[:1]...), db.AddReceipt(ctx), db.AddReceipt(ctx, want[1:]...)); err != nil {
		t.Fatal(err)
	}
	got, err := db.Receipts(ctx, "p")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %.500s", err, diff)
	}
	mustBeWhole(t, db)
	if err := db.AddReceipt(ctx, audit.Receipt{Plan: "p"}, audit.Receipt{Plan: "q"}); err == nil {
		t.Error("receipts of two plans were taken for one chain")
	}
	if again, err := db.Receipts(ctx, "p"); len(again) != len(want) || err != nil {
		t.Errorf("after a refusal: %d receipts, %v", len(again), err)
	}
}

// TestReceiptChain: no receipt can be altered, dropped, cut off or exchanged,
// even with a fresh checksum.
func TestReceiptChain(t *testing.T) {
	ctx := context.Background()
	reseal := func(db *DB, n uint64, f func(*receipt)) func([]byte) []byte {
		return func(v []byte) []byte {
			var d receipt
			if err := decode(v[sealSize:], &d); err != nil {
				t.Fatal(err)
			}
			f(&d)
			payload, err := encode(d)
			if err != nil {
				t.Fatal(err)
			}
			return seal(receiptKey("p", n), payload)
		}
	}
	for name, damage := range map[string]func(db *DB){
		"a flipped bit":        func(db *DB) { rewrite(t, db, receiptKey("p", 2), func(v []byte) []byte { v[9] ^= 4; return v }) },
		"the first gone":       func(db *DB) { rewrite(t, db, receiptKey("p", 1), remove) },
		"one gone":             func(db *DB) { rewrite(t, db, receiptKey("p", 2), remove) },
		"the last gone":        func(db *DB) { rewrite(t, db, receiptKey("p", 3), remove) },
		"one rewritten":        func(db *DB) { rewrite(t, db, receiptKey("p", 2), reseal(db, 2, func(d *receipt) { d.Why = "other" })) },
		"the last rewritten":   func(db *DB) { rewrite(t, db, receiptKey("p", 3), reseal(db, 3, func(d *receipt) { d.Step = 7 })) },
		"the journal's end":    func(db *DB) { rewrite(t, db, nameKey(kindJournal, "p"), remove) },
		"another plan's":       func(db *DB) { rewrite(t, db, receiptKey("p", 1), reseal(db, 1, func(d *receipt) { d.Plan = "q" })) },
		"another number":       func(db *DB) { rewrite(t, db, receiptKey("p", 3), reseal(db, 3, func(d *receipt) { d.Number = 4 })) },
		"a chain begun anew":   func(db *DB) { rewrite(t, db, receiptKey("p", 2), reseal(db, 2, func(d *receipt) { d.Previous = nil })) },
		"one copied over next": func(db *DB) { rewrite(t, db, receiptKey("p", 3), reseal(db, 3, func(d *receipt) { d.Step = 2 })) },
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			for i := range 3 {
				if err := db.AddReceipt(ctx, audit.Receipt{Plan: "p", Step: i + 1, Why: "reason"}); err != nil {
					t.Fatal(err)
				}
			}
			mustBeWhole(t, db)
			damage(db)
			if got, err := db.Receipts(ctx, "p"); !errors.Is(err, ErrCorrupt) || got != nil {
				t.Errorf("got %d receipts, %v", len(got), err)
			}
			if len(problems(t, db)) == 0 {
				t.Error("verify found nothing")
			}
		})
	}
}

func TestStats(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	if s, err := db.Stats(ctx); err != nil || s.Changes != 0 || s.Oldest != 0 || s.Newest != 0 {
		t.Errorf("of an empty store: %+v, %v", s, err)
	}
	appendAll(t, db, made("1", 7, audit.OpUpsert, object(1)), made("1", -3.5, audit.OpUpsert, object(1)), made("1", 5, audit.OpUpsert, object(1)))
	s, err := db.Stats(ctx)
	if err != nil || s.Changes != 3 || s.Oldest != -3.5 || s.Newest != 7 || s.Disk <= 0 || s.Disk > 16<<20 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestRunGC: collecting takes nothing away that is in use, and heeds its context.
func TestRunGC(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	db := open(t)
	change := made("1", 1, audit.OpUpsert, audit.BytesValue(make([]byte, 20<<20)))
	for i := range 15 { // more than one file of the value log
		change.Nth = i
		change.ID = change.Identify()
		appendAll(t, db, change)
	}
	if err := db.RunGC(ctx); err != nil {
		t.Fatal(err)
	}
	if v := mustBeWhole(t, db); v.Changes != 15 {
		t.Errorf("%d changes are left", v.Changes)
	}
	cancel()
	if err := db.RunGC(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
