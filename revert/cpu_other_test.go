//go:build !unix

package revert

import (
	"testing"
	"time"
)

func reportCPU(*testing.B, time.Duration, int, string) {}

func cpuTime(*testing.B) time.Duration { return 0 }
