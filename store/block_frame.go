package store

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A frame is a part of a block as it is stored.
type frame struct {
	size   int    // of the part
	stored []byte // the part itself if it has that size, or a zstd frame
}

// open is the part; it may be the stored bytes themselves. No more is unpacked
// than the part has.
func (f frame) open(room *blockRoom) ([]byte, error) {
	if len(f.stored) == f.size {
		return f.stored, nil
	}
	z, err := blockUnpacker()
	if err != nil {
		return nil, err
	}
	out, err := z.DecodeAll(f.stored, room.bytesOf(f.size)[:0])
	if err == nil && len(out) != f.size {
		err = fmt.Errorf("a frame has %d bytes in place of %d", len(out), f.size)
	}
	return out, err
}

// packFrame appends a part as it is stored. What zstd does not make half as
// large, which numbers and most forms are, is not worth the time that it takes to unpack
// it: to read one change, as much as all else.
func packFrame(z *zstd.Encoder, dst, part []byte) []byte {
	if len(part) < 16 {
		return append(dst, part...)
	}
	start := len(dst)
	dst = z.EncodeAll(part, dst)
	if len(dst)-start > len(part)/2 {
		dst = append(dst[:start], part...)
	}
	return dst
}

// frame is the payload of a block whose parts are still unpacked.
func (w *blockWriter) frame(b *block) ([]byte, error) {
	z, err := blockPacker()
	if err != nil {
		return nil, err
	}
	w.packed = w.packed[:0]
	var sizes []byte
	for _, f := range b.frames {
		start := len(w.packed)
		w.packed = packFrame(z, w.packed, f.stored)
		sizes = binary.AppendUvarint(sizes, uint64(len(f.stored)))
		sizes = binary.AppendUvarint(sizes, uint64(len(w.packed)-start))
	}
	out := make([]byte, 0, 32+len(sizes)+len(w.packed))
	out = append(out, blockVersion)
	for _, n := range []int{b.n, b.bodies, b.keys} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return append(append(out, sizes...), w.packed...), nil
}

// Both are safe to share; each call of EncodeAll or DecodeAll works by itself.
var (
	blockPacker = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true),
			zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<17))
	})
	blockUnpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderLowmem(true),
			zstd.WithDecodeAllCapLimit(true))
	})
)
