package store

import (
	"encoding/binary"
	"strconv"
)

// A template is a text with its words and numbers left out. It is a string of
// items; a byte that is none of those below stands for itself.
const (
	itemWord   = 1 // number in the words; after another itemWord a space stands between them
	itemNumber = 2 // a uvarint in the numbers: digits without a leading zero
	itemPadded = 3 // and a byte, how many digits: a uvarint, with zeros before it
	itemHex    = 4 // and a byte, how many digits: two of them a byte in the numbers
	itemUpper  = 5 // and a byte, how many: capital letters in the literals
	itemRun    = 6 // a uvarint in the numbers, that many bytes in the literals
	itemByte   = 7 // and the byte
)

const (
	maxTemplated = 512 // longer texts have no template
	maxTemplate  = 96  // nor have those whose template would be longer
	maxDigits    = 18
	maxHex       = 64
	maxWord      = 32
	maxWords     = 1 << 13
	// Words from twoByteWord on take two bytes.
	twoByteWord = 0xe0
)

// Classes of bytes; those without one separate.
const (
	classDigit = 1 << iota
	classHex   // a to f
	classLower
	classUpper
	classHigh // part of what is not ASCII
)

var classes = func() (c [256]byte) {
	for b := range c {
		switch {
		case b >= '0' && b <= '9':
			c[b] = classDigit
		case b >= 'a' && b <= 'f':
			c[b] = classHex
		case b >= 'g' && b <= 'z':
			c[b] = classLower
		case b >= 'A' && b <= 'Z':
			c[b] = classUpper
		case b >= 0x80:
			c[b] = classHigh
		}
	}
	return c
}()

// leftOut is what templates and forms leave out.
type leftOut struct{ words, nums, lits []byte }

func (o *leftOut) sizes() [3]int { return [3]int{len(o.words), len(o.nums), len(o.lits)} }

func (o *leftOut) cut(s [3]int) {
	o.words, o.nums, o.lits = o.words[:s[0]], o.nums[:s[1]], o.lits[:s[2]]
}

func (o *leftOut) num(u uint64) { o.nums = binary.AppendUvarint(o.nums, u) }

// raw keeps bytes as they are.
func (o *leftOut) raw(b []byte) {
	o.num(uint64(len(b)))
	o.lits = append(o.lits, b...)
}

// A templater finds the template of a text.
type templater struct {
	items    []byte
	afterOne int // where items ended after the last word
	words    *lexicon
	out      *leftOut
}

// split makes the template of s, and says whether it has one. What it left out
// is to be cut off again if not.
func (t *templater) split(s []byte) bool {
	t.items, t.afterOne = t.items[:0], -1
	if len(s) > maxTemplated {
		return false
	}
	for i := 0; i < len(s); {
		mask := classes[s[i]]
		if mask == 0 {
			if s[i] <= itemByte {
				t.items = append(t.items, itemByte)
			}
			t.items = append(t.items, s[i])
			i++
			continue
		}
		j := i + 1
		for ; j < len(s) && classes[s[j]] != 0; j++ {
			mask |= classes[s[j]]
		}
		t.run(s[i:j], mask)
		i = j
		if len(t.items) > maxTemplate {
			return false
		}
	}
	return len(t.items) <= maxTemplate
}

// run takes in letters and digits.
func (t *templater) run(s []byte, mask byte) {
	switch {
	case mask == classDigit:
		t.digits(s)
	case mask&classDigit == 0:
		t.letters(s, mask)
	case mask == classDigit|classHex && len(s) >= 4 && len(s) <= maxHex:
		t.hex(s)
	default:
		t.mixed(s)
	}
}

func (t *templater) digits(s []byte) {
	if len(s) > maxDigits {
		t.literal(s)
		return
	}
	var n uint64
	for _, c := range s {
		n = n*10 + uint64(c-'0')
	}
	if s[0] == '0' && len(s) > 1 {
		t.items = append(t.items, itemPadded, byte(len(s)))
	} else {
		t.items = append(t.items, itemNumber)
	}
	t.out.num(n)
}

