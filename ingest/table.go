package ingest

import (
	"slices"
	"sync"
	"time"

	"recourse/audit"
)

// A table is what a tailer remembers of one table while it runs. Everything
// that must outlive the process is in the store.
type table struct {
	target
	width   width     // of windows while there is much to read
	polled  time.Time // by our clock, when the log was last read to its end; zero: not yet
	recent  recent    // what the last poll showed
	memory  logMemory // what is stored of the log's holes and of what was read
	events  events    // what the table told of itself
	pass    *pass     // a re-scan that is under way
	backoff backoff
	// reread is when each tier of re-scans was last done; nil: not yet known.
	reread map[string]audit.Time
	// ahead are the newest times of records that were read when those times lay in
	// the future; nil: what is stored was not yet looked at.
	ahead map[audit.ID]audit.Time
	// oneClock and twoClocks say which of Harper's lines answers; neither: the log
	// has shown nothing yet.
	oneClock, twoClocks bool

	mu    sync.Mutex
	next  time.Time // by our clock, when to poll; zero: now
	idle  int       // polls in a row that brought nothing
	awake chan<- struct{}
}

// table is a target's table, as it is described now. It is for the one goroutine
// that reads the table's log.
func (t *Tailer) table(tg target) *table {
	tb := t.known(tg)
	tb.primary, tb.updated = tg.primary, tg.updated
	return tb
}

// known is a target's table, made when it is first asked for.
func (t *Tailer) known(tg target) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	tb := t.tables[tg.table]
	if tb == nil {
		tb = &table{target: tg, memory: t.memory[tg.table]}
		t.tables[tg.table] = tb
	}
	return tb
}

func (tb *table) listen(tick chan<- struct{}) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.awake = tick
}

// wake makes the table due.
func (tb *table) wake() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.next, tb.idle = time.Time{}, 0
	select {
	case tb.awake <- struct{}{}:
	default: // nobody listens, or is told already
	}
}

func (tb *table) due(now time.Time) bool { return tb.dueIn(now) <= 0 }

func (tb *table) dueIn(now time.Time) time.Duration {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.next.Sub(now)
}

func (tb *table) postpone(until time.Time) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.next = until
}

// patience is how many polls may bring nothing before a table is polled less
// often.
const patience = 10

// after says when a table is polled again that brought so many new changes.
func (tb *table) after(o Options, fresh int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.idle++; fresh > 0 {
		tb.idle = 0
	}
	pause := o.Interval << min(max(tb.idle-patience, 0), 16)
	tb.next = o.Now().Add(min(pause, o.Idle))
}

// holes are the stretches of the log that are not read again: entries that
// Harper cannot read, and what it reads slowly.
func (m *logMemory) holes() []window {
	var holes []window
	for _, g := range m.gaps {
		if g.To-g.From <= narrowest && g.To > g.From && (g.Healed == 0 || g.Healed <= g.Observed) {
			holes = append(holes, window{g.From, g.To})
		}
	}
	for _, s := range m.slow {
		holes = append(holes, window{s.From, s.To})
	}
	return holes
}

// remember adds what was stored.
func (m *logMemory) remember(b logMemory) {
	m.gaps = append(m.gaps, b.gaps...)
	m.slow = append(m.slow, b.slow...)
	for _, s := range b.spans {
		if s.From < s.To {
			m.spans, m.read = join(m.spans, s), true
		}
	}
}

// forget takes gaps out that were read after all.
func (m *logMemory) forget(healed []audit.Gap) {
	for _, h := range healed {
		m.gaps = slices.DeleteFunc(m.gaps, func(g audit.Gap) bool { return g.From == h.From && g.To == h.To })
	}
}

// hiding counts the gaps that hide something of what Harper had logged.
func (m *logMemory) hiding() int {
	n := 0
	for _, g := range m.gaps {
		if g.Healed == 0 && g.Kind != audit.GapBefore && g.Kind != audit.GapUnaudited {
			n++
		}
	}
	return n
}

// readTo is up to which time the log was read, at least to the cursor: that goes
// back when the whole log is read again because the clock was set back, and what
// was read before that may seem to lie in the future.
func (m *logMemory) readTo(cursor, server audit.Time) audit.Time {
	for _, s := range m.spans {
		cursor = max(cursor, min(s.To, server))
	}
	return cursor
}

// doubt forgets that anything from a time on was read: the clock was set back,
// and new entries come into stretches that were read before there were any.
func (m *logMemory) doubt(from audit.Time) {
	kept := m.spans[:0:0]
	for _, s := range m.spans {
		if s.To = min(s.To, from); s.From < s.To {
			kept = append(kept, s)
		}
	}
	m.spans = kept
}

// covers says that a stretch was read before, so that whatever cannot be read
// of it now was read when it could.
func (m *logMemory) covers(w window) bool {
	read := slices.ContainsFunc(m.spans, func(s audit.Span) bool { return s.From <= w.from && w.to <= s.To })
	return read && !slices.ContainsFunc(m.gaps, func(g audit.Gap) bool {
		return g.Healed == 0 && g.From < w.to && w.from < max(g.To, g.From+narrowest)
	})
}

// join adds a span to those that do not touch one another.
func join(spans []audit.Span, s audit.Span) []audit.Span {
	kept := spans[:0:0]
	for _, o := range spans {
		if o.To < s.From || s.To < o.From {
			kept = append(kept, o)
			continue
		}
		s.From, s.To = min(s.From, o.From), max(s.To, o.To)
	}
	return append(kept, s)
}
