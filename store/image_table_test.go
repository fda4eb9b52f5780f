package store

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// TestImageTable: a table finds what a map does, when many hashes fall together and
// entries come, move and go.
func TestImageTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table imageTable
		hashes := []uint64{}        // of the entry at each place
		want := map[uint64]uint32{} // hash to place
		hashAt := func(at uint32) uint64 { return hashes[at] }
		spread := rapid.SampledFrom([]uint64{7, 100, 1 << 40}).Draw(t, "spread")
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			hash := rapid.Uint64Range(0, spread).Draw(t, "hash") * 0x9e3779b97f4a7c15 >> rapid.SampledFrom([]int{0, 60}).Draw(t, "bits")
			cell, found := table.find(hash, func(at uint32) bool { return hashes[at] == hash })
			if at, has := want[hash]; has != found || found && table.at(cell) != at {
				t.Fatalf("%x: found %v, want %v", hash, found, has)
			}
			hashes = append(hashes, hash)
			at := uint32(len(hashes) - 1)
			switch {
			case !found:
				table.put(hash, at, hashAt)
				want[hash] = at
			case rapid.Bool().Draw(t, "move"):
				table.move(cell, at)
				want[hash] = at
			default:
				table.remove(cell, hashAt)
				delete(want, hash)
			}
		}
		got := map[uint64]uint32{}
		for at := range table.all {
			got[hashes[at]] = at
		}
		if len(got) != len(want) || table.n != len(want) {
			t.Fatalf("%d entries, %d counted, want %d", len(got), table.n, len(want))
		}
		for hash, at := range want {
			if cell, found := table.find(hash, func(at uint32) bool { return hashes[at] == hash }); !found || table.at(cell) != at || got[hash] != at {
				t.Fatalf("%x is lost", hash)
			}
		}
	})
}

// FuzzShapes: what is packed comes back as it was, whatever it is, in few or many shapes;
// what was never packed is an error or something, but no panic.
func FuzzShapes(f *testing.F) {
	f.Add([]byte("\xa2aa\x01ab\x02"), []byte("\xa2aa\x03ab\x04"), 0)
	f.Add([]byte("\xa0"), []byte{}, -1)
	f.Add([]byte("\xbf"), []byte("\xa1aa"), 5)
	f.Add([]byte("\xa1aa\x01\x02"), []byte("\xa1aa\xf5"), 1)
	f.Fuzz(func(t *testing.T, a, b []byte, guess int) {
		var s imageShapes
		for range 2 {
			for _, body := range [][]byte{a, b, a} {
				packed, shape := s.pack(nil, body, guess)
				got, err := s.unpack([]byte("x"), packed)
				if err != nil || string(got) != "x"+string(body) {
					t.Fatalf("%x became %x and %x: %v", body, packed, got, err)
				}
				if n := s.unpackedSize(packed); n < len(body) {
					t.Fatalf("%x has %d bytes, told are %d", body, len(body), n)
				}
				if shapeIn(packed) != shape {
					t.Fatalf("%x has shape %d, told is %d", body, shapeIn(packed), shape)
				}
				guess = shape
			}
		}
		var again imageShapes
		for _, shape := range s.all {
			if err := again.add(shape.bytes()); err != nil {
				t.Fatal(err)
			}
		}
		if len(again.all) > 0 {
			_, _ = again.unpack(nil, append(binary.AppendUvarint(nil, 1), a...))
		}
		_, _ = again.unpack(nil, b)
		_ = again.add(b)
	})
}
