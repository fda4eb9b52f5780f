package main

import (
	"context"
	"time"

	"recourse/audit"
)

// clockSamples is how often the server's clock is asked for.
const clockSamples = 5

// A clock is what several samples of the server's clock show.
type clock struct {
	skew      time.Duration // how far it is ahead of ours
	trip      time.Duration // the shortest way there and back
	precision time.Duration // of the clock as it is told
	stepped   bool          // it went back between two samples
}

func (d *doctor) sampleClock(ctx context.Context) (clock, error) {
	var c clock
	var last audit.Time
	for i := range clockSamples {
		sent := d.e.now()
		at, precision, err := d.client.ServerTime(ctx)
		if err != nil {
			return c, err
		}
		trip := d.e.now().Sub(sent)
		if i == 0 || trip < c.trip {
			c.trip, c.precision = trip, precision
			c.skew = at.Go().Sub(sent.Add(trip / 2))
		}
		c.stepped = c.stepped || at < last
		last = at
	}
	return c, nil
}

func (d *doctor) judgeClock(c clock) {
	const most = 5 * time.Second
	off := max(c.skew.Abs()-c.precision-c.trip/2, 0)
	const fix = "timedatectl set-ntp true, on the server and here"
	switch {
	case c.stepped:
		d.warn("clock", fix, "the server's clock went back while it was looked at: what is written meanwhile lies before what is there, and the log is read again")
	case off > most && c.skew > 0:
		d.warn("clock", fix, "the server's clock is %s ahead of ours", c.skew.Round(time.Millisecond))
	case off > most:
		d.warn("clock", fix, "the server's clock is %s behind ours", (-c.skew).Round(time.Millisecond))
	default:
		d.ok("clock", "the server's clock and ours differ by %s, give or take %s", c.skew.Abs().Round(time.Millisecond), (c.precision + c.trip/2).Round(time.Millisecond))
	}
}
