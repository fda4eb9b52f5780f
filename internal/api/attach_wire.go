package api

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What an attached command's connection carries, once it is no longer HTTP, are
// frames: a byte that says what it is, the length of what follows in four bytes,
// the highest first, and that. The side that calls sends the command, and then
// input when it is asked for it, and interrupts; the other sends output, asks for
// input, and at last says how the command ended.
const (
	frameCommand   = 'c' // a Command, as JSON; the first frame
	frameInput     = 'i' // some of the standard input
	frameInputEnd  = 'e' // there is no more of it; or why it cannot be read
	frameInterrupt = 's' // end early
	frameOut       = 'o' // some of the standard output
	frameErr       = 'x' // some of the standard error
	frameWant      = 'r' // so much of the standard input is wanted, as JSON
	frameExit      = 'q' // the exit code, as JSON; the last frame
)

// attachProtocol names the protocol, in the header Upgrade. A change that the
// other side would not understand changes it.
const attachProtocol = "recourse-attach/1"

const (
	longestCommand = 4 << 20  // bytes: about twice what systems let a command line be
	longestFrame   = 64 << 10 // of any other frame
)

// errFrame says that what came is not of the protocol.
var errFrame = errors.New("what came is no frame of an attached command")

// A Command is a command line that one process carries out for another, and what
// it finds around it there.
type Command struct {
	Name string   `json:"name"` // of the command, for the log: "revert apply"
	Args []string `json:"args"` // the program's name is the first
	// Dir is the folder that relative paths are from.
	Dir string `json:"dir"`
	// Env are the environment variables that the program reads and that are set.
	// They hold secrets.
	Env map[string]string `json:"env"`
	// Terminal says whether standard output is one, of Width columns; Progress
	// whether standard error is.
	Terminal bool `json:"terminal"`
	Width    int  `json:"width"`
	Progress bool `json:"progress"`
}

// valid says what is wrong with a command that came from another process.
func (c Command) valid() error {
	switch {
	case len(c.Args) == 0:
		return fmt.Errorf("%w: the command line is empty", errFrame)
	case len(c.Name) > 60:
		return fmt.Errorf("%w: the command's name is too long", errFrame)
	case c.Dir == "" || c.Width < 0:
		return fmt.Errorf("%w: the command has no folder, or a width below 0", errFrame)
	}
	return nil
}

// writeFrame sends a frame in one piece.
func writeFrame(w io.Writer, kind byte, body []byte) error {
	frame := make([]byte, 5, 5+len(body))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(body)))
	_, err := w.Write(append(frame, body...))
	return err
}

func writeJSONFrame(w io.Writer, kind byte, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if len(data) > longestCommand {
		return fmt.Errorf("the command line and the environment are longer than %d bytes", longestCommand)
	}
	return writeFrame(w, kind, data)
}

// readFrame reads a frame that is no longer than that, into the buffer if it fits.
func readFrame(r io.Reader, longest int, buf []byte) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if int64(n) > int64(longest) {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d", errFrame, n, longest)
	}
	if int(n) > cap(buf) {
		// It grows with what comes, not with what is announced.
		body, err = io.ReadAll(io.LimitReader(r, int64(n)))
		if err == nil && len(body) < int(n) {
			err = io.ErrUnexpectedEOF
		}
		return head[0], body, err
	}
	body = buf[:n]
	_, err = io.ReadFull(r, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return head[0], body, err
}

// readCommand reads the first frame of a connection.
func readCommand(r io.Reader) (Command, error) {
	kind, body, err := readFrame(r, longestCommand, nil)
	if err != nil {
		return Command{}, err
	}
	if kind != frameCommand {
		return Command{}, fmt.Errorf("%w: a command comes first, not %q", errFrame, kind)
	}
	var c Command
	if err := json.Unmarshal(body, &c); err != nil {
		return Command{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	return c, c.valid()
}

// frameWriter makes frames of a kind of what is written.
type frameWriter struct {
	send func(kind byte, body []byte) error
	kind byte
}

func (w frameWriter) Write(p []byte) (int, error) {
	sent := 0
	for part := p; len(part) > 0; part = p[sent:] {
		part = part[:min(len(part), longestFrame)]
		if err := w.send(w.kind, part); err != nil {
			return sent, err
		}
		sent += len(part)
	}
	return sent, nil
}

// handshake is how long the two sides have until the command is known.
const handshake = 10 * time.Second
