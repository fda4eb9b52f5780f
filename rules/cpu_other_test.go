//go:build !unix

package rules

import "time"

// cpuTime is not known.
func cpuTime() time.Duration { return 0 }
