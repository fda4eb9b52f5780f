package harper

import (
	"bytes"
	"fmt"
	"testing"
)

// TestKeyQueue: keys come out as they went in, of whatever size, and for the
// next group too.
func TestKeyQueue(t *testing.T) {
	var q keyQueue
	for round := range 3 {
		var want [][]byte
		for i := range 10_000 {
			key := fmt.Appendf(nil, "key %d of %d", i, round)
			switch i % 1000 {
			case 7:
				key = nil // too large
			case 8:
				key = bytes.Repeat(key, keyChunk/8)
			}
			want = append(want, key)
			q.put(key)
		}
		if q.size != len(want) {
			t.Errorf("%d keys, want %d", q.size, len(want))
		}
		for i, key := range want {
			if got, ok := q.take(); !ok || !bytes.Equal(got, key) {
				t.Fatalf("key %d: %.40q, want %.40q", i, got, key)
			}
		}
		if _, ok := q.take(); ok {
			t.Error("a key too many")
		}
		q.reset()
		if len(q.chunks) > 1 {
			t.Errorf("%d chunks are kept", len(q.chunks))
		}
	}
}
