package query_test

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"recourse/audit"
	"recourse/query"
)

func value(t testing.TB, x any) audit.Value {
	t.Helper()
	v, err := audit.Of(x)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sale is an update that pays an order and takes a note away.
func sale(t testing.TB) audit.Change {
	before := value(t, map[string]any{
		"status": "pending", "total": 100, "email": "Bob@Example.com", "note": "call Back later",
		"tags": []any{"vip", 7}, "address": map[string]any{"city": "Århus", "a.b": 1},
	})
	after := before.With("status", audit.Text("Paid")).With("note", nil).With("paid", audit.Bool(true)).
		With("big", audit.BigInt(new(big.Int).Lsh(big.NewInt(1), 70))).
		With("when", audit.Date(time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC))).
		With("raw", audit.BytesValue([]byte("hello"))).With("nan", audit.Float(math.NaN())).
		With("none", audit.Null()).With("rate", audit.Float(0.25))
	return audit.Change{
		Seq: 17, Node: "n1", Time: 1785664800000.25, User: "eve", Op: audit.OpUpdate,
		Key:    audit.Key{Table: audit.Table{Database: "shop", Name: "orders.eu"}, ID: `"o-1"`},
		Before: audit.PresentImage(before, audit.Folded, audit.Exact),
		After:  audit.PresentImage(after, audit.Logged, audit.Exact),
		Late:   true,
	}
}

func TestMatch(t *testing.T) {
	c := sale(t)
	check(t, &c, map[string]bool{
		`*`:                                   true,
		`paid`:                                true,
		`PENDING`:                             true,
		`call`:                                true,
		`"back later"`:                        true,
		`"call later"`:                        false,
		`"later paid"`:                        false, // words of two values
		`bob`:                                 false, // left alone
		`carries:bob@example.com`:             true,
		`carries:århus`:                       true,
		`carries:city`:                        false, // a name, not a value
		`pa?d`:                                true,
		`pend*`:                               true,
		`*ding`:                               true,
		`p*d`:                                 true,
		`call-b*`:                             true,
		`call-l*`:                             false,
		`1180591620717411303424`:              true,
		`0.25`:                                true,
		`true`:                                true,
		`null`:                                true,
		`NaN`:                                 true,
		`2026-08*`:                            true,
		`"2026 08"`:                           true,
		`/^Pai/`:                              true,
		`/^pai/`:                              false,
		`carries:/@Example/`:                  true,
		`user:eve op:update node:n1`:          true,
		`user:Eve`:                            false,
		`user:/(?i)^EVE$/`:                    true,
		`user:*`:                              true,
		`op:UPDATE`:                           true,
		`kind:write`:                          true,
		`kind:delete`:                         false,
		`db:shop table:orders.eu`:             false, // with a dot it is with the database
		`table:shop.orders.eu`:                true,
		`table:*.orders.eu`:                   true,
		`table:shop.*`:                        true,
		`table:orders*`:                       true,
		`id:o-1`:                              true,
		`id:"o-1"`:                            true,
		`id:o-*`:                              true,
		`id:1`:                                false,
		`key:shop.orders.eu/o-1`:              true,
		`attr:status`:                         true,
		`attr:email`:                          false,
		`attr:no*`:                            true,
		`set:paid`:                            true,
		`set:status`:                          false,
		`unset:note`:                          true,
		`unset:status`:                        false,
		`before.status:pending`:               true,
		`before.status:Pending`:               false,
		`after.status:Paid`:                   true,
		`after.status:pending`:                false,
		`after.status:P*`:                     true,
		`after.status:/aid/`:                  true,
		`after.note:*`:                        false,
		`before.note:*`:                       true,
		`after.total:100`:                     true,
		`after.total:"100"`:                   false,
		`after.total>99.5`:                    true,
		`after.total>100`:                     false,
		`after.total:[100..200]`:              true,
		`after.total:[..99]`:                  false,
		`after.big>1180591620717411303423`:    true,
		`after.big>1180591620717411303424`:    false,
		`after.big>=1180591620717411303424`:   true,
		`after.big:1180591620717411303424`:    true,
		`after.big>1e30`:                      false,
		`after.status>=P`:                     true,
		`after.status<P`:                      false,
		`after.total<a`:                       false, // a number is in no order with text
		`after.nan<0`:                         false,
		`after.nan:NaN`:                       true,
		`after.raw:aGVsbG8=`:                  true,
		`after.none:null`:                     true,
		`after.none:"null"`:                   false,
		`after.gone:null`:                     false,
		`after.paid:true`:                     true,
		`after.paid:"true"`:                   false,
		`after.tags:vip`:                      true,
		`after.tags:7`:                        true,
		`after.tags:["vip",7]`:                true,
		`after.tags:["vip"]`:                  false,
		`after.tags.1:7`:                      true,
		`after.tags.0:7`:                      false,
		`after.address.city:Århus`:            true,
		`after.address."a.b":1`:               true,
		`after.when:2026-08-01T10:00:00Z`:     true,
		`after.when:2026-08-01T12:00+02:00`:   true,
		`after.when:2026-08-01`:               false, // which is its first instant
		`after.when:2026-08-01*`:              true,
		`after.when>=2026-08-01`:              true,
		`after.when:[2026-07-01..2026-08-02]`: true,
		`after.when<2026-08-01`:               false,
		`before:present after:present`:        true,
		`before:unknown`:                      false,
		`late:true`:                           true,
		`lossy:true`:                          false,
		`seq:17`:                              true,
		`seq>17`:                              false,
		`seq:[10..20]`:                        true,
		`txn:1785664800000.25`:                true,
		`txn:1785664800000`:                   false,
		`@2026-08-02`:                         true,
		`@-2h`:                                true,
		`@-1h`:                                false,
		`@..2026-08-01`:                       false,
		`not bob -eva or nothing`:             true,
		`(bob or paid) -unset:none`:           true,
	})
}

