//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// freeBytes is the room that is left where a folder lies, for those who are not
// root.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("find free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
