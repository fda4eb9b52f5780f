package query

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// carried is the changes of the records that have, or had, words in their
// images. A value with the words was once written, or was there in the first
// image of its record that is known; the index tells the blocks with such
// changes. Those that carry the words there are of the records, all of whose
// changes may carry them.
//
// The index may know a doubtful change by what it was taken for; so the records
// of doubtful changes that carry the words count as well.
type carried struct {
	words written
	found bool
	known bool
	seqs  []audit.Seq // of the changes of the records, sorted
}

func (*carried) price() int { return priceCarried }

// It is cheaper to read some changes of a chunk than to look for the records; and
// where the words are in one of so many blocks, or in so many records, it is
// cheaper to read all.
const (
	carriedFew   = 512
	carriedShare = 4
	carriedLeast = 32
	carriedMost  = 20_000
)

func (p *carried) judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error) {
	if !p.found && within.GetCardinality() <= carriedFew && s.N > carriedFew {
		return verdict{s.empty, s.full}, nil
	}
	if err := p.find(ctx, r); err != nil {
		return verdict{}, err
	}
	if !p.known {
		return verdict{s.empty, s.full}, nil
	}
	may := s.among(p.seqs)
	s.addSpan(may, r.indexed+1, s.last())
	return s.doubted(ctx, r.view, s.empty, may)
}

func (p *carried) find(ctx context.Context, r *run) error {
	if p.found {
		return nil
	}
	p.found = true
	if err := p.words.find(ctx, r); err != nil || p.words.blocks == nil {
		return err
	}
	total := audit.BlockOf(max(r.view.Last(), 1)) + 1
	if int(p.words.blocks.GetCardinality()) > max(carriedLeast, total/carriedShare) {
		return nil
	}
	keys, err := p.keys(ctx, r)
	if err != nil || keys == nil {
		return err
	}
	for k := range keys {
		seqs, err := r.view.Record(ctx, k)
		if err != nil {
			return err
		}
		p.seqs = append(p.seqs, seqs...)
	}
	slices.Sort(p.seqs)
	p.known = true
	return nil
}

// keys are the records that have the words; nil if there are too many.
func (p *carried) keys(ctx context.Context, r *run) (map[audit.Key]bool, error) {
	began := time.Now()
	var origins []audit.Seq
	for _, s := range r.sections {
		set := s.inBlocks(p.words.blocks)
		d, err := s.doubtful(ctx, r.view)
		if err != nil {
			return nil, err
		}
		set.Or(d)
		for _, offset := range set.ToArray() {
			origins = append(origins, s.First+audit.Seq(offset))
		}
	}
	var mu sync.Mutex
	keys := map[audit.Key]bool{}
	finder := p.words.words.finder()
	blocks, err := r.look(ctx, origins, wanted{word: p.words.words.word()}, func(_, _ int, c *audit.Change) error {
		if subject := (&subject{c: c}); subject.carries(finder.in) {
			mu.Lock()
			defer mu.Unlock()
			keys[c.Key] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.notes.add(Step{What: StepCarried, Detail: p.words.words.String(), Blocks: blocks, Changes: len(origins), Matched: len(keys), Took: time.Since(began)})
	if len(keys) > carriedMost {
		return nil, nil
	}
	return keys, nil
}

// planAttribute narrows the test of a value in an image to the records that have
// the words which the value surely has.
func planAttribute(a Attribute) part {
	var parts []part
	for _, word := range a.Test.Words() {
		parts = append(parts, &carried{words: written{words: Words{Carries: true, Tokens: []string{word}}}})
	}
	if len(parts) == 0 {
		return perhaps{}
	}
	return allOf(parts)
}
