//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// untilExec returns what waits until every process that was begun since has let go
// of the files of this one. A process that another script begins has them, and the
// locks on them, until its exec closes them, and the lock that every fork takes is
// free a little before that. So what it also has is the end of a pipe, of a number so
// high that it is closed after the others.
func untilExec() (wait func() error, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	const high = 900
	last, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_DUPFD_CLOEXEC, high)
	if errno != 0 {
		return nil, fmt.Errorf("duplicate the end of a pipe: %w", errno)
	}
	return func() error {
		defer r.Close()
		if err := w.Close(); err != nil {
			return err
		}
		if err := syscall.Close(int(last)); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, r)
		return err
	}, nil
}
