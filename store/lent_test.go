package store

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"recourse/audit"
)

// TestLentBlock: what was read from a block stands, however the memory is used in which
// the block stood.
func TestLentBlock(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 11))
	memory := new(blockRoom)
	in := func(payload []byte) *block {
		b, err := openBlockIn(memory, 1, payload)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, n := range []int{1, 2, 17, 40, 256} {
		for _, plain := range []bool{false, true} {
			rows := randomRows(r, 1, n)
			payload := packed(t, rows, plain)
			room := bytes.Clone(payload)
			all, err := in(room).rowsIn(make([]row, audit.BlockSize))
			if err != nil {
				t.Fatal(err)
			}
			one, err := in(room).row(n - 1)
			if err != nil {
				t.Fatal(err)
			}
			seqs, outlines := make([]audit.Seq, n), make([]row, n)
			for i := range seqs {
				seqs[i] = audit.Seq(i + 1)
			}
			if err := in(room).outlines(seqs, outlines); err != nil {
				t.Fatal(err)
			}
			if _, err := in(packed(t, randomRows(r, 1, 100), plain)).rows(); err != nil {
				t.Fatal(err)
			}
			for i := range room {
				room[i] = 0xaa
			}
			for i := range rows {
				if !sameRow(&all[i], &rows[i]) {
					t.Fatalf("change %d of %d is otherwise", i+1, n)
				}
				o, w := &outlines[i].c, &rows[i].c
				if o.Key != w.Key || o.User != w.User || o.Node != w.Node || o.Op != w.Op || o.Cluster != w.Cluster || o.Note != w.Note {
					t.Fatalf("the outline of change %d of %d is otherwise", i+1, n)
				}
			}
			if !sameRow(&one, &rows[n-1]) {
				t.Errorf("change %d alone is otherwise", n)
			}
		}
	}
}
