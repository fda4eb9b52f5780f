package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
)

// FuzzAttachedCaller sends what is no good caller's: the server answers or hangs
// up, and goes on.
func FuzzAttachedCaller(f *testing.F) {
	var good bytes.Buffer
	_ = writeJSONFrame(&good, frameCommand, aCommand)
	whole := good.Bytes()
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), 's', 0, 0, 0, 0))
	f.Add(append(bytes.Clone(whole), 'i', 0, 0, 0, 1, 'x', 'e', 0, 0, 0, 0))
	f.Add([]byte{'c', 0xff, 0xff, 0xff, 0xff, '{'})
	f.Add([]byte("c\x00\x00\x00\x02{}"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := New(Options{Version: Version{Version: "1"}, Command: func(_ context.Context, c Command, streams Streams) int {
			if len(c.Args) == 0 || c.Dir == "" {
				t.Error("a command without a command line, or a folder")
			}
			_, _ = streams.In.Read(make([]byte, 3))
			fmt.Fprint(streams.Out, "x")
			return 0
		}})
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		go func() {
			_, _ = theirs.Write(sent)
			theirs.Close()
		}()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer ours.Close()
			c, err := readCommand(ours)
			if err != nil {
				return
			}
			s.carryOut(context.Background(), ours, ours, c)
		}()
		<-ended
	})
}

// FuzzAttachedServer answers a caller with what is no good server's: it ends with
// an exit code or with an error, and no output that the server did not send.
func FuzzAttachedServer(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hiq\x00\x00\x00\x010"))
	f.Add([]byte("x\xff\xff\xff\xff"))
	f.Add([]byte("r\x00\x00\x00\x013q\x00\x00\x00\x03130"))
	f.Add([]byte("q\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, other := net.Pipe()
		defer conn.Close()
		go func() { _, _ = io.Copy(io.Discard, other) }()
		var out bytes.Buffer
		s := &calling{conn: conn, in: bytes.NewReader([]byte("input"))}
		_, err := s.follow(bytes.NewReader(sent), Streams{Out: &out, Err: &out})
		if out.Len() > len(sent) {
			t.Errorf("%d bytes of output from %d", out.Len(), len(sent))
		}
		if err == nil && !bytes.Contains(sent, []byte{frameExit}) {
			t.Error("an exit code that nobody sent")
		}
	})
}

// What is announced takes no memory before it comes.
func TestFrameThatIsAnnouncedAlone(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := readFrame(bytes.NewReader([]byte{'c', 0, 0x3f, 0xff, 0xff}), longestCommand, nil)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want an unexpected end", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were taken for a frame of none", took)
	}
}
