package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tenths are what a process had used of the processors when it had read so many tenths
// of a file: of the second time that it reads it, as an import checks all of a file
// before it stores anything of it.
type tenths struct {
	CPU   [11]time.Duration // the first: when it began to read it again
	known int               // how many of them
}

// watchTenths looks at a process until the function that it returns is called. What
// it has read is some thousand changes ahead of what it has stored.
func watchTenths(pid int, file string, size int64) (stop func() tenths) {
	done, out := make(chan struct{}), make(chan tenths)
	go func() {
		var t tenths
		var before int64
		again := false
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-done:
				out <- t
				return
			}
			at, open := offsetOf(pid, file)
			switch {
			case !open && again && t.known == len(t.CPU)-1:
				at = size // it has read the end and closed it since it was looked at last
			case !open:
				continue
			}
			again = again || at < before
			before = at
			for again && t.known < len(t.CPU) && at >= size*int64(t.known)/10 {
				t.CPU[t.known] = cpuTime(pid)
				t.known++
			}
		}
	}()
	return func() tenths {
		close(done)
		return <-out
	}
}

// offsetOf is up to where a process has read a file, and whether it has it open.
func offsetOf(pid int, file string) (int64, bool) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	if err != nil {
		return 0, false // it has ended
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err != nil || to != file {
			continue
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, e.Name()))
		if err != nil {
			return 0, false
		}
		for line := range bytes.Lines(info) {
			if rest, ok := bytes.CutPrefix(line, []byte("pos:")); ok {
				at, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
				return at, err == nil
			}
		}
	}
	return 0, false
}

// cpuTime is what a process has used of the processors so far; proc(5) has it in
// hundredths of a second.
func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, at := range []int{11, 12} { // utime, stime
		if at < len(fields) {
			n, _ := strconv.ParseInt(string(fields[at]), 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100)
}
