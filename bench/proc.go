package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A usage is what a process took, together with those it started and waited for.
type usage struct {
	CPU, Wall time.Duration
	Memory    memory
}

// A memory is what was resident at most, in bytes.
type memory struct {
	Peak int64 // all of it
	Anon int64 // the process's own
	File int64 // pages of mapped files
}

func (m memory) max(o memory) memory {
	return memory{max(m.Peak, o.Peak), max(m.Anon, o.Anon), max(m.File, o.File)}
}

// run runs a command to its end and measures it.
func run(cmd *exec.Cmd) (usage, error) { return runSeen(cmd, func(int) {}) }

// runSeen is run; begun is told the process.
func runSeen(cmd *exec.Cmd, begun func(pid int)) (usage, error) {
	var complaint bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &complaint
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	begun(cmd.Process.Pid)
	peak := watch(cmd.Process.Pid, 20*time.Millisecond, processMemory)
	err := cmd.Wait()
	u := usage{Wall: time.Since(began), Memory: peak()}
	if err != nil {
		return u, fmt.Errorf("run %s: %w: %s", filepath.Base(cmd.Path), err, bytes.TrimSpace(complaint.Bytes()))
	}
	u.CPU = cpuOf(cmd.ProcessState)
	return u, nil
}

func cpuOf(s *os.ProcessState) time.Duration { return s.UserTime() + s.SystemTime() }

// watch looks at a process's memory now and then until the function that it
// returns is called, which gives the most that was seen. What the system tells
// of an ended process would not do: it counts the memory of the parent, which a
// child shares for a moment.
func watch(pid int, every time.Duration, look func(pid int) memory) (stop func() memory) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan memory)
	go func() {
		var peak memory
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = peak.max(look(pid))
			case <-ctx.Done():
				out <- peak
				return
			}
		}
	}()
	return func() memory {
		cancel()
		return <-out
	}
}

// processMemory is the memory of one process.
func processMemory(pid int) memory {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{} // it has ended
	}
	return memory{kibibytes(status, "VmHWM"), kibibytes(status, "RssAnon"), kibibytes(status, "RssFile")}
}

// treeMemory is the memory of a process and its children, what they share
// counted once.
func treeMemory(pid int) memory {
	var sum memory
	for _, p := range append(childrenOf(pid), pid) {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			continue // it has ended
		}
		sum.Peak += kibibytes(rollup, "Pss")
		sum.Anon += kibibytes(rollup, "Pss_Anon")
		sum.File += kibibytes(rollup, "Pss_File")
	}
	return sum
}

func childrenOf(pid int) []int {
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var out []int
	for _, f := range strings.Fields(string(list)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// kibibytes reads a size from a file of lines such as "VmHWM:  1234 kB"; 0 if
// there is none of that name.
func kibibytes(file []byte, name string) int64 {
	for line := range strings.Lines(string(file)) {
		rest, ok := strings.CutPrefix(line, name+":")
		if !ok {
			continue
		}
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		return n << 10
	}
	return 0
}

// bytesIn is the size of all files of a folder, as they lie on the disk.
func bytesIn(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			sum += onDisk(info)
		}
		return err
	})
	return sum, err
}
