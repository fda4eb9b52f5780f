package query

import (
	"context"
	"strings"

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
	text   string
	prefix bool
}

// leastSifted is how many changes of a block are read sooner than looked through.
const leastSifted = 16

// sift leaves out changes of one block that cannot have a word.
func (r *run) sift(ctx context.Context, seqs []audit.Seq, w word) ([]audit.Seq, error) {
	if r.sieve == nil || w.text == "" || len(seqs) < leastSifted {
		return seqs, nil
	}
	return r.sieve.Sieve(ctx, seqs, w.text, w.prefix)
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
		longest = longest.longer(word{begin, wild})
	}
	return longest
}

func (w word) longer(x word) word {
	if len(x.text) > len(w.text) {
		return x
	}
	return w
}