func check(t *testing.T, c *audit.Change, cases map[string]bool) {
	t.Helper()
	for q, want := range cases {
		e, err := query.Parse(q, now)
		if err != nil {
			t.Errorf("Parse(%s): %v", q, err)
			continue
		}
		if got := e.Match(c); got != want {
			t.Errorf("%s matches: %v, want %v", q, got, want)
		}
	}
}

// What a change wrote cannot be told when the image before is not known; then
// all of the image after may have been.
func TestMatchUnknownBefore(t *testing.T) {
	c := sale(t)
	c.Before = audit.Image{}
	check(t, &c, map[string]bool{
		`bob`: true, `pending`: false, `attr:email`: true, `attr:note`: false,
		`set:paid`: false, `unset:note`: false, `carries:call`: false,
		`before.status:pending`: false, `-before.status:pending`: true, `before:unknown`: true,
		`bob before:present`: false,
	})
	c = sale(t)
	c.After = audit.Image{}
	check(t, &c, map[string]bool{`bob`: true, `paid`: false, `attr:email`: true, `after:unknown`: true})
}

func TestMatchKinds(t *testing.T) {
	insert, drop, message := sale(t), sale(t), sale(t)
	insert.Before = audit.AbsentImage(audit.Logged, audit.Exact)
	check(t, &insert, map[string]bool{`bob`: true, `set:email`: true, `attr:email`: true, `pending`: false})
	drop.Op, drop.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
	check(t, &drop, map[string]bool{`bob`: true, `unset:email`: true, `paid`: false, `kind:delete`: true})
	message.Op, message.After.Body = audit.OpMessage, audit.Text("hello there")
	check(t, &message, map[string]bool{
		`"hello there"`: true, `pending`: false, `carries:pending`: true, `attr:*`: false, `kind:message`: true,
	})
	var empty audit.Change
	check(t, &empty, map[string]bool{`*`: true, `user:""`: true, `user:*`: false, `carries:*`: false, `-eve`: true, `before:unknown`: true})
}

