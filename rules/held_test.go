package rules

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"recourse/audit"

	"pgregory.net/rapid"
)

// TestGroupsAreFoundByTheirNames: groups come, are touched and go, with entries and what
// they count, as in a plain list of them, whatever their hashes.
func TestGroupsAreFoundByTheirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type plain struct {
			name    string
			ids     []string
			counted map[string]int
		}
		h := newHeld()
		h.mask = rapid.SampledFrom([]uint64{math.MaxUint64, 3, 0}).Draw(t, "mask")
		w := &windowing{held: h, size: 1000, reach: 1e9, distinct: "key", count: 1 << 20, maxEntries: 1 << 20}
		var model []*plain // the least recently touched first
		text := func(what string, most int) string {
			long := strings.Repeat("x", rapid.SampledFrom([]int{0, 0, 0, 130, textsPiece}).Draw(t, what+" is long"))
			return long + rapid.SampledFrom(strings.Split("abcdefghijklmnopqrstuvwxyz"[:most], "")).Draw(t, what)
		}
		seq := audit.Seq(0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			name := text("name", 5)
			i := slices.IndexFunc(model, func(p *plain) bool { return p.name == name })
			g := h.find(appendName(nil, []string{name}))
			if (g != nil) != (i >= 0) {
				t.Fatalf("%q: found %t, want %t", name, g != nil, i >= 0)
			}
			if g != nil && rapid.IntRange(0, 2).Draw(t, "goes") == 0 {
				h.drop(g)
				model = slices.Delete(model, i, i+1)
				h.tidy()
				continue
			}
			if g == nil {
				g = h.begin(appendName(nil, []string{name}))
				model = append(model, &plain{name: name, counted: map[string]int{}})
				i = len(model) - 1
			}
			h.touch(g)
			p := model[i]
			model = append(slices.Delete(model, i, i+1), p)
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				id, value := text("id", 9), text("value", 12)
				key := audit.Key{Table: audit.Table{Database: "d", Name: name}, ID: audit.ID(id)}
				seq++
				g.add(entry{time: audit.Time(seq), seq: seq, key: h.texts.putKey(key)}, []byte(value), w)
				p.ids = append(p.ids, id+" "+value)
				p.counted[value]++
			}
			for n := rapid.IntRange(0, len(p.ids)).Draw(t, "gone") / 2; n > 0; n-- {
				at := rapid.IntRange(0, len(p.ids)-1).Draw(t, "at")
				g.drop(at, at+1, w)
				_, value, _ := strings.Cut(p.ids[at], " ")
				if p.counted[value]--; p.counted[value] == 0 {
					delete(p.counted, value)
				}
				p.ids = slices.Delete(p.ids, at, at+1)
			}
			h.tidy()
		}
		i, used := 0, 0
		for g := range h.all() {
			p := model[i]
			i++
			used += h.texts.length(g.name, 1)
			if got := h.values(g); !slices.Equal(got, []string{p.name}) {
				t.Fatalf("got group %q, want %q", got, p.name)
			}
			if g.tallies.count() != len(p.counted) {
				t.Fatalf("%d values are counted, want %d", g.tallies.count(), len(p.counted))
			}
			var ids []string
			for k := range g.entries {
				e := &g.entries[k]
				value, _ := h.texts.at(g.tallies.all[e.counted].text)
				ids = append(ids, string(h.evidence(e, audit.Evidence{}).Key)+" "+string(value))
				used += h.texts.length(e.key, keyTexts)
			}
			if !slices.Equal(ids, p.ids) {
				t.Fatalf("got entries %q, want %q", ids, p.ids)
			}
			for k := range g.tallies.all {
				if n := &g.tallies.all[k]; n.kept > 0 {
					value, _ := h.texts.at(n.text)
					used += h.texts.length(n.text, 1)
					if int(n.kept) != p.counted[string(value)] {
						t.Fatalf("%q is counted %d times, want %d", value, n.kept, p.counted[string(value)])
					}
				}
			}
		}
		if i != len(model) || h.n != len(model) {
			t.Fatalf("%d groups and %d counted, want %d", i, h.n, len(model))
		}
		if used != h.texts.useful || h.texts.wasteful() {
			t.Fatalf("%d bytes of texts are in use, counted are %d of %d", used, h.texts.useful, h.texts.size)
		}
	})
}

// TestTextsOfOneHashAreTold: a state is read as it was written, if all of its texts have
// the same hash.
func TestTextsOfOneHashAreTold(t *testing.T) {
	w := newStateWriter()
	w.mask = 0
	texts := []string{"a", "", "b", "a", "", "b", strings.Repeat("c", 300), "a"}
	for _, s := range texts {
		w.text(s)
		w.bytes([]byte(s))
	}
	first := w.take()
	for _, s := range texts {
		w.text(s)
		w.bytes([]byte(s))
	}
	if again := w.take(); !bytes.Equal(first, again) {
		t.Errorf("the second time %d bytes were written, the first %d", len(again), len(first))
	}
	in := &stateReader{b: first}
	for _, s := range texts {
		for range 2 {
			if got := in.text(); got != s {
				t.Fatalf("got %q, want %q", got, s)
			}
		}
	}
}
