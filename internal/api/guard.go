package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guarded says for every answer that it is no web page, and gives none to a page
// that has a name of its own lead here: a browser sends that name as the host.
func (s *Server) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if !s.known(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, Outcome{Code: exitUsage, Message: fmt.Sprintf("this server is not %.100q", r.Host),
				Hint: "ask it by its address, or allow the name with --listen-host"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// known says whether the host that a request names is this server. A socket has no
// name; what other machines may reach has those that it was given, or any.
func (s *Server) known(host string) bool {
	if strings.HasPrefix(s.o.Addr, "unix://") || s.o.AllowRemote && len(s.o.Hosts) == 0 {
		return true
	}
	name := hostOf(host)
	if addr, err := netip.ParseAddr(name); err == nil {
		return s.o.AllowRemote || addr.Unmap().IsLoopback()
	}
	return name == "localhost" || strings.EqualFold(name, hostOf(s.o.Addr)) ||
		slices.ContainsFunc(s.o.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// hostOf is a host without its port and without brackets.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}
