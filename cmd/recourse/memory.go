package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// A memorySize is how many bytes the process is to keep to as far as it can: what
// lives, with what the garbage collector has not taken back yet. 0 is not given:
// then it follows from the machine.
type memorySize int64

// What the machine's memory is cut to when nobody says how much to use.
const (
	leastMemory = 256 << 20
	mostMemory  = 2 << 30
)

// parseMemory reads bytes, or a number of KiB, MiB or GiB.
func parseMemory(s string) (memorySize, error) {
	digits, unit := s, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			digits, unit = n, size
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("%q is no amount of memory: write 512MiB, 2GiB, or bytes", s)
	}
	const least = 64 << 20 // below which nothing works at all
	if m := memorySize(int64(n) * unit); m >= least {
		return m, nil
	}
	return 0, fmt.Errorf("%s of memory is too little: at least 64MiB", s)
}

// UnmarshalYAML reads an amount of memory.
func (m *memorySize) UnmarshalYAML(node ast.Node) error {
	got, err := parseMemory(node.GetToken().Value)
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: node.GetToken()}
	}
	*m = got
	return nil
}

// forPipes is how many bytes pipes may keep of it; 0 is what they take by
// themselves.
func (m memorySize) forPipes() int64 { return int64(m) / 4 }

// orOfMachine is the memory that was given, or a quarter of what the process may
// use of the machine, within bounds.
func (m memorySize) orOfMachine(root fs.FS) memorySize {
	if m > 0 {
		return m
	}
	if limit := debug.SetMemoryLimit(-1); os.Getenv("GOMEMLIMIT") != "" && limit != math.MaxInt64 {
		return memorySize(max(limit, leastMemory))
	}
	return memorySize(min(max(usableMemory(root)/4, leastMemory), mostMemory))
}

// limit has the garbage collector keep to the memory, less what is not its own:
// stacks, the program, and pages of files that are being read. A limit that
// GOMEMLIMIT sets stands.
func (m memorySize) limit() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(m - m/8))
	}
}

// store is the store's part; what is left of all is for what is being read,
// judged and answered, and for the collector.
func (m memorySize) store() int64 { return int64(m * 3 / 8) }

// spare is how much is not in use of thirteen sixteenths of the memory that the
// collector keeps to: of what lived when it ran last. The rest is for what it has not taken back.
func (m memorySize) spare() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(m-m/8)*13/16 - int64(s[0].Value.Uint64())
}

// rules is what the windows of all rules may keep; below that the built-in ones are no
// good, and all else keeps to less.
func (m memorySize) rules() int {
	const least = 64 << 20
	return int(max(m*5/16, least))
}

// index is what the words of one batch may take.
func (m memorySize) index() int { return int(m / 16) }

// usableMemory is what the process may use of the machine: the machine's memory,
// or the limit of a control group that the process is in, if that is less. 0 is
// not known.
func usableMemory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	note := func(n int64, ok bool) {
		if ok && n > 0 {
			least = min(least, n)
		}
	}
	note(machineMemory(root))
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // a number, controllers, a path
		if len(parts) < 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		switch {
		case parts[1] == "memory":
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) { // the limit of a group binds those within
			note(numberIn(root, path.Join(dir, at, file)))
			if at == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// machineMemory is MemTotal of /proc/meminfo.
func machineMemory(root fs.FS) (int64, bool) {
	info, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 53)
			return n << 10, err == nil
		}
	}
	return 0, false
}

// numberIn is the number that a file holds; "max" is none.
func numberIn(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
