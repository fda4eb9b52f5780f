package index_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/index"
)

// lookups is an index of some blocks and, as plain lists, the words of each.
func lookups(t testing.TB, seed uint64, blocks int) (*index.Index, [][]string) {
	m, x := remembered(seed, blocks*audit.BlockSize), openIndex(t, t.TempDir())
	follow(t, x, m[:blocks*audit.BlockSize/2])
	follow(t, x, m)
	words := make([][]string, blocks)
	for i := range words {
		words[i] = vocabulary(m[i*audit.BlockSize : (i+1)*audit.BlockSize])
	}
	return x, words
}

// plain is a pattern as a regular expression.
func plain(pattern string) *regexp.Regexp {
	var b strings.Builder
	for r := []rune(pattern); len(r) > 0; r = r[1:] {
		switch {
		case r[0] == '*':
			b.WriteString(".*")
		case r[0] == '?':
			b.WriteString(".")
		case r[0] == '\\' && len(r) > 1:
			r = r[1:]
			fallthrough
		default:
			b.WriteString(regexp.QuoteMeta(string(r[0])))
		}
	}
	return regexp.MustCompile("(?s)^" + b.String() + "$")
}

// distance is how many characters differ: replaced, put in, or left out.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
			default:
				cost := 1
				if s[i-1] == t[j-1] {
					cost = 0
				}
				rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			}
		}
	}
	return rows[len(s)][len(t)]
}

// expect fails unless the index proposes every block that has a word which
// matches, and no others unless a long word of theirs may: one that was cut.
func expect(t rapid.TB, x *index.Index, words [][]string, word string, fuzzy int, match func(string) bool) {
	got, ok, err := x.Blocks(context.Background(), word, fuzzy)
	if err != nil || !ok {
		t.Fatalf("Blocks(%q, %d): %v, %v", word, fuzzy, ok, err)
	}
	for b, list := range words {
		has := slices.ContainsFunc(list, match)
		long := slices.ContainsFunc(list, func(w string) bool { return len(w) > 128 })
		if proposed := got.Contains(uint32(b)); has && !proposed || proposed && !has && !long {
			t.Fatalf("%q, %d: block %d is proposed: %v; it has such a word: %v", word, fuzzy, b, proposed, has)
		}
	}
}

