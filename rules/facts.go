package rules

import (
	"bytes"

	"recourse/audit"
)

// A vocabulary is the names that the quick conditions of a set know by number.
type vocabulary struct {
	slots     map[string]int // attributes that conditions name
	nameTests int            // tests that depend on an attribute's name alone
}

func (v *vocabulary) slot(name string) int {
	i, known := v.slots[name]
	if !known {
		if v.slots == nil {
			v.slots = map[string]int{}
		}
		i = len(v.slots)
		v.slots[name] = i
	}
	return i
}

// An attrName is the name of an attribute that changes had, with all that
// depends on it alone.
type attrName struct {
	text  []byte
	lower []byte
	slot  int  // -1: no condition names it
	own   bool // Harper itself keeps it
	memo  []remembered
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

	compared  bool
	old, next []audit.Value // by slot
	changed   []element     // without order
	added     []element
	removed   []element
	whole     []element // the record's attributes as they are now

	collected bool
	texts     []element // the texts in what was written
}

func newFacts(words *vocabulary, l *labeller) *facts {
	n := len(words.slots)
	return &facts{words: words, labels: l, names: map[string]*attrName{}, old: make([]audit.Value, n), next: make([]audit.Value, n)}
}

// load turns to another change.
func (f *facts) load(c *audit.Change) {
	f.c = c
	if f.compared {
		clear(f.old)
		clear(f.next)
		f.changed, f.added, f.removed, f.whole = f.changed[:0], f.added[:0], f.removed[:0], f.whole[:0]
	}
	f.texts = f.texts[:0]
	f.compared, f.collected = false, false
}

// size is how many bytes the images have.
func (f *facts) size() int { return len(f.c.Before.Body) + len(f.c.After.Body) }

// known is the name, with all that was found out about it.
func (f *facts) known(raw []byte) *attrName {
	n := f.names[string(raw)]
	if n != nil {
		return n
	}
	name := string(raw)
	n = &attrName{text: []byte(name), lower: bytes.ToLower(raw), slot: -1, own: bookkeeping(name), memo: make([]remembered, f.words.nameTests)}
	if slot, named := f.words.slots[name]; named {
		n.slot = slot
	}
	const most, longest = 10_000, 256 // names are few and short, unless somebody makes them up
	if len(f.names) >= most {
		clear(f.names)
	}
	if len(name) <= longest {
		f.names[name] = n
	}
	return n
}

// compare goes through both images once.
func (f *facts) compare() {
	f.compared = true
	images := f.c.Before.State != audit.Unknown && f.c.After.State != audit.Unknown
	for p := range audit.Pairs(f.c.Before.Body, f.c.After.Body) {
		n := f.known(p.Name)
		if n.slot >= 0 {
			f.old[n.slot], f.next[n.slot] = p.Old, p.New
		}
		if n.own {
			continue
		}
		el := element{name: n, text: n.text, old: p.Old, next: p.New}
		if p.New != nil && f.c.Before.State == audit.Unknown {
			f.whole = append(f.whole, el)
		}
		if !images || bytes.Equal(p.Old, p.New) || p.Old.Equal(p.New) {
			continue
		}
		f.changed = append(f.changed, el)
		switch {
		case p.Old == nil:
			f.added = append(f.added, el)
		case p.New == nil:
			f.removed = append(f.removed, el)
		}
	}
}

// An elementsOf is one of the lists that conditions go through.
type elementsOf func(*facts) []element

var lists = map[string]elementsOf{
	"changed":   func(f *facts) []element { f.ready(); return f.changed },
	"added":     func(f *facts) []element { f.ready(); return f.added },
	"removed":   func(f *facts) []element { f.ready(); return f.removed },
	"written":   func(f *facts) []element { f.ready(); return f.written() },
	"new_texts": (*facts).newTexts,
}

func (f *facts) ready() {
	if !f.compared {
		f.compare()
	}
}

// written is the attributes that changed; all of the record's when what it was
// before is not known, since any of them may have.
func (f *facts) written() []element {
	if f.c.Before.State == audit.Unknown {
		return f.whole
	}
	return f.changed
}

func (f *facts) newTexts() []element {
	f.ready()
	if !f.collected {
		f.collected = true
		for _, el := range f.written() {
			f.collect(el.next)
		}
	}
	return f.texts
}

func (f *facts) collect(v audit.Value) {
	switch v.Kind() {
	case audit.KindText:
		f.texts = append(f.texts, element{text: v.TextBytes()})
	case audit.KindArray:
		for e := range v.Elems() {
			f.collect(e)
		}
	case audit.KindObject:
		for _, e := range v.RawFields() {
			f.collect(e)
		}
	case audit.KindTagged:
		_, content := v.Tag()
		f.collect(content)
	}
}
