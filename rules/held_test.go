package rules

import (
	"bytes"
	"encoding/binary"
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
		h := newHeld(newPool(), &room{})
		h.mask = rapid.SampledFrom([]uint64{math.MaxUint64, 3, 0}).Draw(t, "mask")
		h.pool.mask = h.mask
		w := &windowing{held: h, size: 1000, reach: 1e9, distinct: "user", tallies: true, count: 1 << 20, maxEntries: 1 << 20}
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
				h.pool.tidy()
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
				g.add(entry{time: audit.Time(seq), seq: seq, key: h.pool.key(key), counted: h.pool.text([]byte(value))}, 0, w)
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
			h.pool.tidy()
		}
		i, used, uses := 0, 0, map[uint32]int{}
		for g := range h.all() {
			p := model[i]
			i++
			used += h.texts.length(g.name, 1)
			if got := h.values(g); !slices.Equal(got, []string{p.name}) {
				t.Fatalf("got group %q, want %q", got, p.name)
			}
			if g.distinct(0) != len(p.counted) {
				t.Fatalf("%d values are counted, want %d", g.distinct(0), len(p.counted))
			}
			if g.tallied() {
				inWindow := map[uint32]bool{}
				for _, e := range g.entries[g.low:] {
					inWindow[e.counted] = true
				}
				if got := g.distinct(g.low); g.low > 0 && got != len(inWindow) {
					t.Fatalf("%d values are in the window, want %d", got, len(inWindow))
				}
			}
			var ids []string
			for k := range g.entries {
				e := &g.entries[k]
				ids = append(ids, string(h.evidence(e, audit.Evidence{}).Key)+" "+string(h.pool.valueAt(e.counted)))
				uses[e.key]++
				uses[e.counted]++
			}
			if !slices.Equal(ids, p.ids) {
				t.Fatalf("got entries %q, want %q", ids, p.ids)
			}
			for _, n := range g.tallies.all {
				if n.value != 0 && int(n.kept) != p.counted[string(h.pool.valueAt(n.value))] {
					t.Fatalf("%q is counted %d times, want %d", h.pool.valueAt(n.value), n.kept, p.counted[string(h.pool.valueAt(n.value))])
				}
			}
		}
		if i != len(model) || h.n != len(model) {
			t.Fatalf("%d groups and %d counted, want %d", i, h.n, len(model))
		}
		if used != h.texts.useful || h.texts.wasteful() {
			t.Fatalf("%d bytes of texts are in use, counted are %d of %d", used, h.texts.useful, h.texts.size)
		}
		h.pool.whole(t, uses)
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

// whole fails unless a pool has what is used, as often as it is, and nothing else.
func (p *pool) whole(t interface{ Fatalf(string, ...any) }, uses map[uint32]int) {
	for number := range p.all {
		if n := uint32(number); p.all[n].uses > 0 && p.at(n)[0] == pooledKey {
			table, _ := binary.Uvarint(p.at(n)[1:])
			uses[uint32(table)]++
		}
	}
	used, live := 0, 0
	for number, n := range p.all {
		if int(n.uses) != uses[uint32(number)] {
			t.Fatalf("text %d has %d uses, want %d", number, n.uses, uses[uint32(number)])
		}
		if n.uses > 0 {
			live++
			used += p.texts.length(n.text, 1)
		}
	}
	if live != p.of.n || live+len(p.free)+1 != len(p.all) || used != p.texts.useful || p.texts.wasteful() {
		t.Fatalf("%d texts of %d bytes are in use: %d are found, %d free of %d, %d bytes useful of %d", live, used, p.of.n, len(p.free), len(p.all), p.texts.useful, p.texts.size)
	}
}

// TestKeysAreTold: what a record's key is comes back from its number, and two keys are
// counted as one if their texts are the same.
func TestKeysAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPool()
		parts := rapid.SampledFrom([]string{"", "a", "a.b", "b", "b/c", "c", `"c"`, strings.Repeat("x", longestField)})
		numbers, uses := map[string]uint32{}, map[uint32]int{}
		for range rapid.IntRange(1, 40).Draw(t, "keys") {
			k := audit.Key{Table: audit.Table{Database: parts.Draw(t, "db"), Name: parts.Draw(t, "table")}, ID: audit.ID(`"` + parts.Draw(t, "id") + `"`)}
			number, counted := p.key(k), p.keyText(k)
			db, table, id := p.keyAt(number)
			if got := (audit.Key{Table: audit.Table{Database: string(db), Name: string(table)}, ID: audit.ID(id)}); got != k {
				t.Fatalf("got %q, want %q", got, k)
			}
			text := bounded(k.String())
			if got := string(p.valueAt(counted)); got != text {
				t.Fatalf("got %q, want %q", got, text)
			}
			if before, known := numbers[text]; known && before != counted {
				t.Fatalf("%q has the numbers %d and %d", text, before, counted)
			}
			if rapid.Bool().Draw(t, "goes") {
				p.drop(number)
			} else {
				uses[number]++
			}
			numbers[text] = counted
			uses[counted]++
		}
		p.tidy()
		p.whole(t, uses)
	})
}
