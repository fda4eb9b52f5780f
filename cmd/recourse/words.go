package main

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

// openToAsk opens the data folder for questions. The index is left until one of them
// looks words up: to open and close it takes half a dozen writes that wait for the
// disk, which is longer than most questions.
func openToAsk(c *cli.Context, e *env) (*workspace, error) {
	beside := e.beside != nil // there it is open
	w, err := openWorkspace(c, e, beside)
	if err == nil {
		w.asked = !beside
	}
	return w, err
}

// wordsOf is the index of a workspace, opened when it is used first.
type wordsOf struct{ *workspace }

var (
	_ query.WordOpener = wordsOf{}
	_ query.WordTeller = wordsOf{}
)

// Open implements query.WordOpener.
func (w wordsOf) Open() error {
	w.late.Lock()
	defer w.late.Unlock()
	if w.index != nil {
		return nil
	}
	return w.openIndex(w.env)
}

// Progress implements query.WordFinder.
func (w wordsOf) Progress() audit.Seq { return w.index.Progress() }

// Blocks implements query.WordFinder.
func (w wordsOf) Blocks(ctx context.Context, word string, fuzzy int) (*roaring.Bitmap, bool, error) {
	return w.index.Blocks(ctx, word, fuzzy)
}

// Found implements query.WordTeller.
func (w wordsOf) Found(ctx context.Context, start string, most int) (*roaring.Bitmap, map[uint32][]string, bool, error) {
	return w.index.Found(ctx, start, most)
}
