// Package querytest has what tests of searching need: histories and queries made
// at random, a store and an index of words in memory that are as wrong as real
// ones may be, and the plain scan that every answer must equal.
package querytest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"recourse/audit"
)

// Start is the time around which the changes of a corpus lie.
const Start = 1785600000000.0

// A Corpus makes changes, the same for one seed.
type Corpus struct {
	R *rand.Rand
	// Records is how many ids each table has.
	Records int
	// Rare has most texts hold words that are in few others.
	Rare  bool
	texts []string
	live  map[audit.Key]audit.Value
}

// NewCorpus is a corpus of its own for each seed.
func NewCorpus(seed uint64) *Corpus {
	long := strings.Repeat("verylongword", 40)
	return &Corpus{
		R:    rand.New(rand.NewPCG(seed, 1)),
		live: map[audit.Key]audit.Value{}, Records: 12,
		texts: []string{
			"paid", "Pending", "eve@evil.example", "bob smith", "call Bob back", "payment payout", "",
			"550e8400-e29b-41d4-a716-446655440000", "Århus", "e\u0301te\u0301", "ΣΊΣΥΦΟΣ", "東京都", "🔥", "\x00\x1b[2J\u202e",
			"and", "not", `say "hi"`, `C:\temp\x`, "/etc/passwd", "a*b?c", "null", "true", "318", "-5", "1e21", "İstanbul", "ǅ", "K",
			"2026-08-01", "2026-08-01T10:00:00.000Z", "2026-08-01T12:00:00+02:00", "NaN", "aGVsbG8=", "user:eve", "bad\xffutf\xc3",
			long, long + "x", long[:124], long[:126], long[:128], long[:123] + "éé tail", strings.Repeat("w ", 300),
			"x=1", "f=u", " long", "long",
		},
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (g *Corpus) text() string {
	if g.Rare {
		switch g.R.IntN(3) {
		case 0:
			return fmt.Sprintf("rare%04x and Word%d", g.R.IntN(1<<16), g.R.IntN(3000))
		case 1:
			return strconv.FormatUint(g.R.Uint64(), 36)
		}
	}
	return pick(g.R, g.texts...)
}

// Value makes a value that holds others to some depth.
func (g *Corpus) Value(depth int) audit.Value {
	switch n := g.R.IntN(18); {
	case n < 7:
		return audit.Text(g.text())
	case n < 9:
		return audit.Int(int64(g.R.IntN(400) - 50))
	case n == 9:
		return audit.BigInt(new(big.Int).Lsh(big.NewInt(int64(g.R.IntN(5)-2)), uint(g.R.IntN(90))))
	case n == 10:
		return audit.Float(pick(g.R, 0.25, -1.5, math.NaN(), math.Inf(1), math.Inf(-1), math.Exp2(60), 1e21, 5e-324, math.Copysign(0, -1)))
	case n == 11:
		return audit.DateOf(pick(g.R, 1785578400000, 1785542400000, math.NaN(), -1, 8.64e15))
	case n == 12:
		return audit.BytesValue([]byte(g.text()))
	case n == 13:
		return pick(g.R, audit.Bool(true), audit.Bool(false), audit.Null())
	case n < 16 && depth > 0:
		return audit.Array(g.Value(depth-1), g.Value(depth-1))
	case depth > 0:
		return audit.Object(map[string]audit.Value{pick(g.R, "a", "b", "a.b", ""): g.Value(depth - 1), "c": g.Value(depth - 1)})
	}
	return audit.Text(g.text())
}

func (g *Corpus) key() audit.Key {
	table := pick(g.R, audit.Table{Database: "shop", Name: "orders"}, audit.Table{Database: "shop", Name: "customers"},
		audit.Table{Database: "bank", Name: "orders"}, audit.Table{Database: "shop", Name: "orders.eu"})
	id := strconv.Itoa(g.R.IntN(g.Records))
	return audit.Key{Table: table, ID: audit.ID(pick(g.R, id, strconv.Quote(id), `["`+id+`",1]`, `"c-`+id+`"`))}
}

// Change makes the next change; some lie in the past of those before it.
func (g *Corpus) Change(n int) audit.Change {
	at := audit.Time(Start + float64(n)*1000*60*7)
	if g.R.IntN(4) == 0 {
		at -= audit.Time(g.R.IntN(1 << 25))
	}
	c := audit.Change{
		Time: at + audit.Time(g.R.IntN(4))/4, Node: pick(g.R, "n1", "n1", "n2"), Key: g.key(),
		User: pick(g.R, "eve", "Eve", "bob smith", "svc-a", "svc-b", "", strings.Repeat("u", 200), strings.Repeat("u", 199)+"v"),
		Op: pick(g.R, audit.OpUpdate, audit.OpUpdate, audit.OpUpsert, audit.OpPatch, audit.OpInsert, audit.OpDelete,
			audit.OpMessage, audit.OpInvalidate, "RELOCATE"),
		Late: g.R.IntN(5) == 0, Lossy: g.R.IntN(5) == 0,
	}
	c.Reported = c.Op
	body := g.live[c.Key]
	for range 1 + g.R.IntN(3) {
		body = body.With(pick(g.R, "status", "total", "note", "a.b", "tags", "meta"), g.Value(2))
	}
	switch c.Op {
	case audit.OpInvalidate:
		c.Note = "no image"
	case audit.OpDelete:
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	case audit.OpMessage:
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{"hello": g.Value(1)}), audit.Logged, audit.Exact)
	default:
		c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
		g.live[c.Key] = body
	}
	c.ID = c.Identify()
	return c
}

// Changes makes the next changes.
func (g *Corpus) Changes(n int) []audit.Change {
	all := make([]audit.Change, n)
	for i := range all {
		all[i] = g.Change(i)
	}
	return all
}
