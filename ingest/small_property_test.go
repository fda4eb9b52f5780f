package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// TestWindowWithout: what is left of a window without some holes holds exactly
// the moments that are in it and in no hole, each once and in order.
func TestWindowWithout(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		w := window{from: audit.Time(rnd.IntN(20))}
		if rnd.IntN(3) > 0 {
			w.to = w.from + 1 + audit.Time(rnd.IntN(20))
		}
		var holes []window
		for range rnd.IntN(5) {
			from := audit.Time(rnd.IntN(40))
			holes = append(holes, window{from, from + 1 + audit.Time(rnd.IntN(6))})
		}
		in := func(w window, at audit.Time) bool { return w.from <= at && (w.to == 0 || at < w.to) }
		parts := w.without(holes)
		for at := audit.Time(0); at < 60; at += 0.5 {
			n := 0
			for _, p := range parts {
				if in(p, at) {
					n++
				}
			}
			want := 0
			if in(w, at) && !slices.ContainsFunc(holes, func(h window) bool { return in(h, at) }) {
				want = 1
			}
			if n != want {
				t.Fatalf("%v without %v is %v: %v is in %d of them, want %d", w, holes, parts, at, n, want)
			}
		}
		if !slices.IsSortedFunc(parts, func(a, b window) int { return int(a.from - b.from) }) {
			t.Fatalf("%v without %v is %v: not in order", w, holes, parts)
		}
	}
}

// TestJoinSpans: joined spans cover what their parts cover and do not touch; and
// what is doubted is covered no more.
func TestJoinSpans(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 1))
	for range 20_000 {
		var all, joined []audit.Span
		for range rnd.IntN(8) {
			from := audit.Time(rnd.IntN(40))
			s := audit.Span{From: from, To: from + 1 + audit.Time(rnd.IntN(6))}
			all, joined = append(all, s), join(joined, s)
		}
		m := logMemory{spans: slices.Clone(joined)}
		doubt := audit.Time(rnd.IntN(50))
		m.doubt(doubt)
		covers := func(spans []audit.Span, at audit.Time) bool {
			return slices.ContainsFunc(spans, func(s audit.Span) bool { return s.From <= at && at < s.To })
		}
		for at := audit.Time(0); at < 60; at += 0.5 {
			if covers(all, at) != covers(joined, at) || (covers(all, at) && at < doubt) != covers(m.spans, at) {
				t.Fatalf("%v joined are %v, and doubted from %v %v: wrong at %v", all, joined, doubt, m.spans, at)
			}
		}
		slices.SortFunc(joined, func(a, b audit.Span) int { return int(a.From - b.From) })
		for i := 1; i < len(joined); i++ {
			if joined[i-1].To >= joined[i].From {
				t.Fatalf("%v joined are %v, which touch", all, joined)
			}
		}
	}
}

// TestOccurrences: however a log is cut into windows, and however often a window
// is read in vain, each entry gets the number that it has in one answer.
func TestOccurrences(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for range 2000 {
		log := make([]audit.Change, rnd.IntN(40))
		for i := range log {
			log[i] = audit.Change{
				Key: audit.Key{ID: audit.ID(fmt.Sprint(rnd.IntN(3)))}, Time: audit.Time(i/10 + 1),
				Op: pickFrom(rnd, audit.OpUpsert, audit.OpPatch, audit.OpDelete),
			}
		}
		var whole, cut occurrences
		number := func(o *occurrences, c audit.Change) int {
			o.number(&c)
			if c.ID != c.Identify() {
				t.Fatalf("the %d. of its kind has the ID of another", c.Nth)
			}
			return c.Nth
		}
		for i := 0; i < len(log); {
			n := 1 + rnd.IntN(len(log)-i)
			for rnd.IntN(3) == 0 { // it breaks off somewhere
				back := cut.mark()
				for j := range rnd.IntN(n + 1) {
					number(&cut, log[i+j])
				}
				cut = back
			}
			for j := i; j < i+n; j++ {
				if got, want := number(&cut, log[j]), number(&whole, log[j]); got != want {
					t.Fatalf("entry %d of %d is the %d., want the %d.", j, len(log), got, want)
				}
			}
			i += n
		}
	}
}

