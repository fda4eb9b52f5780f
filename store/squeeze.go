package store

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// squeezeWindow is how far back an encoder looks. It keeps twice as much memory for
// good, and what it is given is seldom longer.
const squeezeWindow = 1 << 20

// Encoders and decoders are costly to make, and may be used by many at once.
var (
	squeezer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(squeezeWindow))
	})
	// Windows are stored anew again and again; a tenth more of bytes is half of the time.
	windowSqueezer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(squeezeWindow))
	})
	unsqueezer = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*maxValue))
	})
)

// squeeze is a large body as it is stored: compressed.
func squeeze(b []byte) []byte { return squeezeBy(squeezer, b) }

func squeezeBy(by func() (*zstd.Encoder, error), b []byte) []byte {
	z, err := by()
	if err != nil {
		return nil // unreachable: the options are ours
	}
	return z.EncodeAll(b, nil)
}

func unsqueeze(payload []byte) ([]byte, error) {
	z, err := unsqueezer()
	if err != nil {
		return nil, err
	}
	b, err := z.DecodeAll(payload, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, nil
}
