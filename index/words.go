package index

import (
	"hash/maphash"
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
	seed    maphash.Seed
	keys    [2]uint64 // drawn at random, by which short words are hashed
	table   []uint64  // by hash: the hash, and below it the number of the word + 1; or 0
	entries []entry   // the words by their numbers
	text    []byte    // the words, one after the other

	blocks []uint32 // numbers of the blocks
	starts []int    // of each block: where in places it begins
	places []uint32 // the words of each block, by their numbers
	bytes  int      // what was read of images, so that a batch can be bounded

	waiting []met  // short words that are not yet entered, in order
	looked  uint32 // see settle

	leaf      func(audit.Value) bool
	edit      func(old, next audit.Value)
	word, num []byte // space to work in
}

func newWords() *words {
	const most = 64 // words that wait
	w := &words{seed: maphash.MakeSeed(), table: make([]uint64, 1<<12), waiting: make([]met, 0, most)}
	for i := range w.keys {
		w.keys[i] = maphash.Comparable(w.seed, i)
	}
	// Made once, as each would cost an allocation a change.
	w.leaf = w.value
	w.edit = func(old, next audit.Value) {
		w.leaves(old)
		w.leaves(next)
	}
	return w
}

// reset empties w and keeps its memory.
func (w *words) reset() {
	clear(w.table)
	w.entries, w.text = w.entries[:0], w.text[:0]
	w.blocks, w.starts, w.places, w.bytes = w.blocks[:0], w.starts[:0], w.places[:0], 0
	w.waiting = w.waiting[:0]
}

// begin starts a block; they come in order.
func (w *words) begin(block int) {
	w.settle()
	w.blocks = append(w.blocks, uint32(block))
	w.starts = append(w.starts, len(w.places))
}

// end drops a block that is not whole: the one that goes beyond a number.
func (w *words) end(last audit.Seq) {
	w.settle()
	n := len(w.blocks) - 1
	if n < 0 || (audit.Seq(w.blocks[n])+1)*audit.BlockSize <= last {
		return
	}
	for _, word := range w.places[w.starts[n]:] {
		w.entries[word].seen--
	}
	w.places, w.blocks, w.starts = w.places[:w.starts[n]], w.blocks[:n], w.starts[:n]
}

// full says whether the blocks are enough for a batch, or their words take so
// many bytes of memory.
func (w *words) full(memory int) bool {
	w.settle()
	return len(w.blocks) >= batchBlocks || len(w.text)+len(w.entries)*48+len(w.places)*8 >= memory
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

// leaves adds the words of a value and of all within it.
func (w *words) leaves(v audit.Value) {
	if text := v.TextBytes(); text != nil { // as most are
		w.add(text)
		return
	}
	v.Leaves(w.leaf)
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
	for i := 0; i < len(text); i++ {
		var l lead
		j := i
		for ; j < len(text); j++ {
			c := folded[text[j]]
			if c-1 >= other-1 { // neither of these is of a word: 0, other
				break
			}
			if j-i < leadSize/2 {
				l[0] = l[0]<<8 | uint64(c)
			} else {
				l[1] = l[1]<<8 | uint64(c)
			}
		}
		if j < len(text) && text[j] >= utf8.RuneSelf {
			w.addSlow(text[i:])
			return
		}
		switch n := j - i; {
		case n > leadSize:
			w.word = w.word[:0]
			for _, c := range text[i:j] {
				w.word = append(w.word, folded[c])
			}
			w.put(w.word)
		case n > leadSize/2:
			l[1] <<= 8 * (leadSize - n)
			w.await(l, n)
		case n > 0:
			l[0] <<= 8 * (leadSize/2 - n)
			w.await(l, n)
		}
		i = j
	}
}

func (w *words) addSlow(text []byte) {
	for _, token := range query.Tokens(string(text)) {
		w.word = append(w.word[:0], token...)
		w.put(w.word)
	}
}
