package rules

import (
	"math/bits"
	"unicode/utf8"
)

// A scanner sees, by going through a text once, which of many patterns may match it.
type scanner struct {
	patterns []*pattern
	numbers  map[string]int // of the patterns, by their text
	always   uint32         // those of which nothing is known that they need
	// pairs says of two bytes, less what tells capitals from small letters, which
	// patterns need something that begins with them.
	pairs [1 << 10]uint32
}

// bit is that of a pattern; 0: it is not known, or there are too many.
func (s *scanner) bit(text string) uint32 {
	if n, known := s.numbers[text]; known {
		return 1 << n
	}
	const most = 32
	p, err := compilePattern(text)
	if err != nil || len(s.patterns) == most {
		return 0
	}
	if s.numbers == nil {
		s.numbers = map[string]int{}
	}
	n := len(s.patterns)
	s.patterns, s.numbers[text] = append(s.patterns, p), n
	if len(p.needs) == 0 {
		s.always |= 1 << n
	}
	for _, need := range p.needs {
		s.pairs[pairOf(need[0], need[1])] |= 1 << n
	}
	return 1 << n
}

func pairOf(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// scan is the patterns that may match.
func (s *scanner) scan(text []byte) uint32 {
	found := s.always
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return ^uint32(0) // a letter may be one of ASCII in another form
		}
		if i+1 == len(text) {
			break
		}
		for may := s.pairs[pairOf(c, text[i+1])] &^ found; may != 0; may &= may - 1 {
			if n := bits.TrailingZeros32(may); s.patterns[n].begins(text[i:]) {
				found |= 1 << n
			}
		}
	}
	return found
}
