package main

import (
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// An env is what the program finds around it, so that a test can run all of it
// in one process.
type env struct {
	// dir is the folder that relative paths are from; empty: the process's own.
	dir            string
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool) // an environment variable
	names          []string                    // of the environment variables that are set
	now            func() time.Time
	// terminal says whether stdout is one, and its width in columns.
	terminal bool
	width    int
	// progress says whether stderr is a terminal, where progress may be drawn.
	progress bool
	// beside is the daemon that carries the command out for another process; nil:
	// the command is this process's own.
	beside *daemon
	// failed is told of the error that the command ends with; nil: it is printed on
	// stderr.
	failed func(err error, code int)
}

func systemEnv() *env {
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookup: os.LookupEnv, names: environment(), now: time.Now,
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

// environment is the names of the process's environment variables.
func environment() []string {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return names
}

// get is an environment variable, empty when it is not set.
func (e *env) get(name string) string {
	if e.lookup == nil {
		return ""
	}
	v, _ := e.lookup(name)
	return v
}
