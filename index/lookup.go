package index

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// Explain is how Blocks would look up a word, and how many words at most it would
// have to look at if it walks through all of them.
func (x *Index) Explain(word string, fuzzy int) (way Lookup, words int, err error) {
	way = newQuestion(word, fuzzy).way
	if way != LookupWalk {
		return way, 0, nil
	}
	s, err := x.snapshot()
	if err != nil {
		return way, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, s := range s.Segments() {
		if d, err := dictionary(s); err == nil {
			words += d.words
		}
	}
	return way, words, nil
}

// Blocks implements query.WordFinder. Up to two characters may differ, in a word
// without wildcards: they may be put in, left out or replaced.
func (x *Index) Blocks(ctx context.Context, word string, fuzzy int) (*roaring.Bitmap, bool, error) {
	return x.look(ctx, newQuestion(word, fuzzy), nil)
}

// look is Blocks; it tells, if anybody wants to know, which words it found.
func (x *Index) look(ctx context.Context, q question, tell *told) (blocks *roaring.Bitmap, ok bool, err error) {
	defer guard(&err)
	if q.way == LookupNone {
		return nil, false, ctx.Err()
	}
	snapshot, err := x.snapshot()
	if err != nil {
		return nil, false, fmt.Errorf("look up a word: %w", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	blocks = roaring.New()
	for _, s := range snapshot.Segments() {
		d, err := dictionary(s)
		if err == nil {
			a := &answer{ctx: ctx, cursor: d.cursor(), hit: make([]bool, len(d.blocks)), tell: tell}
			if ok, err = a.find(q); err == nil && !ok {
				return nil, false, nil
			}
			a.into(blocks, s.Deleted())
		}
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		if err != nil {
			return nil, false, fmt.Errorf("look up a word: %w: %w", ErrRebuild, err)
		}
	}
	return blocks, true, nil
}

// An answer is what one segment says.
type answer struct {
	*cursor
	ctx   context.Context
	hit   []bool // documents
	hits  int
	found []uint32 // space to work in
	tell  *told    // nil: nobody wants to know the words
}

// into adds the blocks of the documents that were found, but deleted ones.
func (a *answer) into(blocks, deleted *roaring.Bitmap) {
	for d, hit := range a.hit {
		if hit && (deleted == nil || !deleted.Contains(uint32(d))) {
			blocks.Add(a.s.blocks[d])
		}
	}
}

// take adds the documents of the word that the cursor is at.
func (a *answer) take() error {
	var err error
	a.found, err = a.documents(a.found[:0])
	if err != nil {
		return err
	}
	a.takeFound()
	return nil
}

func (a *answer) takeFound() {
	for _, d := range a.found {
		if !a.hit[d] {
			a.hit[d] = true
			a.hits++
		}
	}
}

func (a *answer) find(q question) (ok bool, err error) {
	if len(a.s.pages) == 0 {
		return true, nil
	}
	if err := a.anyWord(); err != nil {
		return false, err
	}
	switch q.way {
	case LookupWord:
		cut, was := cutTerm(q.start)
		if was {
			cut += string(anyWord)
		}
		return true, a.word(cut)
	case LookupPrefix:
		return true, a.prefix(q.start)
	}
	if err := a.walk(q); err != nil {
		return false, err
	}
	return !q.machine.tooLarge(), nil
}

// anyWord takes the documents that are proposed for every question, of which the
// segment is asked once.
func (a *answer) anyWord() error {
	s := a.s
	s.any.Lock()
	defer s.any.Unlock()
	if s.any.docs == nil {
		err := a.word(string(anyWord))
		if err == nil {
			s.any.docs = append([]uint32{}, a.found...)
		}
		return err
	}
	a.found = append(a.found[:0], s.any.docs...)
	a.takeFound()
	return nil
}

// word looks up one word.
func (a *answer) word(word string) error {
	a.seek(a.s.pageOf(word))
	a.found = a.found[:0]
	if a.from(word) && string(a.term) == word {
		return a.take()
	}
	return a.err
}

// seek goes before the first word of a page.
func (a *answer) seek(page int) {
	a.page, a.r.rest = page, nil
}

// prefix takes all words that begin with something, and those that were cut and
// may have.
func (a *answer) prefix(start string) error {
	for n := sureTerm; n <= min(len(start), maxTerm); n++ {
		if err := a.word(start[:n] + string(anyWord)); err != nil {
			return err
		}
	}
	if a.hits > 0 {
		a.tell.lose()
	}
	a.seek(a.s.pageOf(start))
	for more := a.from(start); more && (a.hits < len(a.hit) || a.tell.wants()) && strings.HasPrefix(string(a.term), start); more = a.next() {
		if err := a.take(); err != nil {
			return err
		}
		a.tell.add(a)
	}
	return a.err
}

// walk holds the words from q.start on against the machine. What two words have
// in common at their beginning is looked at once.
func (a *answer) walk(q question) error {
	states := []int{stateStart} // after each byte of the word
	if len(q.start) > sureTerm {
		q.start = q.start[:sureTerm]
	}
	a.seek(a.s.pageOf(q.start))
	for page := -1; a.hits < len(a.hit); {
		if len(a.r.rest) == 0 {
			if err := a.ctx.Err(); err != nil {
				return err
			}
			a.skip(q.machine)
		}
		if !a.next() {
			break
		}
		if a.page != page {
			page, states = a.page, states[:1]
		}
		if len(states) > a.shared+1 {
			states = states[:a.shared+1]
		}
		state := states[len(states)-1]
		for len(states) <= len(a.term) && state != stateDead {
			state = q.machine.accept(state, a.term[len(states)-1])
			states = append(states, state)
		}
		if len(states) == len(a.term)+1 && q.machine.states[state].ends {
			if err := a.take(); err != nil {
				return err
			}
		} else if string(a.term) > q.start && !strings.HasPrefix(string(a.term), q.start) {
			return nil
		}
	}
	return a.err
}

// skip passes over pages none of whose words can match, by what all words of a
// page begin with.
func (a *answer) skip(m *machine) {
	for ; a.page+1 < len(a.s.pages); a.page++ {
		first, after := a.s.pages[a.page].first, a.s.pages[a.page+1].first
		state := stateStart
		for _, b := range []byte(first[:commonPrefix(first, after)]) {
			state = m.accept(state, b)
		}
		if state != stateDead {
			return
		}
	}
}
