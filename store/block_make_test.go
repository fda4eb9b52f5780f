package store

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"recourse/audit"
)

// blockTexts are texts on which a template could slip.
var blockTexts = []string{
	"", " ", "  ", "a", "ab cd", "ab  cd", " ab", "ab ", "AB", "ABC", "ABCD", "Ab", "0", "00", "007", "7", "70",
	"123456789012345678", "1234567890123456789", "000000000000000000", "deadbeef", "dead", "12ab", "1a2", "1a", "a1b2c3", "a1b2c3d4e5f6", "ABC-12ef90",
	"550e8400-e29b-41d4-a716-446655440000", "2026-11-23T10:11:12.123Z", "+1-555-067-4902", "10.0.75.177", "amir.orlov845@example.org",
	"\x00", "\x01", "\x01abc", "abc\x01abc", "abc \x01 abc", "\x02\x03\x04\x05\x06\x07\x08", "A b", "A bc de", "b A b", "a 1 b", "a  b c",
	"grüße an Zoë", "日本語 テキスト", "😀 a 😀", "\u202eabc", "word\nword\tword", "x" + string(rune(0x10ffff)),
	strings.Repeat("long", 9), strings.Repeat("word ", 60), strings.Repeat("-", 95), strings.Repeat("-", 97), strings.Repeat("é", 300),
}

func randomText(r *rand.Rand) string {
	switch r.IntN(5) {
	case 0:
		return blockTexts[r.IntN(len(blockTexts))]
	case 1: // anything
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return string(b)
	case 2: // what templates are made of, in any order
		var s strings.Builder
		for range r.IntN(12) {
			s.WriteString([]string{"ab", "A", "Z", " ", "0", "9", "f", "\x01", "\x07", "-", "é", "word", "12", "00", "g"}[r.IntN(15)])
		}
		return s.String()
	case 3:
		return fmt.Sprintf("%s %d of %08x", blockTexts[r.IntN(len(blockTexts))], r.IntN(1e6), r.Uint32())
	}
	return []string{"open", "closed", "active", "in review"}[r.IntN(4)]
}

func randomFloat(r *rand.Rand) float64 {
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0.5, 0.1, 1e300, 5e-324, 1 << 53, 1<<53 + 2, 1e21, -0.01, 329.79, 3.14159, 0.000001}
	if r.IntN(2) == 0 {
		return special[r.IntN(len(special))]
	}
	return math.Round(r.NormFloat64()*1e6) / []float64{1, 10, 100, 1e3, 1e4, 1e6, 7}[r.IntN(7)]
}

