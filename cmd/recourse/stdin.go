package main

import (
	"io"

	"recourse/internal/api"
)

// An interruptible is standard input that is waited for no longer than the command
// goes on: a read of a terminal or of a pipe ends with what comes, not with Ctrl-C.
type interruptible struct {
	in   io.Reader
	done <-chan struct{} // closed when the command is to end

	reading chan readInput // of the read that goes on; nil: none does
	buf     []byte         // what it reads into
	rest    []byte         // of what came
	err     error          // after rest
}

// A readInput is what a read brought.
type readInput struct {
	n   int
	err error
}

// Read ends with api.ErrInterrupted when the command is to end. What the read that
// goes on still brings is lost with the process.
func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.rest) == 0 && i.err == nil && len(p) > 0 {
		if i.reading == nil {
			i.begin(len(p))
		}
		select {
		case got := <-i.reading:
			i.reading, i.rest, i.err = nil, i.buf[:got.n], got.err
		case <-i.done:
			return 0, api.ErrInterrupted
		}
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	if len(i.rest) > 0 {
		return n, nil
	}
	err := i.err
	i.err = nil
	return n, err
}

// begin reads no more than is wanted: the rest is for whoever reads next.
func (i *interruptible) begin(most int) {
	if cap(i.buf) < most {
		i.buf = make([]byte, most)
	}
	i.reading = make(chan readInput, 1)
	go func(buf []byte, to chan<- readInput) {
		n, err := i.in.Read(buf)
		to <- readInput{n, err}
	}(i.buf[:most], i.reading)
}
