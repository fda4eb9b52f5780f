package notify

import (
	"time"
)

// The times of trying again.
const (
	firstPause  = time.Second
	longestWait = 5 * time.Minute
	tripAfter   = 5 // failures one after another
	firstBreak  = 30 * time.Second
	longestOpen = 15 * time.Minute
)

// pause is how long a delivery waits after so many failures: twice as long each
// time, give or take half of it, so that what failed together does not come back
// together. chance is from 0 to 1.
func pause(attempts int, chance float64) time.Duration {
	return spread(doubled(firstPause, attempts-1, longestWait), chance)
}

func doubled(d time.Duration, times int, most time.Duration) time.Duration {
	for range times {
		if d *= 2; d >= most {
			return most
		}
	}
	return d
}

func spread(d time.Duration, chance float64) time.Duration {
	return d/2 + time.Duration(chance*float64(d))
}

// A breaker keeps a worker from a receiver that fails again and again: then only
// one delivery is tried once in a while, until one gets through.
type breaker struct {
	failures int // one after another
	trips    int // times that it was opened without a success since
	until    time.Time
}

// open is until when nothing is to be sent; zero: it may be.
func (b *breaker) open(now time.Time) time.Time {
	if now.Before(b.until) {
		return b.until
	}
	return time.Time{}
}

// failed notes a failure, and says whether that opened the breaker.
func (b *breaker) failed(now time.Time, chance float64) bool {
	b.failures++
	if b.failures < tripAfter && b.trips == 0 {
		return false
	}
	b.until = now.Add(spread(doubled(firstBreak, b.trips, longestOpen), chance))
	b.trips++
	return true
}

func (b *breaker) succeeded() { *b = breaker{} }
