package index_test

import (
	"context"
	"iter"
	"math/rand/v2"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// A corpus makes changes with many words, and patches that may be read better
// later.
type corpus struct{ *querytest.Corpus }

func newCorpus(seed uint64) *corpus {
	g := querytest.NewCorpus(seed)
	g.Rare, g.Records = true, 15
	return &corpus{g}
}

func (g *corpus) changes(n int) []audit.Change {
	all := g.Changes(n)
	for i := range all {
		if c := &all[i]; c.Op == audit.OpPatch {
			c.After.Trust = audit.Provisional
		}
	}
	return all
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// A memory is a store of changes as they are.
type memory []audit.Change

func (m memory) Last() audit.Seq { return audit.Seq(len(m)) }

func (m memory) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for _, c := range m[min(int(after), len(m)):] {
			if err := ctx.Err(); err != nil {
				yield(audit.Change{}, err)
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// remembered are changes of a corpus with numbers, and as the image before each
// one what the one before it left, without any refinement.
func remembered(seed uint64, n int) memory {
	m := memory(newCorpus(seed).changes(n))
	live := map[audit.Key]audit.Image{}
	for i := range m {
		c := &m[i]
		c.Seq, c.Before = audit.Seq(i+1), live[c.Key]
		if i%37 == 0 && c.Before.State == audit.Present {
			c.Before.Source = audit.Baselined
		}
		if c.Op.Kind() != audit.KindMessage {
			after := c.After
			after.Source = audit.Folded
			live[c.Key] = after
		}
	}
	return m
}

// shown are the words that the index is to know of a change.
func shown(c *audit.Change) []string {
	t := query.TermsOf(c)
	words := t.Wrote
	if c.Before.State == audit.Present && (c.Before.Source != audit.Folded || c.Op.Kind() == audit.KindMessage) {
		before := audit.Change{Op: audit.OpDelete, Before: c.Before, After: audit.AbsentImage(audit.Logged, audit.Exact)}
		words = append(words, query.TermsOf(&before).Wrote...)
	}
	return words
}

// carried are the words of both images of a change.
func carried(c *audit.Change) map[string]bool {
	t, words := query.TermsOf(c), map[string]bool{}
	both := audit.Change{Op: audit.OpDelete, Before: c.Before, After: audit.AbsentImage(audit.Logged, audit.Exact)}
	for _, list := range [][]string{t.Wrote, t.Carried, query.TermsOf(&both).Wrote} {
		for _, w := range list {
			words[w] = true
		}
	}
	return words
}
