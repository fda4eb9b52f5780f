package index_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
	"recourse/store"
)

var now = time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)

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
			"and", "not", `say "hi"`, `C:\temp\x`, "/etc/passwd", "a*b?c", "null", "true", "318", "-5", "1e21",
			"2026-08-01", "2026-08-01T10:00:00.000Z", "2026-08-01T12:00:00+02:00", "NaN", "aGVsbG8=", "user:eve",
			long, long + "x", long[:124], long[:126], long[:128], long[:123] + "éé tail", strings.Repeat("w ", 300),
			"x=1", "f=u", " long", "long",
		},
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (g *corpus) text() string { return pick(g.r, g.texts...) }

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
		return audit.BytesValue([]byte("hello"))
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
	table := pick(g.r, audit.Table{Database: "shop", Name: "orders"}, audit.Table{Database: "shop", Name: "customers"},
		audit.Table{Database: "bank", Name: "orders"}, audit.Table{Database: "shop", Name: "orders.eu"})
	id := strconv.Itoa(g.r.IntN(12))
	return audit.Key{Table: table, ID: audit.ID(pick(g.r, id, strconv.Quote(id), `["`+id+`",1]`, `"c-`+id+`"`))}
}

// change makes the next change; some lie in the past of those before it.
func (g *corpus) change(n int) audit.Change {
	at := audit.Time(start + float64(n)*1000*60*7)
	if g.r.IntN(4) == 0 {
		at -= audit.Time(g.r.IntN(1 << 25))
	}
	c := audit.Change{
		Time: at + audit.Time(g.r.IntN(4))/4, Node: pick(g.r, "n1", "n1", "n2"), Key: g.key(),
		User: pick(g.r, "eve", "Eve", "bob smith", "svc-a", "svc-b", "", strings.Repeat("u", 200), strings.Repeat("u", 199)+"v"),
		Op: pick(g.r, audit.OpUpdate, audit.OpUpdate, audit.OpUpsert, audit.OpPatch, audit.OpInsert, audit.OpDelete,
			audit.OpMessage, audit.OpInvalidate, "RELOCATE"),
		Late: g.r.IntN(5) == 0, Lossy: g.r.IntN(5) == 0,
	}
	c.Reported = c.Op
	body := g.live[c.Key]
	for range 1 + g.r.IntN(3) {
		body = body.With(pick(g.r, "status", "total", "note", "a.b", "tags", "meta"), g.value(2))
	}
	switch c.Op {
	case audit.OpInvalidate:
		c.Note = "no image"
	case audit.OpDelete:
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	case audit.OpMessage:
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{"hello": g.value(1)}), audit.Logged, audit.Exact)
	default:
		c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
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

// query makes a query as text, to some depth, from what the corpus holds.
func (g *corpus) query(depth int) string {
	if depth > 0 {
		switch g.r.IntN(6) {
		case 0:
			return "(" + g.query(depth-1) + " " + g.query(depth-1) + ")"
		case 1:
			return "(" + g.query(depth-1) + " or " + g.query(depth-1) + ")"
		case 2:
			return "not (" + g.query(depth-1) + ")"
		case 3:
			return "-" + g.query(0)
		}
	}
	return g.term()
}

