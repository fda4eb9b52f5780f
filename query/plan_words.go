package query

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// planWords makes the part of words.
func planWords(w Words) part {
	if w.Carries {
		return &carried{words: written{words: w}}
	}
	return &written{words: w}
}

// written is the changes in the blocks that may have words which a change wrote
// or removed. What the index does not know yet may have any.
type written struct {
	words  Words
	found  bool
	blocks *roaring.Bitmap // nil: nothing is known
}

func (p *written) price() int {
	for _, token := range p.words.Tokens {
		if token[0] == '*' || token[0] == '?' {
			return priceDictionary
		}
	}
	return priceWords
}

// few is how many changes of a chunk are read sooner than words are looked up.
const few = 16

func (p *written) judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error) {
	if !p.found && within.GetCardinality() <= few {
		return verdict{s.empty, s.full}, nil
	}
	if err := p.find(ctx, r); err != nil {
		return verdict{}, err
	}
	if p.blocks == nil {
		return verdict{s.empty, s.full}, nil
	}
	may := s.inBlocks(p.blocks)
	s.addSpan(may, r.indexed+1, s.last())
	return s.doubted(ctx, r.view, s.empty, may)
}

// find looks the words up. Words side by side are in one block.
func (p *written) find(ctx context.Context, r *run) error {
	if p.found {
		return nil
	}
	p.found = true
	if r.words == nil || r.indexed == 0 {
		return nil
	}
	for _, token := range p.words.Tokens {
		began := time.Now()
		blocks, ok, err := r.lookUp(ctx, token, p.words.Fuzzy)
		if err != nil {
			return err
		}
		step := Step{What: StepWords, Detail: token, Calls: 1}
		if p.words.Fuzzy > 0 {
			step.Detail += "~" + strconv.Itoa(p.words.Fuzzy)
		}
		if ok {
			step.Blocks = int(blocks.GetCardinality())
			if p.blocks == nil {
				p.blocks = blocks
			} else {
				p.blocks = roaring.And(p.blocks, blocks)
			}
		}
		step.Took = time.Since(began)
		r.notes.add(step)
	}
	return nil
}

// looksUp says that a part may ask for words.
func looksUp(p part) bool {
	switch p := p.(type) {
	case allOf:
		return slices.ContainsFunc(p, looksUp)
	case anyOf:
		return slices.ContainsFunc(p, looksUp)
	case contrary:
		return looksUp(p.of)
	case everything, perhaps, numbers, times, seqSet, seqsPerhaps, *valued, *records, *firsts:
		return false
	}
	return true
}

// firstOf is the number of a block's first change.
func firstOf(block uint32) audit.Seq { return audit.Seq(block)*audit.BlockSize + 1 }

// inBlocks is the section's changes that are in the blocks: a set of the caller's
// own.
func (s *section) inBlocks(blocks *roaring.Bitmap) *roaring.Bitmap {
	set := roaring.New()
	if s.N == 0 {
		return set
	}
	last := uint32(audit.BlockOf(s.last()))
	i := blocks.Iterator()
	i.AdvanceIfNeeded(uint32(audit.BlockOf(s.First)))
	for i.HasNext() {
		from := i.Next()
		if from > last {
			break
		}
		to := from
		for i.HasNext() && i.PeekNext() == to+1 && to < last {
			to = i.Next()
		}
		s.addSpan(set, firstOf(from), firstOf(to)+audit.BlockSize-1)
	}
	return set
}

// planLeaf makes the part of a value anywhere: by its words, where they are sure.
func planLeaf(l Leaf) part {
	if words, sure := l.words(); sure {
		return allOf{planWords(words), perhaps{}}
	}
	return perhaps{}
}

// planDelta makes the part of a number that changed. If the test does not hold of
// one that did not, its attribute is among those that the change edited.
func planDelta(d Delta) part {
	if d.still() {
		return perhaps{}
	}
	return allOf{&valued{facet: audit.FacetAttribute, value: d.Path[0], loose: true}, perhaps{}}
}
