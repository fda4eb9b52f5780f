package querytest

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
	"recourse/query"
)

// Words is an index of words in memory, which knows changes as they were when it
// followed the store.
type Words struct {
	// Dull says that it can say nothing of words that begin with a wildcard.
	Dull     bool
	Asked    int // how often it was asked
	progress audit.Seq
	blocks   map[string]*roaring.Bitmap
	known    map[audit.Key]bool
}

// Follow learns of the changes up to a number.
func (w *Words) Follow(m *Memory, upTo audit.Seq) {
	if w.blocks == nil {
		w.blocks, w.known = map[string]*roaring.Bitmap{}, map[audit.Key]bool{}
	}
	for ; w.progress < upTo; w.progress++ {
		c := m.changes[w.progress]
		terms := query.TermsOf(&c)
		words := terms.Wrote
		if first := m.records[c.Key][0]; first == int(w.progress) || !w.known[c.Key] {
			words = append(words, terms.Carried...)
		}
		w.known[c.Key] = true
		for _, word := range words {
			if w.blocks[word] == nil {
				w.blocks[word] = roaring.New()
			}
			w.blocks[word].AddInt(audit.BlockOf(c.Seq))
		}
	}
}

// Progress implements query.WordFinder.
func (w *Words) Progress() audit.Seq { return w.progress }

// Blocks implements query.WordFinder.
func (w *Words) Blocks(_ context.Context, word string, fuzzy int) (*roaring.Bitmap, bool, error) {
	w.Asked++
	if w.Dull && strings.ContainsAny(word[:1], "*?") {
		return nil, false, nil
	}
	pattern := regexp.MustCompile("^(?s:" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(word)) + ")$")
	out := roaring.New()
	for known, blocks := range w.blocks {
		if pattern.MatchString(known) || fuzzy > 0 && Distance(word, known) <= fuzzy {
			out.Or(blocks)
		}
	}
	return out, true, nil
}

// Distance counts the characters to put in, take out or replace (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, utf8.RuneCountInString(b)+1)
	for j := range row {
		row[j] = j
	}
	for _, r := range a {
		diagonal := row[0]
		row[0]++
		j := 0
		for _, s := range b {
			j++
			cost := diagonal
			if r != s {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(row)-1]
}

// Found implements query.WordTeller.
func (w *Words) Found(ctx context.Context, start string, most int) (*roaring.Bitmap, map[uint32][]string, bool, error) {
	blocks, ok, err := w.Blocks(ctx, start+"*", 0)
	if !ok || err != nil || len(start)%4 == 3 { // at times they are not known
		return blocks, nil, ok, err
	}
	words := map[uint32][]string{}
	for known, in := range w.blocks {
		if !strings.HasPrefix(known, start) {
			continue
		}
		for _, block := range in.ToArray() {
			words[block] = append(words[block], known)
			most--
		}
	}
	if most < 0 {
		words = nil
	}
	return blocks, words, true, nil
}
