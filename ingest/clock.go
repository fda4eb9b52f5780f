package ingest

import (
	"context"
	"sync"
	"time"

	"recourse/audit"
)

// A skewClock compares the server's clock with ours, which does not step.
type skewClock struct {
	now func() time.Time

	mu     sync.Mutex
	server audit.Time // at the last look; 0: there was none
	asked  time.Time  // when the last look began, by ours
	ours   time.Time  // when it ended
	skew   audit.Time // server's less ours, in milliseconds
}

// serverTime asks the server for its clock, and says so when it has stepped.
func (t *Tailer) serverTime(ctx context.Context) (audit.Time, error) {
	asked := t.o.Now()
	server, _, err := t.o.Server.ServerTime(ctx)
	t.stats.with(func(s *Stats) { s.Up = err == nil })
	if err != nil {
		return 0, err
	}
	if by := t.clock.look(server, asked); by != 0 {
		t.o.Log.Warn("the server's clock was set", "node", t.o.Node, "by", fromMS(by).String())
		alarm := ClockAlarm(t.o.Node, server, fromMS(by)).Alert()
		if _, err := t.o.Store.Append(ctx, audit.Batch{Alerts: []audit.Alert{alarm}}); err != nil {
			return 0, err
		}
	}
	return server, nil
}

// look takes note of the server's clock, for which it was asked at a time of
// ours, and returns by how many milliseconds it has stepped since the last look; 0
// if it has not. The clock was read at some moment between asking and now, and a
// step is only what no choice of such moments explains: a slow answer is none.
func (c *skewClock) look(server audit.Time, asked time.Time) audit.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var by audit.Time
	if c.server != 0 {
		passed := server - c.server
		by = max(passed-ms(now.Sub(c.asked)), 0) + min(passed-ms(asked.Sub(c.ours)), 0)
	}
	c.server, c.asked, c.ours, c.skew = server, asked, now, server-audit.TimeOf(now)
	if by > -clockSlack && by < clockSlack {
		return 0
	}
	return by
}

// last is when the server was last reached, by our clock, and by how much its
// clock was ahead then.
func (c *skewClock) last() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ours, fromMS(c.skew)
}

// ahead says that a change was dated into the future when it was read: on the
// LMDB line it stands in the log long before its time.
func (c *skewClock) ahead(change *audit.Change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return change.Time > change.Observed+c.skew+clockSlack
}

// behind says that a change was read after its time, whatever was set meanwhile.
func (c *skewClock) behind(change *audit.Change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return change.Time < change.Observed+min(c.skew, 0)-clockSlack
}
