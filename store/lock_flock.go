//go:build linux || darwin || freebsd

package store

import (
	"errors"
	"os"
	"syscall"
)

// canLock says that lockDir can hold off others.
const canLock = true

// lockDir holds off other processes from a store, as Badger does while it is
// open. It is nil if another one has it.
func lockDir(dir string) (*dirLock, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = nil
		}
		return nil, err
	}
	return &dirLock{f}, nil
}

// A dirLock is a lock of a folder.
type dirLock struct{ f *os.File }

// Close lets go of the folder at once, though a process that is being forked may have
// the file still.
func (l *dirLock) Close() error {
	if l == nil {
		return nil
	}
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}
