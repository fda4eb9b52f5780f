package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// endMark is what a program is told to print after each answer.
const endMark = "-- end of the answer --"

// A session is a program that is asked by its standard input and answers on its
// standard output, one question after the other.
type session struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	mark string // the command that prints endMark
	errs *quiet
}

// begin starts the program; mark is the command by which it prints endMark.
func begin(cmd *exec.Cmd, mark string) (*session, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s := &session{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20), mark: mark, errs: &quiet{}}
	cmd.Stderr = s.errs
	return s, cmd.Start()
}

// ask gives the program some lines and returns those that it answers.
func (s *session) ask(text string) ([]string, error) {
	if text != "" {
		text += "\n"
	}
	if _, err := io.WriteString(s.in, text+s.mark+"\n"); err != nil {
		return nil, errors.Join(err, s.errs.err())
	}
	var lines []string
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			return lines, errors.Join(fmt.Errorf("read the answer: %w", err), s.errs.err())
		}
		line = strings.TrimSuffix(line, "\n")
		if line == endMark {
			return lines, s.errs.err()
		}
		lines = append(lines, line)
	}
}

func (s *session) close() error {
	err := s.in.Close()
	_, _ = io.Copy(io.Discard, s.out)
	return errors.Join(err, s.cmd.Wait())
}

// A quiet collects what a program complains of.
type quiet struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (q *quiet) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.buf.Write(p)
}

// err is what the program complained of; nil if it did not.
func (q *quiet) err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if text := strings.TrimSpace(q.buf.String()); text != "" {
		return errors.New(text)
	}
	return nil
}