func (t *templater) letters(s []byte, mask byte) {
	if mask == classUpper && len(s) <= 3 {
		t.items = append(t.items, itemUpper, byte(len(s)))
		t.out.lits = append(t.out.lits, s...)
		return
	}
	n := -1
	if len(s) <= maxWord {
		n = t.words.number(s, maxWords)
	}
	if n < 0 {
		t.literal(s)
		return
	}
	if last := len(t.items) - 1; last >= 0 && last == t.afterOne && t.items[last] == ' ' {
		t.items = t.items[:last]
	}
	t.items = append(t.items, itemWord)
	t.afterOne = len(t.items)
	if n < twoByteWord {
		t.out.words = append(t.out.words, byte(n))
	} else {
		n -= twoByteWord
		t.out.words = append(t.out.words, byte(twoByteWord+n>>8), byte(n))
	}
}

func (t *templater) hex(s []byte) {
	t.items = append(t.items, itemHex, byte(len(s)))
	for i := 0; i < len(s); i += 2 {
		b := nibble(s[i]) << 4
		if i+1 < len(s) {
			b |= nibble(s[i+1])
		}
		t.out.nums = append(t.out.nums, b)
	}
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

// mixed takes in up to three parts of letters only and of digits only, as in
// v12; what has more is random and kept whole.
func (t *templater) mixed(s []byte) {
	var ends [3]int
	n := 0
	for i := range s {
		if last := i+1 == len(s); last || (classes[s[i]] == classDigit) != (classes[s[i+1]] == classDigit) {
			if n == len(ends) {
				t.literal(s)
				return
			}
			ends[n] = i + 1
			n++
		}
	}
	from := 0
	for _, end := range ends[:n] {
		var mask byte
		for _, c := range s[from:end] {
			mask |= classes[c]
		}
		if mask == classDigit {
			t.digits(s[from:end])
		} else {
			t.letters(s[from:end], mask)
		}
		from = end
	}
}

func (t *templater) literal(s []byte) {
	t.items = append(t.items, itemRun)
	t.out.raw(s)
}

// sources are where what was left out is taken from.
type sources struct {
	words, nums, lits stream
	// beside is where words stood that were gone past last, which digits may be beside;
	// nil: nobody wants to know.
	beside []int
}

// mayBeDigits says so of an item; very long numbers are runs.
func mayBeDigits(item byte) bool { return item == itemNumber || item == itemPadded || item == itemRun }

// text appends the text with this template.
func (s *sources) text(dst, template []byte, words *texts) []byte {
	afterOne := -1
	for i := 0; i < len(template); i++ {
		item := template[i]
		if item > itemByte || item == 0 {
			dst = append(dst, item)
			continue
		}
		if item == itemWord {
			if i == afterOne {
				dst = append(dst, ' ')
			}
			dst = s.word(dst, words)
			afterOne = i + 1
			continue
		}
		var arg byte
		if item != itemNumber && item != itemRun {
			if i++; i == len(template) {
				s.nums.bad = true
				return dst
			}
			arg = template[i]
		}
		dst = s.item(dst, item, arg)
	}
	return dst
}

func (s *sources) word(dst []byte, words *texts) []byte {
	n := int(s.words.byte())
	if n >= twoByteWord {
		n = twoByteWord + (n-twoByteWord)<<8 + int(s.words.byte())
	}
	if n >= words.len() {
		s.words.bad = true
		return dst
	}
	return appendShort(dst, words.at(n))
}

func (s *sources) item(dst []byte, item, arg byte) []byte {
	switch item {
	case itemNumber:
		return strconv.AppendUint(dst, s.nums.uvarint(), 10)
	case itemPadded:
		var digits [20]byte
		d := strconv.AppendUint(digits[:0], s.nums.uvarint(), 10)
		for n := len(d); n < int(arg); n++ {
			dst = append(dst, '0')
		}
		return append(dst, d...)
	case itemHex:
		const hex = "0123456789abcdef"
		for i, b := range s.nums.take((uint64(arg) + 1) / 2) {
			dst = append(dst, hex[b>>4])
			if 2*i+1 < int(arg) {
				dst = append(dst, hex[b&15])
			}
		}
		return dst
	case itemUpper:
		return append(dst, s.lits.take(uint64(arg))...)
	case itemRun:
		return append(dst, s.run()...)
	default:
		return append(dst, arg)
	}
}
