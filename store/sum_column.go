package store

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/huff0"
)

// How a plane of bytes is written.
const (
	planeRaw     byte = 0 // as it is
	planeRepeats byte = 1 // one byte for all
	planeHuffman byte = 2 // a table and four streams, as huff0 writes them
)

// encodeColumn is a code below the number of values for each change: the low
// bytes of all, and then the high ones if there are such. Few values have most
// changes and the lowest codes, which is what Huffman's code is for.
func encodeColumn(codes []uint16, values int) ([]byte, error) {
	plane := make([]byte, len(codes))
	var dst []byte
	for shift := 0; shift == 0 || shift == 8 && values > 1<<8; shift += 8 {
		for i, c := range codes {
			plane[i] = byte(c >> shift)
		}
		var err error
		if dst, err = appendPlane(dst, plane); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendPlane(dst, plane []byte) ([]byte, error) {
	packed, _, err := huff0.Compress4X(plane, &huff0.Scratch{Reuse: huff0.ReusePolicyNone})
	how := planeHuffman
	switch {
	case errors.Is(err, huff0.ErrUseRLE):
		how, packed = planeRepeats, plane[:1]
	case errors.Is(err, huff0.ErrIncompressible):
		how, packed = planeRaw, plane
	case err != nil:
		return nil, err
	}
	return append(binary.AppendUvarint(append(dst, how), uint64(len(packed))), packed...), nil
}

// decodeColumn reads as many codes, all below the number of values.
func decodeColumn(data []byte, want, values int) ([]uint32, error) {
	low, data, err := cutPlane(data, want)
	if err != nil {
		return nil, err
	}
	codes, most := make([]uint32, want), uint32(0)
	if values <= 1<<8 {
		for i, b := range low {
			codes[i] = uint32(b)
			most = max(most, uint32(b))
		}
	} else {
		var high []byte
		if high, data, err = cutPlane(data, want); err != nil {
			return nil, err
		}
		for i, b := range low {
			c := uint32(high[i])<<8 | uint32(b)
			codes[i] = c
			most = max(most, c)
		}
	}
	if len(data) > 0 || want > 0 && int(most) >= values {
		return nil, damagedSum("a code without a value")
	}
	return codes, nil
}

func cutPlane(data []byte, want int) (plane, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, damagedSum("too short a column")
	}
	how := data[0]
	size, data, ok := cutUvarint(data[1:])
	if !ok || size > uint64(len(data)) {
		return nil, nil, damagedSum("too short a column")
	}
	packed, rest := data[:size], data[size:]
	switch {
	case how == planeRaw && len(packed) == want:
		return packed, rest, nil
	case how == planeRepeats && len(packed) == 1:
		plane = make([]byte, want)
		for i := range plane {
			plane[i] = packed[0]
		}
		return plane, rest, nil
	case how == planeHuffman:
		table, streams, err := huff0.ReadTable(packed, nil)
		if err == nil {
			plane, err = table.Decoder().Decompress4X(make([]byte, 0, want), streams)
		}
		if err == nil && len(plane) == want {
			return plane, rest, nil
		}
	}
	return nil, nil, damagedSum("a broken column")
}
