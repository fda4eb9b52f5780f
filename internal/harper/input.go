package harper

import (
	"errors"
	"io"
)

// errTooLarge says that one value of an answer has more bytes than the caller
// allowed. The value was read past, not kept.
var errTooLarge = errors.New("larger than the limit")

// errBroken says that an answer is neither JSON nor CBOR from some byte on.
var errBroken = errors.New("is not well-formed")

// An input is a reader whose buffer can hold on to the bytes since a mark, so
// that a value is framed where it lies and copied only when it is decoded.
type input struct {
	src  io.Reader
	buf  []byte
	r, w int // buf[r:w] is unread
	mark int // buf[mark:r] is kept; -1 when nothing is
	err  error
}

const inputSize = 64 << 10

func newInput(src io.Reader) *input {
	return &input{src: src, buf: make([]byte, inputSize), mark: -1}
}

// fill reads more, growing the buffer only when what is kept fills it.
func (in *input) fill() error {
	if in.err != nil {
		return in.err
	}
	keep := in.r
	if in.mark >= 0 {
		keep = in.mark
	}
	if in.w == len(in.buf) && keep > 0 {
		copy(in.buf, in.buf[keep:in.w])
		in.r, in.w = in.r-keep, in.w-keep
		if in.mark >= 0 {
			in.mark = 0
		}
	}
	if in.w == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	for range 100 {
		n, err := in.src.Read(in.buf[in.w:])
		in.w += n
		in.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	in.err = io.ErrNoProgress
	return in.err
}

// need makes n unread bytes available at once; n is small.
func (in *input) need(n int) error {
	for in.w-in.r < n {
		if err := in.fill(); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// discard reads past n bytes, keeping them if there is a mark, unless more
// than limit bytes would be kept.
func (in *input) discard(n uint64, limit int) error {
	for n > 0 {
		if in.r == in.w {
			if err := in.fill(); err != nil {
				return unexpected(err)
			}
		}
		step := min(n, uint64(in.w-in.r))
		in.r += int(step)
		n -= step
		in.enforce(limit)
	}
	return nil
}

// enforce gives up the mark when more than limit bytes are kept.
func (in *input) enforce(limit int) {
	if in.mark >= 0 && in.r-in.mark > limit {
		in.mark = -1
	}
}

// taken is what was read since the mark, and ends it. It is valid until the
// next read.
func (in *input) taken() ([]byte, error) {
	if in.mark < 0 {
		return nil, errTooLarge
	}
	raw := in.buf[in.mark:in.r]
	in.mark = -1
	return raw, nil
}

// shrink lets go of a buffer that one large value has grown.
func (in *input) shrink() {
	const roomy = 4 << 20
	if len(in.buf) > roomy && in.w-in.r < inputSize && in.mark < 0 {
		small := make([]byte, inputSize)
		in.w = copy(small, in.buf[in.r:in.w])
		in.r, in.buf = 0, small
	}
}

// unexpected turns the end of the input, where more had to come, into an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
