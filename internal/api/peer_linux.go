package api

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// samePeer says why the process at the other end of a socket is not to be spoken
// with: it is another user's.
func samePeer(conn net.Conn) error {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("the connection is of no unix socket")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var who *syscall.Ucred
	if err := errors.Join(raw.Control(func(fd uintptr) { who, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED) }), err); err != nil {
		return err
	}
	if int(who.Uid) != os.Geteuid() {
		return fmt.Errorf("the process at its other end is of user %d, this one of user %d", who.Uid, os.Geteuid())
	}
	return nil
}

// reach is a short path to a socket whose own may be longer than an address of a
// socket can be, for as long as done is not called.
func reach(path string) (short string, done func(), err error) {
	if len(path) <= longestSocket {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path), func() { _ = dir.Close() }, nil
}

// privateFolder need not be looked at: the kernel says whose a connection is.
func privateFolder(string) error { return nil }
