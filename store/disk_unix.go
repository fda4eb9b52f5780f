//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// fileUse is the room that a file takes up. Badger makes its logs larger than
// they are and fills them later.
func fileUse(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return info.Size()
}
