package ingest

import (
	"time"

	"recourse/audit"
)

// A window is a range of a log in the clock that Harper's ranges use, from
// inclusive, to exclusive. A zero to is the log's end.
type window struct{ from, to audit.Time }

// without is w less the holes, which would end an answer or hold it up.
func (w window) without(holes []window) []window {
	parts := []window{w}
	for _, h := range holes {
		var next []window
		for _, p := range parts {
			if h.to <= p.from || p.to != 0 && h.from >= p.to {
				next = append(next, p)
				continue
			}
			if h.from > p.from {
				next = append(next, window{p.from, h.from})
			}
			if p.to == 0 || h.to < p.to {
				next = append(next, window{h.to, p.to})
			}
		}
		parts = next
	}
	return parts
}

// A width is how much of the log is asked for at once where much is to be read:
// more while Harper answers fast, less when it fails. The zero value begins with
// six hours.
type width struct {
	now time.Duration
	// failed are the ends of the windows that failed and are being read in parts,
	// the outermost first. A failure can cost minutes, so what failed as a whole is
	// not asked for as a whole again.
	failed []audit.Time
}

const (
	firstWidth = 6 * time.Hour
	leastWidth = time.Millisecond
	mostWidth  = 14 * 24 * time.Hour
	allTime    = 100 * 365 * 24 * time.Hour // no log is as old, and a Duration holds it
	// parts is into how many a window is cut that failed.
	parts = 4
	// quick is how fast an answer must come for the next window to be wider. One
	// that comes late makes it no narrower: Harper on RocksDB walks the log to its
	// end whatever the window, so that narrow ones would cost the more.
	quick = 10 * time.Second
)

func (w *width) get() time.Duration {
	if w.now == 0 {
		w.now = firstWidth
	}
	return w.now
}

// took makes the next window fit what this one cost.
func (w *width) took(read window, d time.Duration) {
	for n := len(w.failed); n > 0 && read.to >= w.failed[n-1]; n-- {
		w.failed = w.failed[:n-1]
		w.now = min(w.get(), allTime/parts) * parts
	}
	if len(w.failed) == 0 && d < quick {
		w.now = min(w.get(), mostWidth/parts) * parts
	}
}

// narrow makes the next windows parts of one that failed, and says false if it
// is too narrow for that.
func (w *width) narrow(failed window) bool {
	if failed.to == 0 {
		return false
	}
	was := fromMS(failed.to - failed.from)
	if was <= leastWidth {
		return false
	}
	w.now = max(was/parts, leastWidth)
	w.failed = append(w.failed, failed.to)
	return true
}

// next is the window that begins at from and does not reach the live end, or
// the open one if from is as near to it.
func (w *width) next(from, server audit.Time, near time.Duration) window {
	end := server - ms(near)
	if from >= end {
		return window{from: from}
	}
	to := from + ms(w.get())
	if n := len(w.failed); n > 0 {
		to = min(to, w.failed[n-1])
	} else if from <= 0 {
		// Nothing is known of what lies so far back, if anything does.
		to = max(to, server-ms(mostWidth))
	}
	return window{from, min(to, end)}
}

func ms(d time.Duration) audit.Time { return audit.Time(float64(d) / float64(time.Millisecond)) }

func fromMS(t audit.Time) time.Duration {
	const most = audit.Time(1<<62) / 1e6
	return time.Duration(min(t, most) * audit.Time(time.Millisecond))
}
