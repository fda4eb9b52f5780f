package harpertest

import (
	"maps"
	"net"
	"slices"
)

// SetDown makes the server drop every connection, those that are open too, as
// one does that does not run; false lets it answer again, on the same ports and
// with all that it had. What was written through the Go API while it was down
// goes to other nodes then.
func (s *Server) SetDown(down bool) {
	s.down.Store(down)
	if !down {
		s.deliver()
		for _, l := range s.comingIn() {
			l.from.deliver()
		}
		return
	}
	s.connsMu.Lock()
	open := slices.Collect(maps.Keys(s.conns))
	s.connsMu.Unlock()
	for _, c := range open {
		_ = c.Close() // it may be closed already
	}
}

func (s *Server) comingIn() []*Link {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.incoming
}

// A port is a listener that takes no connection while the server is down, and
// knows those that it took.
type port struct {
	net.Listener
	s *Server
}

// Accept implements [net.Listener].
func (p *port) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p.s.connsMu.Lock()
		if p.s.down.Load() {
			p.s.connsMu.Unlock()
			_ = c.Close() // nobody hears of it
			continue
		}
		known := &conn{Conn: c, s: p.s}
		p.s.conns[known] = true
		p.s.connsMu.Unlock()
		return known, nil
	}
}

type conn struct {
	net.Conn
	s *Server
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.s.connsMu.Lock()
	delete(c.s.conns, c)
	c.s.connsMu.Unlock()
	return c.Conn.Close()
}
