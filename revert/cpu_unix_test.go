//go:build unix

package revert

import (
	"syscall"
	"testing"
	"time"
)

// reportCPU tells the processor time of this process since start, per operation:
// what a benchmark costs wherever others use the processors too.
func reportCPU(b *testing.B, start time.Duration, per int, unit string) {
	b.Helper()
	b.ReportMetric(float64((cpuTime(b)-start).Nanoseconds())/1e3/float64(b.N*per), unit)
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
