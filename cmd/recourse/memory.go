package main

import (
	"math"
	"runtime/debug"
)

// softMemory is what the daemon's own memory is kept to as far as it can be: the
// garbage collector works the more the nearer it comes, where by itself it lets
// the heap double between two rounds. What is alive stays below it with a log of
// a million entries in one answer. GOMEMLIMIT sets another.
const softMemory = 170 << 20

func limitMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 { // the environment sets none
		debug.SetMemoryLimit(softMemory)
	}
}
