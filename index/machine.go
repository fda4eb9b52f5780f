package index

// A machine takes words byte by byte and says whether they are looked for. Its
// states are worked out as they are met. It also finds words that were cut, if
// what is kept of them could go on to be looked for.
type machine struct {
	rules   rules
	states  []machineState
	numbers map[string]int // states by their names
}

// Rules say how a machine goes on. States have names: what is known after some
// bytes.
type rules interface {
	// after is the state after another byte; empty if no word can match any more.
	after(state string, b byte) string
	// ends says whether a word that ends here matches.
	ends(state string) bool
}

type machineState struct {
	name string
	ends bool
	next [256]int32 // by the byte; -1 is not worked out
}

// The first states of every machine.
const (
	stateDead   = 0 // nothing can match any more
	stateAlways = 1 // everything does: the word was cut
	stateStart  = 2
)

// maxStates bounds a machine to some MiB. One that would need more must not be
// used on.
const maxStates = 1 << 12

func newMachine(r rules, start string) *machine {
	m := &machine{rules: r, numbers: map[string]int{}}
	m.add("", false)
	m.add("always", true)
	m.numbers = map[string]int{"": stateDead}
	m.state(start)
	return m
}

func (m *machine) state(name string) int {
	if n, ok := m.numbers[name]; ok {
		return n
	}
	return m.add(name, m.rules.ends(name))
}

func (m *machine) add(name string, ends bool) int {
	n := len(m.states)
	m.states = append(m.states, machineState{name: name, ends: ends})
	next := &m.states[n].next
	for i := range next {
		next[i] = -1
	}
	m.numbers[name] = n
	return n
}

// accept is the state after another byte.
func (m *machine) accept(state int, b byte) int {
	if n := m.states[state].next[b]; n >= 0 {
		return int(n)
	}
	n := state
	switch {
	case state == stateDead || state == stateAlways:
	case b == cutMark:
		n = stateAlways
	case m.tooLarge():
		return stateDead // who asks looks at tooLarge
	default:
		n = m.state(m.rules.after(m.states[state].name, b))
	}
	m.states[state].next[b] = int32(n)
	return n
}

// tooLarge says that the machine has reached its bound, so that what it says may
// be wrong.
func (m *machine) tooLarge() bool { return len(m.states) >= maxStates }
