//go:build !unix

package host

import "time"

// CPU is not known on such systems.
func CPU() time.Duration { return 0 }
