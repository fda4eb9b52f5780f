package audit

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSeqsAreASet: whatever is added in whatever order, what comes out is each
// number once, ascending, and what was taken out before stays what it was.
func TestSeqsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Seqs
		want := map[Seq]bool{}
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			q := Seq(rapid.OneOf(rapid.Uint64Range(0, 30), rapid.Uint64()).Draw(t, "seq"))
			before, was := s, slices.Collect(s.All())
			s.Add(q)
			if q != 0 {
				want[q] = true
			}
			if !slices.Equal(slices.Collect(before.All()), was) {
				t.Fatal("a copy changed")
			}
		}
		got := slices.Collect(s.All())
		if len(got) != len(want) || s.Len() != len(want) || !slices.IsSorted(got) {
			t.Fatalf("got %v of %v", got, want)
		}
		for _, q := range got {
			if !want[q] {
				t.Fatalf("%d was never added", q)
			}
		}
		back, err := ReadSeqs(s.Bytes())
		if err != nil || !back.Equal(s) || back.Len() != s.Len() || !SeqsOf(got...).Equal(s) {
			t.Fatalf("read back %v, %v", slices.Collect(back.All()), err)
		}
	})
}

func TestSeqsAreSmall(t *testing.T) {
	var s Seqs
	for q := Seq(1); q <= 1_000_000; q += 3 {
		s.Add(q)
	}
	if n := len(s.Bytes()); n > 340_000 {
		t.Errorf("%d bytes", n)
	}
	got, err := json.Marshal(SeqsOf(3, 1, 2, 9, 11, 12))
	if string(got) != "[[1,3],[9,9],[11,12]]" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestBadSeqs(t *testing.T) {
	for _, b := range [][]byte{{0}, {1, 0}, {0x80}, {1, 0x80, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}} {
		if s, err := ReadSeqs(b); err == nil {
			t.Errorf("%x: got %v", b, slices.Collect(s.All()))
		}
	}
}