func pickFrom[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

// TestApplyPatchIsHarpers: a patch applied to an image gives what the record of a
// server is after it, or nothing is known.
func TestApplyPatchIsHarpers(t *testing.T) {
	table := audit.Table{Database: "d", Name: "t"}
	values := []audit.Value{
		nil, audit.Null(), audit.Int(0), audit.Int(7), audit.Int(-3), audit.Float(1.5), audit.Int(1 << 53), audit.Text("3"), audit.Text("x"), audit.Bool(true),
		audit.Array(audit.Int(1)), audit.Object(map[string]audit.Value{"n": audit.Int(1)}), audit.Int(1<<62 + 1), audit.Float(0.1),
	}
	add := func(v audit.Value) audit.Value {
		return audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": v})
	}
	unknown := 0
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		srv := harpertest.New(harpertest.Options{Line: line})
		srv.CreateTable(table, harpertest.Schema{})
		rnd := rand.New(rand.NewPCG(4, uint64(line)))
		for i := range 3000 {
			id := audit.ID(fmt.Sprint(i))
			before := audit.AbsentImage(audit.Logged, audit.Exact)
			if rnd.IntN(4) > 0 {
				if err := srv.Put("u", table, id, audit.Object(map[string]audit.Value{"a": pickFrom(rnd, values...), "b": pickFrom(rnd, values...)})); err != nil {
					t.Fatal(err)
				}
				before = audit.PresentImage(srv.Records(table)[id], audit.Logged, audit.Exact)
			}
			sent := map[string]audit.Value{"c": audit.Int(1)}
			for _, name := range []string{"a", "b"} {
				switch rnd.IntN(3) {
				case 0:
					sent[name] = pickFrom(rnd, values...)
				case 1:
					sent[name] = add(pickFrom(rnd, values[1:]...))
				}
			}
			if err := srv.Patch("u", table, id, audit.Object(sent)); err != nil {
				continue // the server takes no such increment
			}
			entries := srv.Entries("d")
			raw := entries[len(entries)-1].Raw
			got, want := applyPatch(before, raw), srv.Records(table)[id]
			if got.State == audit.Unknown {
				unknown++
			} else if !got.Body.Equal(want) {
				t.Fatalf("%s: %s patched with %s is %s, on the server %s", line, before.Body.JSON(), raw.JSON(), got.Body.JSON(), want.JSON())
			}
			if _, err := srv.Wipe(table, srv.Now()+1); err != nil {
				t.Fatal(err)
			}
		}
		srv.Close()
	}
	if unknown > 3000 {
		t.Errorf("of %d of 6000 patches nothing is known", unknown)
	}
}

// TestWidth: windows follow one another to the live end, whatever they cost, and
// the narrowest are a millisecond wide.
func TestWidth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 1))
	for range 2000 {
		var w width
		server := audit.Time(1.8e12)
		from := audit.Time(0)
		if rnd.IntN(2) == 0 {
			from = server - audit.Time(rnd.Int64N(100*24*3600*1000))
		}
		for steps := 0; ; steps++ {
			next := w.next(from, server, time.Minute)
			if next.from != from || next.to != 0 && (next.to <= from || next.to > server-60_000) {
				t.Fatalf("after %v comes %v", from, next)
			}
			if next.to == 0 {
				if from < server-60_000 {
					t.Fatalf("the window from %v on is open, %v before the end", from, server-from)
				}
				break
			}
			if rnd.IntN(4) == 0 && steps < 200 {
				wide := fromMS(next.to - next.from)
				if w.narrow(next) != (wide > leastWidth) || wide > leastWidth && (w.get() > wide/2 && w.get() > leastWidth || w.get() < leastWidth) {
					t.Fatalf("%v, narrowed, is %v", wide, w.get())
				}
				continue
			}
			failed := len(w.failed)
			w.took(next, time.Duration(rnd.Int64N(int64(20*time.Second))))
			if len(w.failed) > failed || len(w.failed) > 0 && next.to >= w.failed[len(w.failed)-1] {
				t.Fatalf("%v was read, and what failed before is still to be read up to %v", next, w.failed)
			}
			if from = next.to; steps > 5000 {
				w = width{now: mostWidth} // a narrow start takes long to grow
			}
		}
	}
}
