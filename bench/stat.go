package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// quantile is the least of the values that at least the share q of them do not
// exceed; 0 of none.
func quantile[T cmp.Ordered](values []T, q float64) T {
	var none T
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// median is the middle value, the lower one of two.
func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

// perChange is CPU or wall time a change, in microseconds.
func perChange(d time.Duration, changes int) float64 {
	return float64(d.Nanoseconds()) / 1e3 / float64(changes)
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
