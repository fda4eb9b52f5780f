//go:build !linux

package api

import (
	"fmt"
	"net"
	"os"
)

// samePeer cannot ask whose a connection is; privateFolder stands in for it.
func samePeer(net.Conn) error { return nil }

// reach is the path itself: there is no shorter one.
func reach(path string) (short string, done func(), err error) {
	if len(path) > longestSocket {
		return "", nil, errLongPath
	}
	return path, func() {}, nil
}

// privateFolder says why a socket in a folder could be reached by other users.
func privateFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("other users may look into %s (mode %04o)", dir, info.Mode().Perm())
	}
	return err
}