// pattern is made of a word: some of it replaced by wildcards.
func pattern(r *rand.Rand, word string) string {
	w := []rune(word)
	switch r.IntN(8) {
	case 0:
		return string(w[:r.IntN(len(w)+1)]) + "?*"
	case 1:
		return "*" + string(w[r.IntN(len(w)):])
	case 2:
		return "*" + string(w[r.IntN(len(w)):][:1]) + "*"
	case 3:
		w[r.IntN(len(w))] = '?'
		return string(w)
	case 4:
		w[r.IntN(len(w))], w[r.IntN(len(w))] = '*', '*'
		return string(w) + "*"
	case 5:
		return string(w[:1]) + "*" + string(w[len(w)-1:])
	case 6:
		return `\` + string(w[:1]) + "*" + string(w[len(w)/2:]) + "?"
	}
	return string(w[:1+r.IntN(len(w))]) + "*"
}

func TestLookups(t *testing.T) {
	x, words := lookups(t, 11, 12)
	all := slices.Concat(words...)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := all[r.IntN(len(all))]
		if r.IntN(6) == 0 {
			w += "x"
		}
		expect(t, x, words, w, 0, func(s string) bool { return s == w })
		p := pattern(r, w)
		if strings.Trim(p, "*") == "" {
			return
		}
		re := plain(p)
		expect(t, x, words, p, 0, re.MatchString)
		if i := strings.IndexAny(p, "*?"); i > 0 {
			expect(t, x, words, p[:i]+"*", 0, func(s string) bool { return strings.HasPrefix(s, strings.ReplaceAll(p[:i], `\`, "")) })
		}
	})
}

func TestFuzzyLookups(t *testing.T) {
	x, words := lookups(t, 12, 8)
	all := slices.Concat(words...)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := []rune(all[r.IntN(len(all))])
		fuzzy := 1 + r.IntN(2)
		for range r.IntN(3) {
			switch i := r.IntN(len(w)); r.IntN(3) {
			case 0:
				w[i] = 'q'
			case 1:
				w = slices.Insert(w, i, 'ö')
			case 2:
				w = slices.Delete(w, i, min(i+1, len(w)-1))
			}
		}
		if len(string(w)) > 200 || len(w) == 0 {
			return
		}
		expect(t, x, words, string(w), fuzzy, func(s string) bool {
			n := len([]rune(s)) - len(w)
			return n <= fuzzy && n >= -fuzzy && distance(s, string(w)) <= fuzzy
		})
	})
}

// What would match every word, or take too long to prepare, is not looked up.
func TestNothingCanBeSaid(t *testing.T) {
	x, _ := lookups(t, 13, 2)
	for _, q := range []struct {
		word  string
		fuzzy int
	}{
		{"*", 0}, {"***", 0}, {"pa*", 1}, {"paid", 3}, {strings.Repeat("?", 300), 0}, {strings.Repeat("x", 5000) + "?", 0}, {strings.Repeat("x", 500), 1},
	} {
		if _, ok, err := x.Blocks(t.Context(), q.word, q.fuzzy); ok || err != nil {
			t.Errorf("%.20q, %d: %v, %v, and nothing can be said", q.word, q.fuzzy, ok, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, w := range []string{"*", "*aid", "paid"} {
		if _, _, err := x.Blocks(ctx, w, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s when cancelled: %v", w, err)
		}
	}
	for w, want := range map[string]index.Lookup{"*": index.LookupNone, "paid": index.LookupWord, "pa*": index.LookupPrefix, "p?id": index.LookupRange, "*id": index.LookupWalk} {
		way, n, err := x.Explain(w, 0)
		if err != nil || way != want || (n > 0) != (want == index.LookupWalk) {
			t.Errorf("Explain(%s): %s of %d words, %v; want %s", w, way, n, err, want)
		}
	}
}

// Hostile values must not blow up the dictionary, and must still be found.
func TestLongWordsAreCut(t *testing.T) {
	m, x := make(memory, 4*audit.BlockSize), openIndex(t, t.TempDir())
	huge := strings.Repeat("x", 1<<20)
	for i := range m {
		text := "short"
		if i%audit.BlockSize == 7 && i > audit.BlockSize {
			text = huge[i:] + "end"
		}
		m[i] = audit.Change{Seq: audit.Seq(i + 1), Op: audit.OpUpsert, After: audit.PresentImage(audit.Object(map[string]audit.Value{"v": audit.Text(text)}), audit.Logged, audit.Exact)}
	}
	follow(t, x, m)
	for word, want := range map[string]int{
		"*nd": 3, huge: 3, huge[:60000]: 3, huge[:300] + "*": 3, "y*": 0, "xx*": 3, "*y": 3, "short": 4, "y": 0, "y?": 0, huge[:128]: 0, "xx?*": 3, "?y*": 0, huge[:129] + "?": 3,
	} {
		if got := found(t, x, word, 0); len(got) != want {
			t.Errorf("%.10q of %d bytes finds %d blocks, want %d", word, len(word), len(got), want)
		}
	}
	for w, words := range holds(t, x) {
		for _, word := range words {
			if len(word) > 129 {
				t.Errorf("block %d has a word of %d bytes", w, len(word))
			}
		}
	}
}

// A block with more words than are kept is proposed for all.
func TestTooManyWords(t *testing.T) {
	m, x := make(memory, 3*audit.BlockSize), openIndex(t, t.TempDir())
	for i := range m {
		var text strings.Builder
		text.WriteString("word")
		if i/audit.BlockSize == 1 {
			for n := range 1200 {
				fmt.Fprintf(&text, " w%d", i*1200+n)
			}
		}
		m[i] = audit.Change{Seq: audit.Seq(i + 1), Op: audit.OpUpsert, After: audit.PresentImage(audit.Object(map[string]audit.Value{"v": audit.Text(text.String())}), audit.Logged, audit.Exact)}
	}
	follow(t, x, m)
	last := fmt.Sprintf("w%d", 2*audit.BlockSize*1200-1)
	for word, want := range map[string]int{"word": 3, "absent": 1, "w*": 3, last: 1, "*9": 1, "a?": 1} {
		if got := found(t, x, word, 0); len(got) != want {
			t.Errorf("%s finds blocks %v, want %d", word, got, want)
		}
	}
}

// Questions are answered while blocks are added, indexed again and merged; what
// was found once is found on.
func TestLookupsWhileFollowing(t *testing.T) {
	m, x := remembered(14, 24*audit.BlockSize), openIndex(t, t.TempDir())
	want := wanted(m, 24)
	done := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			blocks := int(x.Progress()) / audit.BlockSize
			word := []string{"paid", "*aid", "pa*", "rare*"}[i%4]
			re := plain(word)
			got, ok, err := x.Blocks(context.Background(), word, 0)
			for b := range blocks {
				if has := slices.ContainsFunc(want[uint32(b)], re.MatchString); err != nil || !ok || has && !got.Contains(uint32(b)) {
					failed <- fmt.Errorf("%s at %d blocks: block %d has it: %v; %v, %v", word, blocks, b, has, ok, err)
					return
				}
			}
		}
	}()
	for n := 1; n <= 24; n++ {
		follow(t, x, m[:n*audit.BlockSize])
		if err := x.Refresh(t.Context(), m, []int{n / 2}); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