func (g *corpus) term() string {
	switch g.r.IntN(14) {
	case 0, 1, 2:
		return pick(g.r, "", "", "carries:") + g.words()
	case 3:
		return pick(g.r, "user:", "attr:", "set:", "unset:", "node:", "op:", "db:", "table:") + g.fieldValue()
	case 4:
		return pick(g.r, "user:eve", "user:svc-*", "user:*v", "user:/^E/", `user:""`, "user:"+strings.Repeat("u", 200),
			"user:"+strings.Repeat("u", 125)+"*", "table:shop.*", "table:orders", "table:orders*", "table:*.orders", "table:shop.orders.eu", "db:bank")
	case 5:
		return pick(g.r, "kind:write", "kind:delete", "kind:message", "op:relocate", "op:RELOCATE", "op:/^REL/", "op:up*", "op:insert")
	case 6:
		k := g.key()
		return pick(g.r, "id:"+string(k.ID), "key:"+k.String(), "id:[3..7]", "id:c-*", "id:*", "id>5")
	case 7:
		return pick(g.r, "late:true", "late:false", "lossy:true", "before:unknown", "before:absent", "before:present",
			"after:unknown", "after:absent", "-before:present")
	case 8:
		n := g.r.IntN(300)
		return pick(g.r, fmt.Sprintf("seq:%d", n), fmt.Sprintf("seq:[%d..%d]", n, n+40), fmt.Sprintf("seq>%d", n))
	case 9:
		at := start + float64(g.r.IntN(300))*1000*60*7
		to := at + float64(g.r.IntN(1<<27))
		return pick(g.r, fmt.Sprintf("time:[%.0f..%.0f]", at, to), fmt.Sprintf("time>=%.2f", at), fmt.Sprintf("time<%.0f", at),
			fmt.Sprintf("txn:%.2f", at), "@2026-08-01", "@2026-08-03..2026-08-04")
	case 10:
		return pick(g.r, "*", "/^[A-Z]/", "carries:/[0-9]{3}/", "carries:*")
	default:
		return pick(g.r, "before.", "after.") + g.attribute()
	}
}

// words are words, phrases and patterns that are in the corpus, or nearly.
func (g *corpus) words() string {
	v := g.value(0)
	s := v.Text()
	if s == "" {
		s = v.JSON()
	}
	tokens := query.Tokens(s)
	if len(tokens) == 0 {
		return "paid"
	}
	i := g.r.IntN(len(tokens))
	w := []rune(tokens[i])
	n := 1 + g.r.IntN(len(w))
	switch g.r.IntN(6) {
	case 0:
		return string(w[:n]) + "*"
	case 1:
		return "*" + string(w[n-1:])
	case 2:
		return string(w[:n-1]) + "?" + string(w[n:])
	case 3:
		return `"` + strings.Join(tokens[i:min(len(tokens), i+3)], " ") + `"`
	case 4:
		return string(w[:n-1]) + "*" + string(w[len(w)-1:])
	}
	return `"` + string(w) + `"`
}

func (g *corpus) fieldValue() string {
	return pick(g.r, "status", "total", "note", `"a.b"`, "st*", "*t*", "/o/", "tags", "n1", "n?", "shop", "delete", "patch")
}

func (g *corpus) attribute() string {
	path := pick(g.r, "status", "total", `"a.b"`, "tags", "tags.0", "meta.a", "meta.c", "note")
	v := g.value(1)
	text := strings.NewReplacer("\\", "\\\\", `"`, `\"`).Replace(v.Text())
	if v.Kind() != audit.KindText {
		text = v.JSON()
	}
	switch v.Kind() {
	case audit.KindInt, audit.KindBool, audit.KindNull, audit.KindFloat:
		if g.r.IntN(2) == 0 && !strings.Contains(text, "$") {
			return path + ":" + text
		}
	}
	if strings.ContainsAny(text, "{}[]$") {
		text = "paid"
	}
	quoted := `"` + text + `"`
	return path + pick(g.r, ":"+quoted, ":"+quoted, ":"+quoted, ":*", ">10", "<=0", ":[-5..100]", ":[a..p]", ">="+quoted,
		":p*", ":*a*", ":/a/", ":2026-08-01T10:00:00Z", "<2026-08-02", ":aGVsbG8=", ":NaN", ":1152921504606846976", ":null", `:["paid",1]`)
}

func openStore(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func put(t testing.TB, db *store.DB, changes ...audit.Change) {
	t.Helper()
	if _, err := db.Append(context.Background(), audit.Batch{Changes: changes}); err != nil {
		t.Fatal(err)
	}
}

func openIndex(t testing.TB, dir string) *index.Index {
	t.Helper()
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func follow(t testing.TB, x *index.Index, db query.Reader) int {
	t.Helper()
	n, err := x.Follow(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
