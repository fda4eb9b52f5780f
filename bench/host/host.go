// Package host says what a measurement was made on.
package host

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is the machine in a line: what figures depend on.
func Machine() string {
	parts := []string{fmt.Sprintf("%d processors (%s)", runtime.NumCPU(), fieldOf("/proc/cpuinfo", "model name"))}
	var kib float64
	if n, _ := fmt.Sscan(fieldOf("/proc/meminfo", "MemTotal"), &kib); n > 0 {
		parts = append(parts, fmt.Sprintf("%.0f GiB", kib/(1<<20)))
	}
	system := runtime.GOOS + "/" + runtime.GOARCH
	if name := strings.Trim(strings.TrimPrefix(lineWith(readText("/etc/os-release"), "PRETTY_NAME="), "PRETTY_NAME="), `"`); name != "" {
		system = name + ", " + system
	}
	if kernel := strings.TrimSpace(readText("/proc/sys/kernel/osrelease")); kernel != "" {
		system += ", kernel " + kernel
	}
	return strings.Join(append(parts, system, runtime.Version()), "; ")
}

// Busy is how many processes wanted a processor in the last minute, on average.
func Busy() string {
	first, _, _ := strings.Cut(readText("/proc/loadavg"), " ")
	return first
}

func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "" // no Linux
	}
	return string(b)
}

func lineWith(text, prefix string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// fieldOf is the value of the first line "name : value" of a file.
func fieldOf(path, name string) string {
	_, value, _ := strings.Cut(lineWith(readText(path), name), ":")
	if value = strings.TrimSpace(value); value != "" {
		return value
	}
	return "of an unknown kind"
}