func randomValue(r *rand.Rand, depth int) audit.Value {
	switch r.IntN(15) {
	case 0:
		return audit.Null()
	case 1:
		return audit.Bool(r.IntN(2) == 0)
	case 2:
		return audit.Int(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		return audit.Int(1795392000000 + int64(r.IntN(1e9)))
	case 4:
		return audit.BigInt(new(big.Int).Lsh(big.NewInt(int64(r.Uint64())), uint(r.IntN(200))))
	case 5, 6:
		return audit.Float(randomFloat(r))
	case 7:
		return audit.BytesValue([]byte(randomText(r)))
	case 8:
		return audit.DateOf(1795392000000 + float64(r.IntN(1e9)))
	case 9:
		return audit.DateOf([]float64{math.NaN(), 0, -1, 1000, 8.64e15, -8.64e15, randomFloat(r)}[r.IntN(7)])
	case 10, 11:
		if depth == 0 {
			return audit.Array()
		}
		if r.IntN(2) == 0 {
			return audit.Array(randomValue(r, depth-1), randomValue(r, depth-1))
		}
		return randomObject(r, depth-1)
	case 12:
		v, err := audit.Decode(append([]byte{0xd8, 0x2a}, randomValue(r, 0)...))
		if err != nil {
			return audit.Null()
		}
		return v
	}
	return audit.Text(randomText(r))
}

func randomObject(r *rand.Rand, depth int) audit.Value {
	fields := map[string]audit.Value{}
	for range r.IntN(8) {
		fields[[]string{"id", "name", "price", "status", "a", "b", "", "é", "a longer name of an attribute", randomText(r)}[r.IntN(10)]] = randomValue(r, depth)
	}
	return audit.Object(fields)
}

// malformed are bodies that are no value, or are in no form that ours have.
var malformed = []string{
	"", "\x00", "\xa0", "\xa1", "\xa1\x61a", "\xa1\x61a\xff", "\xa1\x01\x02", "\xa1\x78\x01a\x01", "\xb8\x01\x61a\x01", "\xa1\x61a\x18\x01", "\xa1\x61a\x19\x00\xff",
	"\xa1\x61a\x78\x02ab", "\xa2\x61b\x01\x61a\x02", "\xa2\x61a\x01\x61a\x02", "\xa1\x61a\x01\x01", "\xbf\x61a\x01\xff", "\xa1\x61a\xfb\x00\x00\x00\x00\x00\x00\x00\x00",
	"\xa1\x61a\xfb\x80\x00\x00\x00\x00\x00\x00\x00", "\xa1\x61a\xfb\x7f\xf0\x00\x00\x00\x00\x00\x01", "\xa1\x61a\xfb\x3f\xe0\x00\x00\x00\x00\x00\x00", "\xa1\x61a\xc1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01",
	"\xa1\x61a\x64\xff\xfe\x00a", "\xa1\x61\xff\x01", "\xa1\x61a\xf7", "\xa1\x61a\xe0", "\xa1\x61a\xf8\xff", "\xa1\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x61a\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
	"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x61a\x5f\x41a\xff", "\xa1\x61a\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x61a\xc1\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff",
}

func randomBody(r *rand.Rand) audit.Value {
	switch r.IntN(12) {
	case 0:
		return nil
	case 1:
		return audit.Value(malformed[r.IntN(len(malformed))])
	case 2:
		return randomValue(r, 2)
	}
	return randomObject(r, 2)
}

func randomTime(r *rand.Rand) audit.Time {
	if r.IntN(8) == 0 {
		return audit.Time([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300, math.Float64frombits(0xfff8000000000123)}[r.IntN(8)])
	}
	return audit.Time(1795392000000 + 1e6*r.Float64())
}

func randomImage(r *rand.Rand, body audit.Value) audit.Image {
	if r.IntN(16) == 0 {
		return audit.Image{State: audit.State(r.IntN(256)), Source: audit.Source(r.IntN(256)), Trust: audit.Trust(r.IntN(256)), Body: body}
	}
	return audit.Image{State: audit.State(r.IntN(3)), Source: audit.Source(r.IntN(5)), Trust: audit.Trust(r.IntN(4)), Body: body}
}

// edited is a body that has something of another.
func edited(r *rand.Rand, v audit.Value) audit.Value {
	if v.Kind() != audit.KindObject || len(v) == 1 || r.IntN(4) == 0 {
		return randomBody(r)
	}
	for range r.IntN(3) {
		v = v.With([]string{"id", "name", "price", "status", "new"}[r.IntN(5)], randomValue(r, 1))
	}
	return v
}

func randomRow(r *rand.Rand, seq audit.Seq) row {
	pick := func(s ...string) string { return append(s, randomText(r))[r.IntN(len(s)+1)] }
	after := randomBody(r)
	safe := after
	if d, err := audit.Decode(after); err != nil || string(d) != string(after) {
		safe = nil
	}
	one := row{c: audit.Change{
		Seq: seq, Cluster: pick("", "", "eu"), Node: pick("n1", "n2"), Time: randomTime(r), User: pick("", "ann", "bob"),
		Op: audit.Op(pick("insert", "update", "upsert")), Reported: audit.Op(pick("insert", "update")),
		Key: audit.Key{Table: audit.Table{Database: pick("shop"), Name: pick("orders", "customers")}, ID: audit.ID(pick("1", `"c-17"`, `[1,"a"]`, `"`, `""`, ""))},
		Nth: r.IntN(3) - 1, After: randomImage(r, after), Group: audit.Group{Size: r.IntN(300) - 2, Index: r.IntN(300) - 2}, Observed: randomTime(r),
		Lossy: r.IntN(2) == 0, Late: r.IntN(9) == 0, Synthetic: r.IntN(9) == 0, Note: pick("", "", "not read: too deep")}}
	switch r.IntN(3) {
	case 0:
		one.c.Sent = edited(r, safe)
	case 1:
		one.c.Sent = audit.Value(randomText(r))
	}
	if r.IntN(3) == 0 {
		one.c.Before = randomImage(r, edited(r, safe))
	}
	if r.IntN(3) > 0 {
		one.prev, one.prevTime, one.was = audit.Seq(r.Uint64()>>r.IntN(64)), randomTime(r), randomImage(r, edited(r, safe))
	}
	if r.IntN(20) == 0 {
		one.was.Body = one.c.After.Body
	}
	one.c.ID = one.c.Identify()
	return one
}

func randomRows(r *rand.Rand, first audit.Seq, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = randomRow(r, first+audit.Seq(i))
	}
	return rows
}

func mustEncode(t testing.TB, rows []row) []byte {
	t.Helper()
	payload, err := encodeBlock(rows[0].c.Seq, rows)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// packed is the payload of rows, with or without shapes and templates, in which
// all of them must come back at the first attempt: encodeBlock would make another
// without, and hide that the first was wrong.
func packed(t testing.TB, rows []row, plain bool) []byte {
	t.Helper()
	w := new(blockWriter)
	w.reset(plain)
	b, err := w.pack(rows[0].c.Seq, rows)
	if err == nil {
		err = b.check(rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	payload, err := w.frame(b)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func mustOpen(t testing.TB, first audit.Seq, payload []byte) *block {
	t.Helper()
	b, err := openBlock(first, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkBlock reads a block all at once, one by one and without bodies.
func checkBlock(t testing.TB, b *block, want []row) {
	t.Helper()
	if b.len() != len(want) {
		t.Fatalf("%d changes, want %d", b.len(), len(want))
	}
	all, err := b.rows()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !sameRow(&all[i], &want[i]) {
			t.Fatalf("row %d of all is\n%+v, want\n%+v", i, all[i], want[i])
		}
		one, err := b.row(i)
		if err != nil {
			t.Fatal(err)
		}
		if !sameRow(&one, &want[i]) {
			t.Fatalf("row %d is\n%+v, want\n%+v", i, one, want[i])
		}
		head, err := b.head(i)
		if err != nil {
			t.Fatal(err)
		}
		if c := &want[i].c; head.Identify() != c.ID || head.Seq != c.Seq || head.User != c.User {
			t.Fatalf("head of row %d is\n%+v, want that of\n%+v", i, head, want[i].c)
		}
	}
}
