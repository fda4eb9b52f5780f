package rules

import (
	"bytes"

	"recourse/audit"
)

// A vocabulary is the names that the quick conditions of a set know by number.
type vocabulary struct {
	slots     map[string]int // attributes that conditions name
	named     []string       // the same, by number
	lengths   []leastLength
	scanner   scanner        // of texts in what was written
	values    int            // costly functions of an element, each once
	valueOf   map[string]int // the same, by their text
	nameTests int            // tests that depend on an attribute's name alone
}

func (v *vocabulary) slot(name string) int {
	i, known := v.slots[name]
	if !known {
		if v.slots == nil {
			v.slots = map[string]int{}
		}
		i = len(v.slots)
		v.slots[name], v.named = i, append(v.named, name)
	}
	return i
}

// value is the number of a costly function of an element, by its text.
func (v *vocabulary) value(text string) int {
	i, known := v.valueOf[text]
	if !known {
		if v.valueOf == nil {
			v.valueOf = map[string]int{}
		}
		i, v.values = v.values, v.values+1
		v.valueOf[text] = i
	}
	return i
}

// An attrName is the name of an attribute that changes had, with all that
// depends on it alone.
type attrName struct {
	text  []byte
	lower []byte
	own   bool // Harper itself keeps it
	slot  int  // its number, if conditions name it; else -1
	memo  []remembered
	// The rules that it is for, of shelves of late.
	shelves [8]struct {
		shelf  *shelf
		admits []admission
	}
}

type remembered struct {
	known   bool
	verdict verdict
}

// facts are one change as quick conditions see it, found when first asked for.
type facts struct {
	c      *audit.Change
	words  *vocabulary
	labels *labeller
	names  map[string]*attrName
	recent [256]*attrName // by a few of their letters, those met last

	compared bool
	changed  []element // without order
	parted   bool
	added    []element
	removed  []element
	whole    []element // the record's attributes as they are now

	collected bool
	texts     []element // the texts in what was written
	scanned   bool
	patterns  uint32 // of which one may match one of texts

	// What was found out about the change at hand, and about no other.
	turn     uint64
	said     *labelled // of the table; nil: not asked for yet
	actor    string    // the kind of the user; empty: not asked for yet
	slots    []slotValue
	moved    []uint64     // of attributes that conditions name: the turn at which it changed last
	values   []foundValue // by element, then by value
	memory   []byte       // of texts that were put together
	elements int          // of any list, so far
}

// A slotValue is an attribute that conditions name, before or after.
type slotValue struct {
	turn  uint64
	value audit.Value
}

// A foundValue is what a costly function says of an element.
type foundValue struct {
	turn  uint64
	known bool
	value val
}

func newFacts(words *vocabulary, l *labeller) *facts {
	return &facts{words: words, labels: l, names: map[string]*attrName{}, slots: make([]slotValue, 2*len(words.slots)), moved: make([]uint64, len(words.slots))}
}

// load turns to another change.
func (f *facts) load(c *audit.Change) {
	f.c = c
	f.turn++
	if f.compared {
		f.changed, f.whole = f.changed[:0], f.whole[:0]
	}
	f.texts, f.elements = f.texts[:0], 0
	f.compared, f.parted, f.collected, f.scanned = false, false, false, false
	f.said, f.actor = nil, ""
	const most = 1 << 16 // a large value is not remembered for ever
	if f.memory = f.memory[:0]; cap(f.memory) > most {
		f.memory = nil
	}
}

// text is a text as a value, without memory of its own.
func (f *facts) text(s string) val {
	n := len(f.memory)
	f.memory = append(f.memory, s...)
	return textOfBytes(f.memory[n:len(f.memory):len(f.memory)])
}

// table is what is said of the change's table.
func (f *facts) table() *labelled {
	if f.said == nil {
		f.said = f.labels.table(f.c.Key.Table)
	}
	return f.said
}

// actorKind is the kind of the change's user.
func (f *facts) actorKind() string {
	if f.actor == "" {
		f.actor = f.labels.actor(f.c.User)
	}
	return f.actor
}

// attribute is one that conditions name, of the record before or after.
func (f *facts) attribute(slot int, after bool) audit.Value {
	i, body := 2*slot, f.c.Before.Body
	if after {
		i, body = i+1, f.c.After.Body
	}
	s := &f.slots[i]
	if s.turn != f.turn {
		*s = slotValue{f.turn, body.Get(f.words.named[slot])}
	}
	return s.value
}

// found is what was found out about an element, under the number of the value.
func (f *facts) found(el *element, value int) *foundValue {
	i := el.at*f.words.values + value
	for i >= len(f.values) {
		f.values = append(f.values, foundValue{})
	}
	return &f.values[i]
}

// size is how many bytes the images have.
func (f *facts) size() int { return len(f.c.Before.Body) + len(f.c.After.Body) }

// known is the name, with all that was found out about it.
func (f *facts) known(raw []byte) *attrName {
	last := &f.recent[recentPlace(raw)%len(f.recent)]
	if n := *last; n != nil && bytes.Equal(n.text, raw) {
		return n
	}
	n := f.names[string(raw)]
	if n == nil {
		n = f.another(raw)
	}
	if len(raw) <= longestName {
		*last = n
	}
	return n
}

// longestName is the length of the longest name that is remembered: names are few and
// short, unless somebody makes them up.
const longestName = 256

// recentPlace is a number made of a few of a name's letters.
func recentPlace(name []byte) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return 7*n + 31*int(name[n-1]) + 5*int(name[n/2])
}

// another is a name that was not met yet.
func (f *facts) another(raw []byte) *attrName {
	name := string(raw)
	const most = 10_000
	if len(f.names) >= most {
		clear(f.names)
	}
	n := &attrName{text: []byte(name), lower: bytes.ToLower(raw), own: bookkeeping(name), slot: -1, memo: make([]remembered, f.words.nameTests)}
	if slot, named := f.words.slots[name]; named && slot < len(f.moved) {
		n.slot = slot
	}
	if len(name) <= longestName {
		f.names[name] = n
	}
	return n
}

// compare goes through both images once.
func (f *facts) compare() {
	f.compared = true
	images := f.c.Before.State != audit.Unknown && f.c.After.State != audit.Unknown
	for p := range audit.Differing(f.c.Before.Body, f.c.After.Body) {
		n := f.known(p.Name)
		if n.own {
			continue
		}
		el := element{name: n, text: n.text, old: p.Old, next: p.New, at: f.elements}
		f.elements++
		if p.New != nil && f.c.Before.State == audit.Unknown {
			f.whole = append(f.whole, el)
		}
		if !images {
			continue
		}
		f.changed = append(f.changed, el)
		if n.slot >= 0 {
			f.moved[n.slot] = f.turn
		}
	}
}

// part finds which of the attributes that changed are new, and which are gone.
func (f *facts) part() {
	if f.ready(); f.parted {
		return
	}
	f.parted, f.added, f.removed = true, f.added[:0], f.removed[:0]
	for _, el := range f.changed {
		switch {
		case el.old == nil:
			f.added = append(f.added, el)
		case el.next == nil:
			f.removed = append(f.removed, el)
		}
	}
}
