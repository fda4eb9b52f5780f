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
	ours   time.Time  // at the last look
	skew   audit.Time // server's less ours, in milliseconds
}

// serverTime asks the server for its clock, and says so when it has stepped.
func (t *Tailer) serverTime(ctx context.Context) (audit.Time, error) {
	server, _, err := t.o.Server.ServerTime(ctx)
	t.stats.with(func(s *Stats) { s.Up = err == nil })
	if err != nil {
		return 0, err
	}
	if by := t.clock.look(server); by != 0 {
		t.o.Log.Warn("the server's clock was set", "node", t.o.Node, "by", fromMS(by).String())
		alarm := ClockAlarm(t.o.Node, server, fromMS(by)).Alert()
		if _, err := t.o.Store.Append(ctx, audit.Batch{Alerts: []audit.Alert{alarm}}); err != nil {
			return 0, err
		}
	}
	return server, nil
}

// look takes note of the server's clock, and returns by how many milliseconds
// it has stepped since the last look; 0 if it has not.
func (c *skewClock) look(server audit.Time) audit.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var by audit.Time
	if c.server != 0 {
		by = (server - c.server) - ms(now.Sub(c.ours))
	}
	c.server, c.ours, c.skew = server, now, server-audit.TimeOf(now)
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
