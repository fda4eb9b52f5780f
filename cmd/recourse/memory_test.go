package main

import (
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
)

func TestParseMemory(t *testing.T) {
	for s, want := range map[string]memorySize{"512MiB": 512 << 20, "2GiB": 2 << 30, "131072KiB": 128 << 20, "67108864": 64 << 20} {
		if got, err := parseMemory(s); got != want || err != nil {
			t.Errorf("%s: got %d, %v", s, got, err)
		}
		var c config
		if err := yaml.Unmarshal([]byte("memory: "+s), &c); err != nil || c.Memory != want {
			t.Errorf("%s in a file: got %d, %v", s, c.Memory, err)
		}
	}
	for _, s := range []string{"", "512", "1MiB", "512MB", "512M", "512 MiB", "512mib", "-1GiB", "+1GiB", "1.5GiB", "0x1GiB", "1e9", "9999999999GiB", "MiB", "max", "1_000_000_000"} {
		if got, err := parseMemory(s); err == nil {
			t.Errorf("%q: got %d", s, got)
		}
	}
}

func TestMemoryOfTheMachine(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	info := file("MemTotal:       24576000 kB\nMemFree: 1 kB\n")
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"nothing known": {fstest.MapFS{}, 0},
		"no group":      {fstest.MapFS{"proc/meminfo": info}, 24576000 << 10},
		"no limit":      {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n")}, 24576000 << 10},
		"version 2":     {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("2147483648\n")}, 2 << 30},
		"a group around": {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("2147483648\n"), "sys/fs/cgroup/a/memory.max": file("1073741824\n")}, 1 << 30},
		"within a container": {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/../x\n"), "sys/fs/cgroup/memory.max": file("1073741824")}, 1 << 30},
		"version 1":          {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("9:memory:/d\n3:cpu,cpuacct:/d\n"), "sys/fs/cgroup/memory/d/memory.limit_in_bytes": file("3221225472\n")}, 3 << 30},
		"version 1, none":    {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("9:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 24576000 << 10},
		"odd files":          {fstest.MapFS{"proc/meminfo": file("MemTotal: many\n"), "proc/self/cgroup": file("x\n"), "sys/fs/cgroup/memory.max": file("")}, 0},
	} {
		if got := usableMemory(c.files); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestMemoryIsAQuarterWithinBounds(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	of := func(kb string) fstest.MapFS {
		return fstest.MapFS{"proc/meminfo": &fstest.MapFile{Data: []byte("MemTotal: " + kb + " kB\n")}}
	}
	for kb, want := range map[string]memorySize{"4194304": 1 << 30, "524288": 256 << 20, "268435456": 2 << 30} {
		if got := memorySize(0).orOfMachine(of(kb)); got != want {
			t.Errorf("of %s kB: got %d, want %d", kb, got, want)
		}
	}
	if got := memorySize(0).orOfMachine(fstest.MapFS{}); got != leastMemory {
		t.Errorf("of a machine that is not known: got %d", got)
	}
	if got := memorySize(512 << 20).orOfMachine(of("4194304")); got != 512<<20 || got.store() >= int64(got)/2 {
		t.Errorf("given: got %d, the store %d of it", got, got.store())
	}
}

// TestPartsOfMemory: the parts leave room for all else, but for the least that rules need.
func TestPartsOfMemory(t *testing.T) {
	for _, m := range []memorySize{leastMemory, 512 << 20, mostMemory} {
		if got := m.store() + int64(m.rules()) + int64(m.index()); got > int64(m)*7/8 || m.rules() < 64<<20 {
			t.Errorf("of %d the store, the rules (%d) and the index take %d", m, m.rules(), got)
		}
	}
	if got := memorySize(64 << 20).rules(); got != 64<<20 {
		t.Errorf("of little: got %d", got)
	}
}

func TestALimitFromOutsideStands(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "300MiB")
	debug.SetMemoryLimit(300 << 20)
	memorySize(1 << 30).limit()
	if got := debug.SetMemoryLimit(-1); got != 300<<20 {
		t.Errorf("the limit is %d", got)
	}
	if got := memorySize(0).orOfMachine(fstest.MapFS{}); got != 300<<20 {
		t.Errorf("the memory is %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	memorySize(1 << 30).limit()
	if got := debug.SetMemoryLimit(-1); got != 7<<27 {
		t.Errorf("the limit is %d", got)
	}
}
