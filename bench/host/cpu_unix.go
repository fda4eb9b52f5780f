//go:build unix

package host

import (
	"syscall"
	"time"
)

// CPU is the processors' time that this process has taken, which other work on
// the machine does not lengthen as it does the time of day; 0 if it is not known.
func CPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
