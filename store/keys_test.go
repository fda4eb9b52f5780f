package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"math"
	"strings"
	"testing"

	"recourse/audit"
)

// FuzzKeys: a base record's key reads back as what it was made of, and never
// begins another record's keys; places sort as their bytes.
func FuzzKeys(f *testing.F) {
	f.Add("shop", "customers", `"c-17"`, "", 1.5e12, uint64(1), "shop", -1.0, uint64(2))
	f.Add("a", "\x00\x01", "\xff", "b\x00", math.Copysign(0, -1), uint64(0), "a\x00", 0.0, uint64(1<<63))
	f.Add("", "", "", "", math.NaN(), uint64(7), strings.Repeat("\x00", 3000), math.Inf(-1), uint64(math.MaxUint64))
	f.Add("a", "", "b", "", math.Inf(1), uint64(1), "\x00", -math.NaN(), uint64(1))
	f.Add(strings.Repeat("x", maxKeyText), "", "", "", 1.0, uint64(1), strings.Repeat("x", maxKeyText+1), 1.0, uint64(1))
	f.Fuzz(func(t *testing.T, database, table, id, cluster string, time1 float64, seq1 uint64, other string, time2 float64, seq2 uint64) {
		k := audit.Key{Table: audit.Table{Database: database, Name: table}, ID: audit.ID(id)}
		p := place{sortable(audit.Time(time1)), audit.Seq(seq1)}
		q := place{sortable(audit.Time(time2)), audit.Seq(seq2)}
		key := appendPlace(appendText(basePrefix(k), cluster), p)
		if len(key) > 65000 {
			t.Fatalf("a key of %d bytes", len(key))
		}
		rest := key[1:]
		for _, want := range []string{database, table, id, cluster} {
			rest = checkCut(t, rest, want)
		}
		if got, ok := cutPlace(key); !ok || got != p || len(rest) != 16 {
			t.Fatalf("place %v of %x: %v, %d bytes left", p, key, got, len(rest))
		}
		for _, f := range []float64{time1, time2} {
			if back := unsortable(sortable(audit.Time(f))); bits(back) != math.Float64bits(f) {
				t.Fatalf("%x came back as %x", math.Float64bits(f), bits(back))
			}
		}
		if time1 < time2 && p.time >= q.time || time1 == time2 && time1 != 0 && p.time != q.time {
			t.Fatalf("%v and %v do not sort as their keys", time1, time2)
		}
		if got, want := bytes.Compare(appendPlace(nil, p), appendPlace(nil, q)), p.compare(q); got != want {
			t.Fatalf("%v and %v compare %d as bytes, want %d", p, q, got, want)
		}
		checkApart(t, k, id, other)
		if len(id) <= maxKeyText && len(other) <= maxKeyText {
			a, b := appendText(nil, id), appendText(nil, other)
			if bytes.Compare(a, b) != cmp.Compare(id, other) {
				t.Fatalf("%q and %q sort otherwise as keys", id, other)
			}
		}
	})
}

func checkCut(t *testing.T, b []byte, want string) []byte {
	t.Helper()
	got, hashed, rest, ok := cutText(b)
	if hashed != (len(want) > maxKeyText) {
		t.Fatalf("text of %d bytes: hashed %v", len(want), hashed)
	}
	if hashed {
		sum := sha256.Sum256([]byte(want))
		want = string(sum[:])
	}
	if !ok || got != want {
		t.Fatalf("%q came back as %q, %v", want, got, ok)
	}
	return rest
}

// checkApart: moving text from one part of a key to the next makes another key,
// and no record's prefix begins another's.
func checkApart(t *testing.T, k audit.Key, id, other string) {
	t.Helper()
	l := k
	l.ID = audit.ID(other)
	a, b := basePrefix(k), basePrefix(l)
	if id != other && (bytes.HasPrefix(a, b) || bytes.HasPrefix(b, a)) {
		t.Fatalf("prefixes %x and %x run into one another", a, b)
	}
	m := audit.Key{Table: audit.Table{Database: k.Table.Database + k.Table.Name}, ID: k.ID}
	if m != k && bytes.Equal(basePrefix(m), a) {
		t.Fatalf("%v and %v have one key", m, k)
	}
}

// FuzzCutText: what is read as a text is written the same.
func FuzzCutText(f *testing.F) {
	f.Add([]byte{1, 'a', 0, 0xff, 0, 1, 9})
	f.Add([]byte{1, 0, 2})
	f.Add(append([]byte{2}, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, hashed, rest, ok := cutText(b)
		if !ok || hashed {
			return
		}
		if again := append(appendText(nil, text), rest...); !bytes.Equal(again, b) {
			t.Fatalf("%x was read as %q and is written %x", b, text, again)
		}
	})
}

// FuzzDecode: a value of any bytes is refused or read, and never panics.
func FuzzDecode(f *testing.F) {
	c := made(`"a"`, 12, audit.OpUpsert, object(3))
	payload, err := encode(map[int]any{1: c.ID[:], 4: bits(12), 8: "shop", 9: "customers", 10: `"a"`, 13: []any{2, 1, 3, []byte(c.After.Body)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add(encodeLast(&lastImage{at: place{1, 2}, after: c.After}))
	f.Add([]byte{0xa1, 0x18, 0x63, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := decodeChange(1, b); err == nil && c.Seq != 1 {
			t.Fatalf("read %+v", c)
		}
		i, err := decodeLast(b)
		if err != nil {
			return
		}
		if again := encodeLast(&i); !i.bodyless && !bytes.Equal(again, b) {
			t.Fatalf("%x was read as %+v and is written %x", b, i, again)
		}
	})
}
