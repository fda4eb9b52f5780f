package querytest

import (
	"fmt"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// Query makes a query as text, to some depth, from what the corpus holds.
func (g *Corpus) Query(depth int) string {
	if depth > 0 {
		switch g.R.IntN(6) {
		case 0:
			return "(" + g.Query(depth-1) + " " + g.Query(depth-1) + ")"
		case 1:
			return "(" + g.Query(depth-1) + " or " + g.Query(depth-1) + ")"
		case 2:
			return "not (" + g.Query(depth-1) + ")"
		case 3:
			return "-" + g.Query(0)
		}
	}
	return g.term()
}

func (g *Corpus) term() string {
	switch g.R.IntN(20) {
	case 0, 1, 2:
		return pick(g.R, "", "", "carries:") + g.words()
	case 3:
		return pick(g.R, "user:", "attr:", "set:", "unset:", "node:", "op:", "db:", "table:") + g.fieldValue()
	case 4:
		return pick(g.R, "user:eve", "user:svc-*", "user:*v", "user:/^E/", `user:""`, "user:"+strings.Repeat("u", 200),
			"user:"+strings.Repeat("u", 125)+"*", "table:shop.*", "table:orders", "table:orders*", "table:*.orders", "table:shop.orders.eu", "db:bank")
	case 5:
		return pick(g.R, "kind:write", "kind:delete", "kind:message", "op:relocate", "op:RELOCATE", "op:/^REL/", "op:up*", "op:insert")
	case 6:
		k := g.key()
		return pick(g.R, "id:"+string(k.ID), "key:"+k.String(), "id:[3..7]", "id:c-*", "id:*", "id>5")
	case 7:
		return pick(g.R, "late:true", "late:false", "lossy:true", "before:unknown", "before:absent", "before:present",
			"after:unknown", "after:absent", "-before:present")
	case 8:
		n := g.R.IntN(300)
		return pick(g.R, fmt.Sprintf("seq:%d", n), fmt.Sprintf("seq:[%d..%d]", n, n+40), fmt.Sprintf("seq>%d", n))
	case 9:
		at := Start + float64(g.R.IntN(300))*1000*60*7
		to := at + float64(g.R.IntN(1<<27))
		return pick(g.R, fmt.Sprintf("time:[%.0f..%.0f]", at, to), fmt.Sprintf("time>=%.2f", at), fmt.Sprintf("time<%.0f", at),
			fmt.Sprintf("txn:%.2f", at), "@2026-08-01", "@2026-08-03..2026-08-04")
	case 10:
		return pick(g.R, "*", "/^[A-Z]/", "carries:/[0-9]{3}/", "carries:*")
	case 11:
		return "rule:" + pick(g.R, "r-1", "r-2", "r-*", "/2$/", "none")
	case 12:
		return pick(g.R, "", "carries:") + g.fuzzy()
	case 16, 17, 18, 19:
		return g.named()
	default:
		return pick(g.R, "before.", "after.") + g.attribute()
	}
}

// words are words, phrases and patterns that are in the corpus, or nearly.
func (g *Corpus) words() string {
	v := g.Value(0)
	s := v.Text()
	if s == "" {
		s = v.JSON()
	}
	tokens := query.Tokens(s)
	if len(tokens) == 0 {
		return "paid"
	}
	i := g.R.IntN(len(tokens))
	w := []rune(tokens[i])
	n := 1 + g.R.IntN(len(w))
	switch g.R.IntN(6) {
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

func (g *Corpus) fieldValue() string {
	return pick(g.R, "status", "total", "note", `"a.b"`, "st*", "*t*", "/o/", "tags", "n1", "n?", "shop", "delete", "patch")
}

func (g *Corpus) attribute() string {
	path := pick(g.R, "status", "total", `"a.b"`, "tags", "tags.0", "meta.a", "meta.c", "note")
	v := g.Value(1)
	text := strings.NewReplacer("\\", "\\\\", `"`, `\"`).Replace(v.Text())
	if v.Kind() != audit.KindText {
		text = v.JSON()
	}
	switch v.Kind() {
	case audit.KindInt, audit.KindBool, audit.KindNull, audit.KindFloat:
		if g.R.IntN(2) == 0 && !strings.Contains(text, "$") {
			return path + ":" + text
		}
	}
	if strings.ContainsAny(text, "{}[]$") {
		text = "paid"
	}
	quoted := `"` + text + `"`
	return path + pick(g.R, ":"+quoted, ":"+quoted, ":"+quoted, ":*", ">10", "<=0", ":[-5..100]", ":[a..p]", ">="+quoted,
		":p*", ":*a*", ":/a/", ":2026-08-01T10:00:00Z", "<2026-08-02", ":aGVsbG8=", ":NaN", ":1152921504606846976", ":null", `:["paid",1]`)
}

// fuzzy is a word that is nearly one of the corpus.
func (g *Corpus) fuzzy() string {
	w := []rune(pick(g.R, "paid", "pending", "payment", "århus", "bob", "smith", "318", "evil"))
	at := g.R.IntN(len(w))
	switch g.R.IntN(4) {
	case 0:
		w[at] = 'x'
	case 1:
		w = append(w[:at:at], w[at+1:]...)
	case 2:
		w = append(append(w[:at:at], 'q'), w[at:]...)
	}
	return string(w) + pick(g.R, "~", "~1", "~2")
}
