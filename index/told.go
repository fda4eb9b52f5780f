package index

import (
	"bytes"
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/query"
)

var _ query.WordTeller = (*Index)(nil)

// Found implements query.WordTeller.
func (x *Index) Found(ctx context.Context, start string, most int) (*roaring.Bitmap, map[uint32][]string, bool, error) {
	q := newQuestion(start+"*", 0)
	tell := &told{most: most, words: map[uint32][]string{}}
	if q.way != LookupPrefix {
		tell.lose()
	}
	blocks, ok, err := x.look(ctx, q, tell)
	if !tell.wants() {
		return blocks, nil, ok, err
	}
	return blocks, tell.words, ok, err
}

// A told is which words were found in each block. It is lost, and nil, once there are
// more than may be, or one that is not known whole. Nil wants none.
type told struct {
	most  int // how many more may be told
	words map[uint32][]string
}

func (t *told) wants() bool { return t != nil && t.words != nil }

func (t *told) lose() {
	if t != nil {
		t.words = nil
	}
}

// add takes in the word that an answer has just taken.
func (t *told) add(a *answer) {
	if !t.wants() {
		return
	}
	if t.most -= len(a.found); t.most < 0 || bytes.HasSuffix(a.term, anyWord) {
		t.lose()
		return
	}
	word := string(a.term)
	for _, d := range a.found {
		block := a.s.blocks[d]
		t.words[block] = append(t.words[block], word)
	}
}
