package index

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// glob are the rules of a pattern: * is any text, ? one character, and a
// backslash takes the next character as it is. A state is the steps that may come
// next, in order, two bytes each; that after the last one is the end.
type glob []step

// A step is a part of the pattern that takes a byte.
type step struct {
	kind stepKind
	want byte
}

type stepKind uint8

const (
	stepByte  stepKind = iota
	stepAny            // any bytes: it stays, or is left without a byte
	stepRune           // the first byte of a character; the three steps after it are its others
	stepThree          // three bytes of the character are left
	stepTwo
	stepOne
)

// maxSteps bounds a pattern; longer ones are not looked up.
const maxSteps = 1 << 10

// newGlob prepares a pattern, and is nil if it is too long.
func newGlob(pattern string) *machine {
	var g glob
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; {
		case c == '*':
			if n := len(g); n == 0 || g[n-1].kind != stepAny {
				g = append(g, step{kind: stepAny})
			}
			i++
			continue
		case c == '?':
			g = append(g, step{kind: stepRune}, step{kind: stepThree}, step{kind: stepTwo}, step{kind: stepOne})
			i++
			continue
		case c == '\\' && i+1 < len(pattern):
			i++
		}
		_, n := utf8.DecodeRuneInString(pattern[i:])
		for _, c := range []byte(pattern[i : i+n]) {
			g = append(g, step{stepByte, c})
		}
		i += n
	}
	if len(g) > maxSteps {
		return nil
	}
	return newMachine(g, g.name(g.reach(nil, 0)))
}

// literalStart is what every word that the pattern matches begins with.
func literalStart(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?':
			return b.String()
		case '\\':
			if i++; i == len(pattern) {
				return b.String()
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// reach adds a step to a set, and the one after it if it can be left at once.
func (g glob) reach(set []uint16, at int) []uint16 {
	set = append(set, uint16(at))
	if at < len(g) && g[at].kind == stepAny {
		set = append(set, uint16(at+1))
	}
	return set
}

// name is a set as a state.
func (g glob) name(set []uint16) string {
	slices.Sort(set)
	set = slices.Compact(set)
	// Who has come to a later star has no need of what came before it.
	for i := len(set) - 1; i > 0; i-- {
		if at := int(set[i]); at < len(g) && g[at].kind == stepAny {
			set = set[i:]
			break
		}
	}
	var name []byte
	for _, at := range set {
		name = binary.BigEndian.AppendUint16(name, at)
	}
	return string(name)
}

func (g glob) ends(state string) bool {
	last := state[len(state)-2:]
	return int(binary.BigEndian.Uint16([]byte(last))) == len(g)
}

func (g glob) after(state string, b byte) string {
	var set []uint16
	for ; state != ""; state = state[2:] {
		at := int(binary.BigEndian.Uint16([]byte(state[:2])))
		if at == len(g) {
			continue
		}
		if n := g[at].accept(b); n >= 0 {
			set = g.reach(set, at+n)
		}
	}
	return g.name(set)
}

// accept is how many steps further one is after a byte; -1 if it does not fit.
func (s step) accept(b byte) int {
	switch s.kind {
	case stepAny:
		return 0
	case stepByte:
		if b == s.want {
			return 1
		}
	case stepRune:
		switch {
		case b < utf8.RuneSelf:
			return 4
		case b >= 0xf0:
			return 1
		case b >= 0xe0:
			return 2
		case b >= 0xc0:
			return 3
		}
	default:
		if b&0xc0 == 0x80 {
			return 1
		}
	}
	return -1
}
