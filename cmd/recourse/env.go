package main

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// An env is what the program finds around it, so that a test can run all of it
// in one process.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool) // an environment variable
	now            func() time.Time
	// terminal says whether stdout is one, and its width in columns.
	terminal bool
	width    int
	// progress says whether stderr is a terminal, where progress may be drawn.
	progress bool
}

func systemEnv() *env {
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookup: os.LookupEnv, now: time.Now,
		progress: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		e.terminal = true
		if w, _, err := term.GetSize(fd); err == nil {
			e.width = w
		}
	}
	return e
}

// get is an environment variable, empty when it is not set.
func (e *env) get(name string) string {
	v, _ := e.lookup(name)
	return v
}
