package index

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/query"
)

// gathered are the words of one block of changes, sorted.
func gathered(w *words, changes ...audit.Change) []string {
	w.reset()
	w.begin(0)
	for i := range changes {
		w.change(&changes[i])
	}
	w.settle()
	var out []string
	for _, n := range w.sorted() {
		out = append(out, string(w.term(n)))
	}
	return out
}

func wrote(v audit.Value) audit.Change {
	return audit.Change{Op: audit.OpUpsert, After: audit.PresentImage(v, audit.Logged, audit.Exact)}
}

// FuzzWords holds the words of any value against the one definition of them.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "paid", "Bob's 2nd-hand CAR", "ΣΊΣΥΦΟΣ sisyphos", "e\u0301te\u0301x", "a\xffb\xc3", "東京 tower", "İstanbul K ǅ", "x" + strings.Repeat("é", 80), strings.Repeat("word ", 100), "a\u0301b", "\u0301", "٣٤x"} {
		f.Add(s)
	}
	w := newWords()
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range []audit.Value{audit.Text(s), audit.BytesValue([]byte(s)), audit.Array(audit.Text(s), audit.Int(int64(len(s))), audit.Object(map[string]audit.Value{s: audit.Text(s + "x")}))} {
			c := wrote(v)
			want := query.TermsOf(&c).Wrote
			for i, word := range want {
				if cut, was := cutTerm(word); was {
					want[i] = cut + "\xff"
				}
			}
			slices.Sort(want)
			if got := gathered(w, c); !slices.Equal(got, slices.Compact(want)) {
				t.Fatalf("%q has %q, want %q", v.JSON(), got, want)
			}
		}
		if decoded, err := audit.Decode([]byte(s)); err == nil {
			c := wrote(decoded)
			if got, want := gathered(w, c), query.TermsOf(&c).Wrote; len(s) < maxTerm && !slices.Equal(got, want) {
				t.Fatalf("%q has %q, want %q", decoded.JSON(), got, want)
			}
		}
	})
}

// Words are told apart, and counted once a block, when there are many.
func TestManyWords(t *testing.T) {
	w := newWords()
	for block := range 3 {
		w.begin(block)
		for i := range 20_000 {
			w.value(audit.Int(int64(i * (block + 1))))
			w.value(audit.Int(int64(i * (block + 1))))
		}
	}
	w.settle()
	if len(w.entries) != 20_000+10_000+10_000 || len(w.places) != 60_000 {
		t.Errorf("%d words, %d places", len(w.entries), len(w.places))
	}
	s, err := w.segment()
	if err != nil {
		t.Fatal(err)
	}
	c, n := s.cursor(), 0
	for c.next() {
		docs, err := c.documents(nil)
		if err != nil {
			t.Fatal(err)
		}
		n += len(docs)
	}
	if c.err != nil || n != 60_000 {
		t.Errorf("the segment has %d places, %v", n, c.err)
	}
}

// Documents come back as they were written, in each of the ways.
func TestDocuments(t *testing.T) {
	for _, of := range []int{1, 2, 7, 256, 5000} {
		for _, step := range []int{1, 2, 3, 9, 200, 4999} {
			var docs []uint32
			for d := step / 2; d < of; d += step {
				docs = append(docs, uint32(d))
			}
			if len(docs) == 0 {
				continue
			}
			var out bytes.Buffer
			b := &builder{out: &out, blocks: make([]uint32, of)}
			if err := b.add([]byte("word"), docs); err != nil {
				t.Fatal(err)
			}
			if err := b.finish(); err != nil {
				t.Fatal(err)
			}
			s, err := readSegment(bytes.NewReader(out.Bytes()), int64(out.Len()))
			if err != nil {
				t.Fatal(err)
			}
			c := s.cursor()
			if !c.next() {
				t.Fatal(c.err)
			}
			if got, err := c.documents(nil); err != nil || !slices.Equal(got, docs) {
				t.Errorf("every %d of %d: %v, %v", step, of, got, err)
			}
			if most := 3 + of/8 + 1; len(docs) > 1 && out.Len() > 60+most+of {
				t.Errorf("every %d of %d takes %d bytes", step, of, out.Len())
			}
		}
	}
}

// FuzzSegment reads any bytes as a segment: it must fail or end, and not read
// beyond them.
func FuzzSegment(f *testing.F) {
	w := newWords()
	w.begin(3)
	for _, s := range []string{"some words of a block", "and 1200 more"} {
		w.add([]byte(s))
	}
	s, err := w.segment()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.memory)
	f.Add(s.memory[:len(s.memory)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readSegment(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		c := s.cursor()
		for n := 0; c.next(); n++ {
			if _, err := c.documents(nil); err != nil {
				return
			}
			if n > len(data) {
				t.Fatal("more words than bytes")
			}
		}
	})
}

// A pattern whose automaton grows too large says so, and does not say that
// nothing matches.
func TestGlobGrowsTooLarge(t *testing.T) {
	g := newGlob("*a" + strings.Repeat("?", 14))
	state := stateStart
	r := rand.New(rand.NewPCG(1, 1))
	for range 1 << 16 {
		state = g.accept(state, "ab"[r.IntN(2)])
	}
	if !g.tooLarge() {
		t.Fatalf("%d states", len(g.states))
	}
	w := newWords()
	w.begin(0)
	for range 1 << 14 {
		word := make([]byte, 30)
		for i := range word {
			word[i] = "ab"[r.IntN(2)]
		}
		w.add(word)
	}
	s, err := w.segment()
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{ctx: t.Context(), cursor: s.cursor(), hit: make([]bool, 2)}
	if ok, err := a.find(newQuestion("*a"+strings.Repeat("?", 14)+"z", 0)); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
