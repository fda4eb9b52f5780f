//go:build !unix

package store

import "io/fs"

// fileUse is a file's size.
func fileUse(info fs.FileInfo) int64 { return info.Size() }
