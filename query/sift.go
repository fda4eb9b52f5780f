package query

import (
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A Sieve is a View that can tell of changes that they have not a word, for less
// than reading them costs.
type Sieve interface {
	// Sieve leaves out of some changes of one block, ascending, those of which no
	// image can have a value with the word, or with prefix one that begins with
	// it: as Tokens has words. Several may call it at once.
	Sieve(ctx context.Context, seqs []audit.Seq, word string, prefix bool) ([]audit.Seq, error)
}

// A word is one that the images of every change that matches have, or with
// prefix one that begins so. The zero word is none.
type word struct {
	text    string
	prefix  bool
	written bool // the change wrote or removed it, so that the index has it of the change's block
}

// leastSifted is how many changes of a block are read sooner than looked through.
const leastSifted = 16

// sift leaves out changes of one block that cannot have a word.
func (r *run) sift(ctx context.Context, seqs []audit.Seq, w word) ([]audit.Seq, error) {
	if r.sieve == nil || w.text == "" || len(seqs) < leastSifted {
		return seqs, nil
	}
	begun := r.begun(seqs, w)
	if begun == nil {
		return r.sieve.Sieve(ctx, seqs, w.text, w.prefix)
	}
	left, err := r.sieve.Sieve(ctx, seqs, begun[0], false)
	for _, text := range begun[1:] {
		more, failed := r.sieve.Sieve(ctx, seqs, text, false)
		if err == nil {
			err = failed
		}
		left = slices.Concat(left, more) // the sieve may have given the changes themselves
		slices.Sort(left)
		left = slices.Compact(left)
	}
	return left, err
}

// mostBegun is how many words are looked for in a block one by one, and not all at once
// by what they begin with, which is less sure.
const mostBegun = 2

// begun are the words that the index knows of a block of changes where they are looked
// for by what they begin with; nil: too many, or they are not known. What the index may
// know otherwise than it is now, the sieve leaves in.
func (r *run) begun(seqs []audit.Seq, w word) []string {
	if w != r.word || !w.written || seqs[len(seqs)-1] > r.indexed {
		return nil
	}
	if words := r.found[uint32(audit.BlockOf(seqs[0]))]; len(words) <= mostBegun {
		return words
	}
	return nil
}

// mostFound is how many words of an index are asked for, each as often as there are
// blocks with it.
const mostFound = 4096

// lookUp asks the index for a word of the expression.
func (r *run) lookUp(ctx context.Context, token string, fuzzy int) (blocks *roaring.Bitmap, ok bool, err error) {
	teller, can := r.words.(WordTeller)
	if can && r.sieve != nil && fuzzy == 0 && r.word.written && r.word.prefix && token == r.word.text+"*" {
		blocks, r.found, ok, err = teller.Found(ctx, r.word.text, mostFound)
		return blocks, ok, err
	}
	return r.words.Blocks(ctx, token, fuzzy)
}

// wordOf is the longest word that all changes have that match a node.
func wordOf(n Node) (w word) {
	switch n := n.(type) {
	case And:
		for _, part := range n {
			w = w.longer(wordOf(part))
		}
	case Words:
		w = n.word()
	}
	return w
}

// word is the longest of the words, or of what they begin with.
func (w Words) word() (longest word) {
	if w.Fuzzy > 0 {
		return word{}
	}
	for _, token := range w.Tokens {
		begin, end, wild := strings.Cut(token, "*")
		if strings.ContainsAny(begin, `?\`) || end != "" {
			continue
		}
		longest = longest.longer(word{begin, wild, !w.Carries})
	}
	return longest
}

func (w word) longer(x word) word {
	if len(x.text) > len(w.text) {
		return x
	}
	return w
}
