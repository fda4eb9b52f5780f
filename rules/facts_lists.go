package rules

import "recourse/audit"

// An elementsOf is one of the lists that conditions go through.
type elementsOf func(*facts) []element

var lists = map[string]elementsOf{
	"changed":   func(f *facts) []element { f.ready(); return f.changed },
	"added":     func(f *facts) []element { f.part(); return f.added },
	"removed":   func(f *facts) []element { f.part(); return f.removed },
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

// mayMatch is the patterns of which one may match a text in what was written.
func (f *facts) mayMatch() uint32 {
	if f.scanned {
		return f.patterns
	}
	f.scanned, f.patterns = true, 0
	texts := f.newTexts()
	for i := range texts {
		texts[i].patterns = f.words.scanner.scan(texts[i].text)
		f.patterns |= texts[i].patterns
	}
	return f.patterns
}

func (f *facts) collect(v audit.Value) {
	switch v.Kind() {
	case audit.KindText:
		f.texts = append(f.texts, element{text: v.TextBytes(), at: f.elements})
		f.elements++

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
