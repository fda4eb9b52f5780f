package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// Sieve leaves out of some changes of one block, ascending, those of which no
// image can have a value with a word: that one, or with prefix one that begins
// with it. The word is in small letters. The block is unpacked for that, but its
// changes are not put together. What is left may have the word or not.
func (v *View) Sieve(ctx context.Context, seqs []audit.Seq, word string, prefix bool) ([]audit.Seq, error) {
	s, ok := newSieve(word, prefix)
	if !ok || len(seqs) == 0 || seqs[len(seqs)-1] > v.last {
		return seqs, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := v.r.again()
	defer r.release()
	b, last, err := r.locate(seqs[len(seqs)-1])
	if err == nil {
		err = b.load()
	}
	if err != nil {
		return nil, fmt.Errorf("look for a word among the changes from %d on: %w", seqs[0], err)
	}
	may, err := s.places(b.block)
	if err != nil {
		return nil, fmt.Errorf("look for a word among the changes from %d on: %w", seqs[0], err)
	}
	var left []audit.Seq
	stale := r.known.anyStale(audit.ChunkOf(seqs[0]))
	for _, seq := range seqs {
		place := last - int(seqs[len(seqs)-1]-seq)
		if may[place] || stale && r.known.isStale(seq) || r.known.based && !b.follows(place) {
			left = append(left, seq)
		}
	}
	return left, nil
}

// follows says that the change at a place knows the one before it of its record.
func (b *block) follows(place int) bool {
	var r row
	b.meta.fill(place, &r)
	return r.prev != 0
}

// A sieve is a word of ASCII letters and digits, and what stands in a block for
// it. A word is written as it is among the literals; or it is one of the words of
// the block, or a part of one; or bytes that are its hex digits; or letters that
// are a word, and digits that are a number.
type sieve struct {
	word   string
	prefix bool
	hex    []byte // the bytes of its hex digits; nil: it is not of these
	letter string // its letters, or the first of its parts that are letters
	whole  bool   // the part that letter is ends there
	mixed  bool   // it has digits as well
	number []byte // the digits behind letter, or before it, as a number is written; nil: not known
	odd    bool   // has a letter to which others that are not ASCII are folded
}

// numberWords are those of values that are no texts; they are written nowhere.
var numberWords = []string{"nan", "infinity", "invalid", "date", "true", "false", "null"}

// newSieve says whether anything can be told of a word.
func newSieve(word string, prefix bool) (*sieve, bool) {
	if len(word) < 3 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || strings.Trim(word, "0123456789etz") == "" && isDigit(word[0]) {
		return nil, false // of numbers and times only the digits are kept
	}
	for _, w := range numberWords {
		if w == word || prefix && strings.HasPrefix(w, word) {
			return nil, false
		}
	}
	s := &sieve{word: word, prefix: prefix, odd: strings.ContainsAny(word, "iks")}
	if strings.Trim(word, "0123456789abcdef") == "" && len(word) <= maxHex && (prefix || len(word) >= 4 && strings.ContainsAny(word, "0123456789")) {
		if prefix && len(word) < 4 {
			return nil, false // too little to look for
		}
		s.hex = hexBytes(word, prefix)
	}
	parts := partsOf(word)
	s.mixed = len(parts) > 1
	at := 0
	if isDigit(word[0]) {
		at = 1
	}
	s.letter, s.whole = parts[at], !prefix || at+1 < len(parts)
	digits := ""
	if at+1 < len(parts) && (!prefix || at+2 < len(parts)) {
		digits = parts[at+1]
	} else if at == 1 {
		digits = parts[0]
	}
	if digits != "" && len(digits) <= maxDigits {
		s.number = binary.AppendUvarint(nil, numberOf(digits))
	}
	return s, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// partsOf are the letters and the digits of a word, in turn.
func partsOf(word string) []string {
	var parts []string
	start := 0
	for i := 1; i <= len(word); i++ {
		if i == len(word) || isDigit(word[i]) != isDigit(word[start]) {
			parts = append(parts, word[start:i])
			start = i
		}
	}
	return parts
}

func numberOf(digits string) (n uint64) {
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	return n
}

// hexBytes are hex digits as templater.hex has them; of a prefix those that are
// whole.
func hexBytes(word string, prefix bool) []byte {
	var out []byte
	for i := 0; i < len(word); i += 2 {
		b := nibble(word[i]) << 4
		if i+1 < len(word) {
			b |= nibble(word[i+1])
		} else if prefix {
			break
		}
		out = append(out, b)
	}
	return out
}

// places says of each change of a block whether it may have the word: first of
// groups of changes, and where one may, of each of them.
func (s *sieve) places(b *block) ([]bool, error) {
	m := b.meta
	may := make([]bool, b.n)
	m.rawPlaces(may)
	var all, letters, numbers found
	all.of(m, func(in *sources, at *foundIn) {
		markFolded(&at[2], in.lits.b, s.word, s.odd)
		if s.hex != nil {
			markBytes(&at[1], in.nums.b, s.hex)
		}
	})
	switch parts := len(partsOf(s.word)); {
	case parts == 1:
		all.words(m, s.entries(m))
	case parts <= 3: // no more are taken apart
		if s.number != nil {
			numbers.of(m, func(in *sources, at *foundIn) { markBytes(&at[1], in.nums.b, s.number) })
		}
		if s.number == nil || numbers.any() {
			s.parts(m, &letters)
		}
	}
	return may, s.refine(b, may, &all, &letters, &numbers)
}

// parts adds where the letters stand that a number makes the word with.
func (s *sieve) parts(m *blockMeta, f *found) {
	if m.templates(0, besideDigits) {
		f.words(m, s.entries(m))
	}
	if !m.templates(colID, besideDigits) {
		f.keys[0] = nil
	}
	if m.templates(0, joins) {
		f.of(m, func(in *sources, at *foundIn) { markFolded(&at[2], in.lits.b, s.letter, s.odd) })
	}
}

// refine adds the changes that have something of all, or letters and, if it is
// known, the number beside them.
func (s *sieve) refine(b *block, may []bool, all, letters, numbers *found) error {
	groups, numbered := all.groups(b), numbers.groups(b)
	for i, is := range letters.groups(b) {
		groups[i] = groups[i] || is && (s.number == nil || numbered[i])
	}
	if !slices.Contains(groups, true) {
		return nil
	}
	for _, f := range []*found{all, letters, numbers} {
		f.bodies.sort()
		f.keys.sort()
	}
	d, err := b.reader()
	if err != nil {
		return err
	}
	d.in.beside, d.keys.in.beside = []int{}, []int{}
	for g, is := range groups {
		if !is {
			continue
		}
		body, key := lastOf(b, g, all, letters, numbers)
		for i := d.seek(g * checkEvery); i < min((g+1)*checkEvery, b.n) && (d.in.before(body) || d.keys.in.before(key)); i++ {
			body, key := d.in.places(), d.keys.in.places()
			d.pass(i)
			may[i] = may[i] || all.has(body, key, d) || letters.hasBeside(body, key, d) && (s.number == nil || numbers.has(body, key, d))
		}
		if d.bad() {
			return b.corrupt("its bodies")
		}
	}
	return nil
}

// entries says which of a block's words may stand for the letters; nil: none.
func (s *sieve) entries(m *blockMeta) (is []bool) {
	for i := range m.words.len() {
		if s.is(m.words.at(i)) {
			if is == nil {
				is = make([]bool, m.words.len())
			}
			is[i] = true
		}
	}
	return is
}

// words adds where one of those entries stands.
func (f *found) words(m *blockMeta, is []bool) {
	if is != nil {
		f.of(m, func(in *sources, at *foundIn) { markWords(&at[0], in.words.b, is) })
	}
}

// is says whether an entry of the words may stand for the letters. What is not
// ASCII may part words or be folded to a letter.
func (s *sieve) is(entry []byte) bool {
	switch {
	case !ascii(entry):
		return s.odd || indexFolded(entry, s.letter) >= 0
	case !s.mixed:
		return indexFolded(entry, s.letter) >= 0
	case s.whole:
		return len(entry) == len(s.letter) && indexFolded(entry, s.letter) == 0
	}
	return indexFolded(entry, s.letter) == 0
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// indexFolded is where a text has small letters and digits, in whatever case; -1
// if nowhere.
func indexFolded(b []byte, word string) int {
	c := word[0]
	other := c
	if c >= 'a' {
		other = c - 'a' + 'A'
	}
	for from := 0; from+len(word) <= len(b); {
		at := bytes.IndexByte(b[from:], c)
		if other != c {
			if rest := b[from:]; at < 0 {
				at = bytes.IndexByte(rest, other)
			} else if i := bytes.IndexByte(rest[:at], other); i >= 0 {
				at = i
			}
		}
		if at < 0 || from+at+len(word) > len(b) {
			return -1
		}
		from += at
		if bytes.EqualFold(b[from:from+len(word)], []byte(word)) {
			return from
		}
		from++
	}
	return -1
}