func TestTokens(t *testing.T) {
	for in, want := range map[string][]string{
		"":                             nil,
		"...":                          nil,
		"Evil@X.com":                   {"evil", "x", "com"},
		"ΣΊΣΥΦΟΣ σίσυφος":              {"σίσυφοσ", "σίσυφοσ"},
		"e\u0301te\u0301":              {"e\u0301te\u0301"},
		"a\x00b\x1b[31mc":              {"a", "b", "31mc"},
		"\xff\xfe":                     nil,
		"x\u202ey":                     {"x", "y"},
		"550e8400-e29b-41d4":           {"550e8400", "e29b", "41d4"},
		"12345678901234567890 -0.5e+9": {"12345678901234567890", "0", "5e", "9"},
	} {
		if got := query.Tokens(in); !slices.Equal(got, want) {
			t.Errorf("Tokens(%q) = %q, want %q", in, got, want)
		}
	}
}

// A word found in a query must be the word that was found in the value, so
// folding twice is folding once, and folding makes no other words.
func TestFoldIsStable(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		once := query.Fold(string(r))
		if twice := query.Fold(once); twice != once {
			t.Errorf("Fold(%q) = %q, and then %q", r, once, twice)
		}
		if len(query.Tokens(string(r))) != len(query.Tokens(once)) {
			t.Errorf("%q is a word: %v; folded: %v", r, query.Tokens(string(r)), query.Tokens(once))
		}
	}
}

// Letters to which others than their capitals are folded cannot be looked for byte
// by byte.
func TestFoldedToASCII(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		f := query.Fold(string(r))
		if f[0] < utf8.RuneSelf && f != "i" && f != "k" && f != "s" {
			t.Errorf("%q is folded to %q", r, f)
		}
	}
	for text, q := range map[string]string{
		"\u212aelvin": "kelvin", "mi\u017f\u017fing": "missing", "D\u0130SK": "disk", "d\u0131sk": "disk", "QUIZ": "quiz", "Naïve7": "naïve7",
		"a QuiZ": "*u?z", "xyz quizz": "quiz~", "one Two three": `"two THREE"`, "aGVs": "agvs", "naN": "nan",
	} {
		c := audit.Change{After: audit.PresentImage(audit.Object(map[string]audit.Value{"x": audit.Text(text)}), audit.Logged, audit.Exact)}
		check(t, &c, map[string]bool{q: true, "carries:" + q: true, "quark": false, "qu*rk": false, "qurk~": false})
	}
	c := audit.Change{After: audit.PresentImage(audit.Array(audit.BytesValue([]byte("quiz")), audit.Bool(true), audit.Null()), audit.Logged, audit.Exact)}
	check(t, &c, map[string]bool{"cxvpeg": true, "true": true, "null": true, "tru?": true, "false": false, "quiz": false})
}

func TestConjunction(t *testing.T) {
	eve, err := query.Parse("user:eve or user:bob", now)
	if err != nil {
		t.Fatal(err)
	}
	got := query.Conjunction(query.Expr{}, eve, query.Of(query.Numbered{Op: query.More, N: 5})).String()
	if want := "(user:eve OR user:bob) seq>5"; got != want {
		t.Errorf("Conjunction = %s, want %s", got, want)
	}
	if got := query.Conjunction().String(); got != "*" {
		t.Errorf("Conjunction of nothing = %s, want *", got)
	}
}

func TestPositionSortsAsTime(t *testing.T) {
	times := []audit.Time{-1e15, -1.5, -1, 0, 0.25, 1, 1785664800000, 1785664800000.25, 1e15}
	for i, a := range times {
		for j, b := range times {
			p, q := query.Position{Time: a, Seq: 1}, query.Position{Time: b, Seq: 1}
			if got, want := p.Compare(q) < 0, i > j; got != want {
				t.Errorf("%v comes before %v: %v, want %v", a, b, got, want)
			}
		}
	}
}
