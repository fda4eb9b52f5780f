package index

import (
	"bytes"
	"hash/maphash"
	"math"
	"unicode/utf8"

	"recourse/audit"
	"recourse/query"
)

// maxTerm is how many bytes of a word are kept: hostile values must not make the
// dictionary as large as themselves. A word that was cut has at least sureTerm
// bytes, as it is not cut within a character.
const (
	maxTerm  = 128
	sureTerm = maxTerm - utf8.UTFMax
)

// cutMark stands after a word that was cut, and for whatever followed. No word
// has this byte, as it is not of UTF-8.
const cutMark = 0xff

// cutTerm is the part of a word that is kept, and whether that is not all.
func cutTerm[T string | []byte](word T) (T, bool) {
	if len(word) <= maxTerm {
		return word, false
	}
	n := maxTerm
	for n > sureTerm && !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n], true
}

// mostWords is how many distinct words of a block are kept; usual blocks have
// some thousand. A block with more has the word anyWord as well, and is proposed
// for every question: cutMark after nothing, a word that was cut at once.
const mostWords = 1 << 18

var anyWord = []byte{cutMark}

// words are the distinct words of some blocks, and in which of them each is. Its
// zero value is not ready: see newWords.
type words struct {
	seed   maphash.Seed
	table  []uint32 // by hash: number of the word + 1, or 0
	hashes []uint32 // of each word
	ends   []uint32 // where in text each word ends
	text   []byte   // the words, one after the other
	seen   []uint32 // of each word: in how many blocks it is
	latest []uint32 // of each word: the last block in which it is, by its place among blocks

	blocks []uint32 // numbers of the blocks
	starts []int    // of each block: where in places it begins
	places []uint32 // the words of each block, by their numbers
	bytes  int      // what was read of images, so that a batch can be bounded

	leaf      func(audit.Value) bool
	edit      func(old, next audit.Value)
	word, num []byte // space to work in
}

func newWords() *words {
	w := &words{seed: maphash.MakeSeed(), table: make([]uint32, 1<<12)}
	// Made once, as each would cost an allocation a change.
	w.leaf = w.value
	w.edit = func(old, next audit.Value) {
		old.Leaves(w.leaf)
		next.Leaves(w.leaf)
	}
	return w
}

// reset empties w and keeps its memory.
func (w *words) reset() {
	clear(w.table)
	w.hashes, w.ends, w.text = w.hashes[:0], w.ends[:0], w.text[:0]
	w.seen, w.latest = w.seen[:0], w.latest[:0]
	w.blocks, w.starts, w.places, w.bytes = w.blocks[:0], w.starts[:0], w.places[:0], 0
}

// begin starts a block; they come in order.
func (w *words) begin(block int) {
	w.blocks = append(w.blocks, uint32(block))
	w.starts = append(w.starts, len(w.places))
}

// end drops a block that is not whole: the one that goes beyond a number.
func (w *words) end(last audit.Seq) {
	n := len(w.blocks) - 1
	if n < 0 || (audit.Seq(w.blocks[n])+1)*audit.BlockSize <= last {
		return
	}
	for _, word := range w.places[w.starts[n]:] {
		w.seen[word]--
	}
	w.places, w.blocks, w.starts = w.places[:w.starts[n]], w.blocks[:n], w.starts[:n]
}

// full says whether the blocks are enough for a batch, or their words take so
// many bytes of memory.
func (w *words) full(memory int) bool {
	return len(w.blocks) >= batchBlocks || len(w.text)+len(w.ends)*48+len(w.places)*8 >= memory
}

// change adds the words of a change to the block: those that it wrote or
// removed, and those of the record as it was before if no other change wrote
// that. See the package's comment.
func (w *words) change(c *audit.Change) {
	w.bytes += len(c.Before.Body) + len(c.After.Body)
	c.EachTouched(w.edit)
	if c.Before.State == audit.Present && (c.Before.Source != audit.Folded || c.Op.Kind() == audit.KindMessage) {
		c.Before.Body.Leaves(w.leaf)
	}
}

// value adds the words of a value that holds no others.
func (w *words) value(v audit.Value) bool {
	text := v.TextBytes()
	if text == nil {
		w.num = query.AppendText(w.num[:0], v)
		text = w.num
	}
	w.add(text)
	return true
}

// folded is for each byte of ASCII what a word has in its place, 0 if it is not
// part of a word, and for all other bytes other.
var folded = foldTable()

const other = 0xff

func foldTable() (t [256]byte) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			t[c] = byte(c)
		case 'A' <= c && c <= 'Z':
			t[c] = byte(c) + 'a' - 'A'
		case c >= utf8.RuneSelf:
			t[c] = other
		}
	}
	return t
}

// add adds the words of a text: query.Tokens, for ASCII without its strings.
func (w *words) add(text []byte) {
	for i := 0; i < len(text); {
		if folded[text[i]] == 0 {
			i++
			continue
		}
		word := w.word[:0]
		j := i
		for ; j < len(text); j++ {
			c := folded[text[j]]
			if c == 0 {
				break
			}
			if c == other {
				w.addSlow(text[i:])
				return
			}
			word = append(word, c)
		}
		w.word = word
		w.put(word)
		i = j
	}
}

func (w *words) addSlow(text []byte) {
	for _, token := range query.Tokens(string(text)) {
		w.word = append(w.word[:0], token...)
		w.put(w.word)
	}
}

// put adds a word, which is in w.word.
func (w *words) put(word []byte) {
	word, cut := cutTerm(word)
	if cut {
		word = append(word, cutMark)
	}
	if len(w.places)-w.starts[len(w.starts)-1] >= mostWords {
		word = anyWord
	}
	h := w.hash(word)
	mask := uint32(len(w.table) - 1)
	at := h & mask
	for ; w.table[at] != 0; at = (at + 1) & mask {
		if n := w.table[at] - 1; w.hashes[n] == h && bytes.Equal(w.term(n), word) {
			w.place(n)
			return
		}
	}
	n := uint32(len(w.ends))
	w.table[at] = n + 1
	w.text = append(w.text, word...)
	w.hashes = append(w.hashes, h)
	w.ends = append(w.ends, uint32(len(w.text)))
	w.seen = append(w.seen, 0)
	w.latest = append(w.latest, math.MaxUint32)
	w.place(n)
	if len(w.ends)*2 > len(w.table) {
		w.grow()
	}
}

func (w *words) hash(word []byte) uint32 { return uint32(maphash.Bytes(w.seed, word)) }

func (w *words) grow() {
	w.table = make([]uint32, 2*len(w.table))
	mask := uint32(len(w.table) - 1)
	for n, h := range w.hashes {
		at := h & mask
		for w.table[at] != 0 {
			at = (at + 1) & mask
		}
		w.table[at] = uint32(n) + 1
	}
}

// place puts a word into the block, once.
func (w *words) place(n uint32) {
	block := uint32(len(w.blocks) - 1)
	if w.latest[n] == block {
		return
	}
	w.latest[n] = block
	w.seen[n]++
	w.places = append(w.places, n)
}

// term is a word by its number. It is w's memory.
func (w *words) term(n uint32) []byte {
	start := uint32(0)
	if n > 0 {
		start = w.ends[n-1]
	}
	return w.text[start:w.ends[n]]
}
