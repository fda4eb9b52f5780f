package index_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// start is the time around which the changes of a corpus lie.
const start = 1785600000000.0

// A corpus makes changes, the same for one seed.
type corpus struct {
	r     *rand.Rand
	texts []string
	live  map[audit.Key]audit.Value
}

func newCorpus(seed uint64) *corpus {
	long := strings.Repeat("verylongword", 40)
	return &corpus{
		r:    rand.New(rand.NewPCG(seed, 1)),
		live: map[audit.Key]audit.Value{},
		texts: []string{
			"paid", "Pending", "eve@evil.example", "bob smith", "call Bob back", "payment payout", "",
			"550e8400-e29b-41d4-a716-446655440000", "Århus", "e\u0301te\u0301", "ΣΊΣΥΦΟΣ", "東京都", "🔥", "\x00\x1b[2J\u202e",
			"and", "not", `say "hi"`, `C:\temp\x`, "/etc/passwd", "a*b?c", "null", "true", "318", "-5", "1e21", "İstanbul", "ǅ", "K",
			"2026-08-01", "2026-08-01T10:00:00.000Z", "2026-08-01T12:00:00+02:00", "NaN", "aGVsbG8=", "user:eve", "bad\xffutf\xc3",
			long, long + "x", long[:124], long[:126], long[:128], long[:123] + "éé tail", strings.Repeat("w ", 300),
		},
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// text is a text of the corpus, or one with a word that is rare.
func (g *corpus) text() string {
	switch g.r.IntN(3) {
	case 0:
		return pick(g.r, g.texts...)
	case 1:
		return fmt.Sprintf("rare%04x and Word%d", g.r.IntN(1<<16), g.r.IntN(3000))
	}
	return strconv.FormatUint(g.r.Uint64(), 36)
}

func (g *corpus) value(depth int) audit.Value {
	switch n := g.r.IntN(18); {
	case n < 7:
		return audit.Text(g.text())
	case n < 9:
		return audit.Int(int64(g.r.IntN(400) - 50))
	case n == 9:
		return audit.BigInt(new(big.Int).Lsh(big.NewInt(int64(g.r.IntN(5)-2)), uint(g.r.IntN(90))))
	case n == 10:
		return audit.Float(pick(g.r, 0.25, -1.5, math.NaN(), math.Inf(1), math.Inf(-1), math.Exp2(60), 1e21, 5e-324, math.Copysign(0, -1)))
	case n == 11:
		return audit.DateOf(pick(g.r, 1785578400000, 1785542400000, math.NaN(), -1, 8.64e15))
	case n == 12:
		return audit.BytesValue([]byte(g.text()))
	case n == 13:
		return pick(g.r, audit.Bool(true), audit.Bool(false), audit.Null())
	case n < 16 && depth > 0:
		return audit.Array(g.value(depth-1), g.value(depth-1))
	case depth > 0:
		return audit.Object(map[string]audit.Value{pick(g.r, "a", "b", "a.b", ""): g.value(depth - 1), "c": g.value(depth - 1)})
	}
	return audit.Text(g.text())
}

func (g *corpus) key() audit.Key {
	table := pick(g.r, audit.Table{Database: "shop", Name: "orders"}, audit.Table{Database: "shop", Name: "customers"})
	id := strconv.Itoa(g.r.IntN(60))
	return audit.Key{Table: table, ID: audit.ID(pick(g.r, id, strconv.Quote(id)))}
}

// change makes the next change; some lie in the past of those before it.
func (g *corpus) change(n int) audit.Change {
	at := audit.Time(start + float64(n)*1000*60*7)
	if g.r.IntN(4) == 0 {
		at -= audit.Time(g.r.IntN(1 << 28))
	}
	c := audit.Change{
		Time: at + audit.Time(g.r.IntN(4))/4, Node: pick(g.r, "n1", "n1", "n2"), Key: g.key(), User: pick(g.r, "eve", ""),
		Op: pick(g.r, audit.OpUpdate, audit.OpUpdate, audit.OpUpsert, audit.OpPatch, audit.OpInsert, audit.OpDelete,
			audit.OpMessage, audit.OpInvalidate, "RELOCATE"),
	}
	c.Reported = c.Op
	body := g.live[c.Key]
	for range 1 + g.r.IntN(3) {
		body = body.With(pick(g.r, "status", "total", "note", "a.b", "tags", "meta", "more", "last"), g.value(2))
	}
	switch c.Op {
	case audit.OpInvalidate:
		c.Note = "no image"
	case audit.OpDelete:
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	case audit.OpMessage:
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{"hello": g.value(1)}), audit.Logged, audit.Exact)
	default:
		trust := audit.Exact
		if c.Op == audit.OpPatch {
			trust = audit.Provisional
		}
		c.After = audit.PresentImage(body, audit.Logged, trust)
		g.live[c.Key] = body
	}
	c.ID = c.Identify()
	return c
}

func (g *corpus) changes(n int) []audit.Change {
	all := make([]audit.Change, n)
	for i := range all {
		all[i] = g.change(i)
	}
	return all
}

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
