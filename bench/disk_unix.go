//go:build unix

package main

import (
	"io/fs"
	"os/exec"
	"syscall"
)

// onDisk is what a file takes: a sparse one less than its size.
func onDisk(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(int64(s.Blocks)*512, info.Size())
	}
	return info.Size()
}

// as has a command run as another user.
func as(cmd *exec.Cmd, uid, gid uint32) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}
