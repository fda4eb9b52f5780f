package rules

import (
	"unicode/utf8"
)

// A scanner sees, by going through a text once, which of many patterns may match it.
type scanner struct {
	patterns []*pattern
	numbers  map[string]int // of the patterns, by their text
	always   uint32         // those of which nothing is known that they need
	// triples says of three bytes, less what tells capitals from small letters, whether
	// something that is needed begins with them.
	triples [1 << 15 / 64]uint64
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
		k := tripleOf(need[0], need[1], need[2])
		s.triples[k/64] |= 1 << (k % 64)
	}
	return 1 << n
}

func tripleOf(a, b, c byte) uint { return uint(a&31)<<10 | uint(b&31)<<5 | uint(c&31) }

// scan is the patterns that may match.
func (s *scanner) scan(text []byte) uint32 {
	found, last := s.always, uint(0)
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return ^uint32(0) // a letter may be one of ASCII in another form
		}
		last = (last<<5 | uint(c&31)) & (1<<15 - 1)
		if i < 2 || s.triples[last/64]&(1<<(last%64)) == 0 {
			continue
		}
		for n, p := range s.patterns {
			if found&(1<<n) == 0 && p.begins(text[i-2:]) {
				found |= 1 << n
			}
		}
	}
	return found
}
