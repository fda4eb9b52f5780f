package index

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	api "github.com/blevesearch/scorch_segment_api/v2"
)

// A glob is an automaton that finds the words that a pattern matches: * is any
// text, ? one character, and a backslash takes the next character as it is. It
// also finds words that were cut if what is kept of them could go on to match.
//
// A state is where in the pattern one may be, after some bytes; states are
// worked out as they are met.
type glob struct {
	steps  []step
	states []globState
	named  map[string]int // states by where they are
}

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

// A globState is a set of steps that may come next, in order, len(steps) being
// the end.
type globState struct {
	at   []uint16
	next [256]int32 // by the byte; -1 is not worked out
}

// The states of every glob.
const (
	stateDead   = 0 // nothing can match any more
	stateAlways = 1 // everything does
	stateStart  = 2
)

// Limits of a pattern: longer ones, or those whose automata grow beyond that,
// are not looked up.
const (
	maxSteps  = 1 << 10
	maxStates = 1 << 11
)

var _ api.Automaton = (*glob)(nil)

// newGlob prepares a pattern, and is nil if it is too long.
func newGlob(pattern string) *glob {
	g := &glob{named: map[string]int{}}
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; {
		case c == '*':
			if n := len(g.steps); n == 0 || g.steps[n-1].kind != stepAny {
				g.steps = append(g.steps, step{kind: stepAny})
			}
			i++
			continue
		case c == '?':
			g.steps = append(g.steps, step{kind: stepRune}, step{kind: stepThree}, step{kind: stepTwo}, step{kind: stepOne})
			i++
			continue
		case c == '\\' && i+1 < len(pattern):
			i++
		}
		_, n := utf8.DecodeRuneInString(pattern[i:])
		for _, c := range []byte(pattern[i : i+n]) {
			g.steps = append(g.steps, step{stepByte, c})
		}
		i += n
	}
	if len(g.steps) > maxSteps {
		return nil
	}
	g.state(nil)
	g.state([]uint16{uint16(len(g.steps)) + 1})
	g.state(g.reach(nil, 0))
	return g
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
func (g *glob) reach(set []uint16, at int) []uint16 {
	set = append(set, uint16(at))
	if at < len(g.steps) && g.steps[at].kind == stepAny {
		set = append(set, uint16(at+1))
	}
	return set
}

// state is the number of a set.
func (g *glob) state(set []uint16) int {
	slices.Sort(set)
	set = slices.Compact(set)
	// Who has come to a later star has no need of what came before it.
	for i := len(set) - 1; i > 0; i-- {
		if at := int(set[i]); at < len(g.steps) && g.steps[at].kind == stepAny {
			set = set[i:]
			break
		}
	}
	var name []byte
	for _, at := range set {
		name = binary.BigEndian.AppendUint16(name, at)
	}
	if n, ok := g.named[string(name)]; ok {
		return n
	}
	n := len(g.states)
	s := globState{at: set}
	for i := range s.next {
		s.next[i] = -1
	}
	g.named[string(name)] = n
	g.states = append(g.states, s)
	return n
}

// tooMany says that the automaton grew beyond its limit and must not be used on.
func (g *glob) tooMany() bool { return len(g.states) > maxStates }

// Start is the state before the first byte.
func (g *glob) Start() int { return stateStart }

// IsMatch says whether a word that ends here matches.
func (g *glob) IsMatch(state int) bool {
	at := g.states[state].at
	return state == stateAlways || len(at) > 0 && int(at[len(at)-1]) == len(g.steps)
}

// CanMatch says whether a word that begins so can match.
func (g *glob) CanMatch(state int) bool { return state != stateDead }

// WillAlwaysMatch says whether all words that begin so match.
func (g *glob) WillAlwaysMatch(state int) bool {
	at := g.states[state].at
	return state == stateAlways || len(at) > 0 && int(at[0]) == len(g.steps)-1 && g.steps[at[0]].kind == stepAny
}

// Accept is the state after another byte.
func (g *glob) Accept(state int, b byte) int {
	if n := g.states[state].next[b]; n >= 0 {
		return int(n)
	}
	n := g.accept(state, b)
	g.states[state].next[b] = int32(n)
	return n
}

func (g *glob) accept(state int, b byte) int {
	switch {
	case state == stateDead || state == stateAlways:
		return state
	case b == cutMark:
		return stateAlways
	case g.tooMany():
		return stateDead // who asks looks at tooMany
	}
	var set []uint16
	for _, at := range g.states[state].at {
		if int(at) == len(g.steps) {
			continue
		}
		if n := g.steps[at].accept(b); n >= 0 {
			set = g.reach(set, int(at)+n)
		}
	}
	return g.state(set)
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
