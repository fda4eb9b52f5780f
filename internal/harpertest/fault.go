package harpertest

import (
	"net/http"
	"time"

	"recourse/audit"
)

// A Request is what a fault is chosen by.
type Request struct {
	REST      bool
	Operation string // of the operations API, or the REST method
	Table     audit.Table
	Body      audit.Value // nil: none, or not readable
}

// A Fault makes one request go wrong. The zero value lets it pass.
type Fault struct {
	Delay  time.Duration // before anything is done
	Status int           // answer this, with Body as {"error":…}, and do nothing
	Body   string
	Cut    bool // do it, and close the connection after CutAt bytes of the answer
	CutAt  int
}

// SetFault decides from now on what goes wrong; nil: nothing does.
func (s *Server) SetFault(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// hinder plays the fault of a request. It says whether the request is answered
// already.
func (s *Server) hinder(w *http.ResponseWriter, r *http.Request, q Request) bool {
	s.mu.RLock()
	choose := s.fault
	s.mu.RUnlock()
	if choose == nil {
		return false
	}
	f := choose(q)
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if f.Status != 0 {
		(*w).Header().Set("Content-Type", "application/json")
		(*w).WriteHeader(f.Status)
		_, _ = (*w).Write(appendJSON(nil, obj{{"error", f.Body}}))
		return true
	}
	if f.Cut {
		*w = &cutter{ResponseWriter: *w, left: f.CutAt}
	}
	return false
}

// cutter closes the connection after so many bytes of the body.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	c.Flush()
	panic(http.ErrAbortHandler)
}

// Flush implements http.Flusher.
func (c *cutter) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }
