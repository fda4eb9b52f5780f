package store

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"recourse/audit"
)

// wordsIn are the words of all single values of a body, as queries know them.
func wordsIn(v audit.Value) (all []string) {
	if d, err := audit.Decode(v); err != nil || string(d) != string(v) {
		return nil
	}
	v.Leaves(func(leaf audit.Value) bool {
		text := leaf.JSON()
		switch leaf.Kind() {
		case audit.KindText:
			text = string(leaf.TextBytes())
		case audit.KindBytes:
			text = base64.StdEncoding.EncodeToString(leaf.Bytes())
		case audit.KindFloat:
			if f, _ := leaf.Float64(); math.IsNaN(f) || math.IsInf(f, 0) {
				text = strings.Replace(fmt.Sprint(f), "Inf", "Infinity", 1)
			}
		case audit.KindDate:
			text = "Invalid Date"
			if at, ok := leaf.Time(); ok {
				text = at.Format("2006-01-02T15:04:05.000Z")
			}
		}
		words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
		for _, w := range words {
			all = append(all, strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, w))
		}
		return true
	})
	return all
}

// sievedText is a text on which a sieve could slip.
func sievedText(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return randomText(r)
	}
	parts := []string{"d36146", "D36146", "deadbeef", "dead", "beef12", "v", "V", "ab", "AB", "ABCD", "kisses", "KISSES", "\u212aisse\u017f", "\u0131st", "12", "007", "36146",
		"\u2014", "\u00e9", "-", " ", ".", "x", strings.Repeat("y", 33), strings.Repeat("9", 19), "1e21", "invalid", "2026", "\xff"}
	var s strings.Builder
	for range 1 + r.IntN(5) {
		s.WriteString(parts[r.IntN(len(parts))])
	}
	return s.String()
}

func sievedRows(r *rand.Rand) []row {
	rows := randomRows(r, 1, 1+r.IntN(audit.BlockSize))
	for i := range rows {
		if rows[i].c.After.Body == nil || r.IntN(8) == 0 {
			continue
		}
		fields := map[string]audit.Value{"n": audit.Int(int64(r.IntN(1e6))), "at": audit.DateOf(1795392000000)}
		for _, name := range []string{"a", "b", "c"} {
			fields[name] = audit.Text(sievedText(r))
		}
		if r.IntN(30) == 0 {
			fields["list"] = audit.Array(audit.Text(sievedText(r)))
		}
		c := &rows[i].c
		c.After.Body = audit.Object(fields)
		if rows[i].was.Body != nil {
			fields["b"] = audit.Text(sievedText(r))
			rows[i].was.Body = audit.Object(fields)
		}
		if r.IntN(10) == 0 {
			c.Key.ID = audit.ID(fmt.Sprintf("%q", fields["a"].Text()))
			c.ID = c.Identify()
		}
	}
	return rows
}

// TestSieveLosesNothing looks for every word that the changes of a block have, and
// for what it begins with: no change that has it is left out.
func TestSieveLosesNothing(t *testing.T) {
	looked, left, seeds := 0, 0, uint64(8)
	if os.Getenv("RECOURSE_SOAK") != "" {
		seeds = 240
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		rows := sievedRows(r)
		b := mustOpen(t, 1, packed(t, rows, seed%8 == 7))
		if err := b.load(); err != nil {
			t.Fatal(err)
		}
		has := map[string][]int{} // the changes that have a word
		for i := range rows {
			for _, v := range []audit.Value{rows[i].c.After.Body, rows[i].c.Before.Body, rows[i].was.Body} {
				for _, w := range wordsIn(v) {
					has[w] = append(has[w], i)
				}
			}
		}
		for w, places := range has {
			for _, prefix := range []bool{false, true} {
				word := w
				if prefix && len(w) > 3 {
					word = w[:3+r.IntN(len(w)-3)]
				}
				s, ok := newSieve(word, prefix)
				if !ok {
					continue
				}
				may, err := s.places(b)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range places {
					if !may[i] {
						t.Fatalf("seed %d: change %d has %q and is left out of those with %q, prefix %v", seed, i, w, word, prefix)
					}
				}
				looked += len(may)
				for _, is := range may {
					if !is {
						left++
					}
				}
			}
		}
	}
	if left < looked/20 {
		t.Errorf("of %d changes only %d were left out", looked, left)
	}
}

// TestSieveOfView: what changes are known to be now counts, not what their blocks
// say of them.
func TestSieveOfView(t *testing.T) {
	db := open(t)
	var batch []audit.Change
	for i := range 100 {
		batch = append(batch, made(fmt.Sprint(i), audit.Time(1e12+float64(i)), audit.OpUpsert, audit.Object(map[string]audit.Value{"name": audit.Text("plain")})))
	}
	appendAll(t, db, batch...)
	// A late change stands before change 50 of its record now.
	late := made("49", 5e11, audit.OpUpsert, audit.Object(map[string]audit.Value{"name": audit.Text("remarkable")}))
	late.Late = true
	appendAll(t, db, late)
	v, err := db.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	all := make([]audit.Seq, v.Last())
	for i := range all {
		all[i] = audit.Seq(i + 1)
	}
	for word, want := range map[string][]audit.Seq{"remarkable": {50, 101}, "plain": all[:100]} {
		got, err := v.Sieve(t.Context(), all, word, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range want {
			if !slices.Contains(got, s) {
				t.Errorf("change %d is left out of those with %q: %v", s, word, got)
			}
		}
		if word == "remarkable" && len(got) > 2 {
			t.Errorf("%d changes may have %q", len(got), word)
		}
	}
}
