package harpertest

import (
	"net/http"
	"sync"

	"recourse/audit"
)

// A subscription is one stream of a table's server-sent events.
type subscription struct {
	t *table

	mu    sync.Mutex
	queue [][]byte
	ended bool
	wake  chan struct{} // holds one: there is something in the queue, or it has ended
}

func (sub *subscription) push(event []byte) {
	sub.mu.Lock()
	sub.queue = append(sub.queue, event)
	sub.mu.Unlock()
	sub.ring()
}

func (sub *subscription) end() {
	sub.mu.Lock()
	sub.ended = true
	sub.mu.Unlock()
	sub.ring()
}

func (sub *subscription) ring() {
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

func (sub *subscription) take() (events [][]byte, ended bool) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	events, sub.queue = sub.queue, nil
	return events, sub.ended
}

// listen streams a table's events: first every record in the order of its key,
// then writes as they come. Nothing marks where the second part begins.
func (c *call) listen(w http.ResponseWriter) error {
	sub := &subscription{t: c.t, wake: make(chan struct{}, 1)}
	c.s.mu.Lock()
	c.t.audited = true // Harper switches the log on for whoever listens
	for _, r := range c.t.living() {
		e := c.s.event(r.id, r.localTime, r.version, "put", r.value)
		if c.s.line == RocksDB { // only here: writes as they come have none
			e = append(e, field{"size", len(r.value)})
		}
		sub.push(sseEvent(e))
	}
	c.s.subs[sub] = true
	c.s.mu.Unlock()
	defer func() {
		c.s.mu.Lock()
		delete(c.s.subs, sub)
		c.s.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	for {
		events, ended := sub.take()
		for _, e := range events {
			if _, err := w.Write(e); err != nil {
				return nil
			}
		}
		if flush.Flush() != nil {
			return nil
		}
		if ended {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-sub.wake:
		case <-c.r.Context().Done():
			return nil
		}
	}
}

// event is what is told of a write; LMDB leaves the value of a deletion out.
func (s *Server) event(id audit.ID, local, version audit.Time, kind string, value audit.Value) obj {
	e := obj{{"id", id}, {"localTime", local}}
	switch {
	case value != nil:
		e = append(e, field{"value", value})
	case s.line == RocksDB:
		e = append(e, field{"value", nil})
	}
	return append(e, field{"version", version}, field{"type", kind})
}

func sseEvent(e obj) []byte {
	return append(append([]byte("data: "), appendJSON(nil, e)...), "\n\n"...)
}

// tell tells the subscribers of a table of a write; the lock is held. They get
// the record as it is now, whatever made it so. RocksDB keeps quiet about an
// invalidate.
func (s *Server) tell(w *write, r *record, local audit.Time, raw audit.Value) {
	kind, value := "put", r.value
	switch {
	case !w.t.audited:
		return // events come from the log
	case w.kind == "message":
		kind, value = w.kind, raw
	case w.kind == "invalidate" && s.line == RocksDB:
		return
	case w.kind == "invalidate":
		kind = w.kind
	case value == nil:
		kind = "delete"
	}
	for sub := range s.subs {
		if sub.t == w.t {
			sub.push(sseEvent(s.event(w.id, local, r.version, kind, value)))
		}
	}
}
