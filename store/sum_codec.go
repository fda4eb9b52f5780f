package store

import (
	"encoding/binary"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
)

// damagedSum says that a sum is not what this program writes.
func damagedSum(what string) error { return fmt.Errorf("%w: a sum has %s", ErrCorrupt, what) }

// encodeSet is a set as roaring writes it, with runs where they are shorter.
func encodeSet(b *roaring.Bitmap) ([]byte, error) {
	b.RunOptimize()
	return b.ToBytes()
}

// decodeSet reads the set of offsets below limit that is all of data. It keeps
// data, which must not be changed.
func decodeSet(data []byte, limit int) (*roaring.Bitmap, error) {
	b := roaring.New()
	n, err := b.FromBuffer(data)
	if err != nil || n != int64(len(data)) {
		return nil, damagedSum("a broken set")
	}
	if err := b.Validate(); err != nil {
		return nil, damagedSum("a broken set")
	}
	if !b.IsEmpty() && int(b.Maximum()) >= limit {
		return nil, damagedSum("an offset beyond its chunk")
	}
	return b, nil
}

func cutUvarint(data []byte) (uint64, []byte, bool) {
	n, w := binary.Uvarint(data)
	if w <= 0 {
		return 0, nil, false
	}
	return n, data[w:], true
}

func cutString(data []byte) (string, []byte, bool) {
	n, data, ok := cutUvarint(data)
	if !ok || n > uint64(len(data)) {
		return "", nil, false
	}
	return string(data[:n]), data[n:], true
}
