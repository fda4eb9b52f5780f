package harpertest

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"recourse/audit"
)

func bearerOf(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// serveREST answers /Table/id for exported tables.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	name, rest, slash := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	s.mu.RLock()
	t := s.exportedTable(name)
	handler := s.handlers["/"+name+"/"]
	s.mu.RUnlock()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	q := Request{REST: true, Operation: r.Method}
	if t != nil {
		q.Table = t.Table
	}
	if v, err := decodeREST(r, data); err == nil {
		q.Body = v
	}
	if s.hinder(&w, r, q) {
		return
	}
	if s.line == LMDB {
		w.Header().Set("Server", "HarperDB")
	}
	u, denied := s.authenticate(r)
	switch {
	case denied != nil:
		writeAnswer(w, "json", denied.status, denied.object())
		return
	case handler == nil && t == nil:
		w.WriteHeader(404)
		_, _ = io.WriteString(w, "Not found\n")
		return
	case u == nil:
		w.Header().Set("WWW-Authenticate", "Basic")
		s.restError(w, r, unauthorized("Must login"))
		return
	case handler != nil:
		r.Body = io.NopCloser(strings.NewReader(string(data)))
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, u)))
		return
	}
	c := &call{s: s, t: t, user: u, r: r, data: data}
	err = c.parsePath(rest, slash)
	if err == nil {
		err = c.run(w)
	}
	if err != nil {
		s.restError(w, r, asOpError(err))
	}
}

// exportedTable is the exported table of that name, of whichever database.
func (s *Server) exportedTable(name string) *table {
	for _, db := range s.dbs {
		if t := db.tables[name]; t != nil && t.exported {
			return t
		}
	}
	return nil
}

// restError is an error in each line's form: a JSON string, or a problem
// object.
func (s *Server) restError(w http.ResponseWriter, r *http.Request, e *opError) {
	if s.line == RocksDB {
		writeAnswer(w, "json", e.status, obj{
			{"type", "error:" + e.class}, {"code", e.class}, {"title", e.msg}, {"status", e.status}, {"instance", r.URL.RequestURI()},
		})
		return
	}
	writeAnswer(w, "json", e.status, e.class+": "+e.msg)
}

func decodeREST(r *http.Request, data []byte) (audit.Value, error) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType == "application/cbor" {
		return audit.Decode(data)
	}
	return audit.FromJSON(data)
}

// call is one request to the REST interface.
type call struct {
	s     *Server
	t     *table
	user  *User
	r     *http.Request
	data  []byte
	id    audit.ID
	whole bool // the path ends in a slash: the collection
	none  bool // there is no slash: the table itself

	property string // the one attribute that the path asks for
}

// extensions are what Harper takes off the end of a path for a format, as it
// takes off an attribute's name (resources/Resource.ts parsePath). A dot that
// is percent-encoded stays in the id.
var extensions = map[string]bool{"json": true, "cbor": true, "msgpack": true, "csv": true}

func (c *call) parsePath(path string, slash bool) error {
	c.none = !slash
	if c.whole = path == ""; c.whole {
		return nil
	}
	text, err := url.PathUnescape(path)
	if err != nil {
		return clientError(400, "URI malformed")
	}
	if before, after, ok := strings.Cut(path, "."); ok {
		if tail := after; extensions[tail] {
			text, _ = url.PathUnescape(before)
		} else if c.t.attr(tail) != nil {
			text, _ = url.PathUnescape(before)
			c.property = tail
		}
	}
	v := audit.Text(text)
	switch a := c.t.attr(c.t.pk); a.Type {
	case "", "Any":
		v = autoCast(text)
	case "Int", "Long", "Float":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return &opError{status: 400, class: "SyntaxError", msg: `Invalid value for attribute ` + a.Name + `: "` + text + `", expecting ` + a.Type}
		}
		v = audit.Float(f)
	}
	if c.id, err = audit.IDOf(v); err != nil {
		return c.s.badKey(v)
	}
	return nil
}

func (c *call) run(w http.ResponseWriter) error {
	access := map[string]string{"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "update", "POST": "insert", "DELETE": "delete"}[c.r.Method]
	if access == "" {
		return clientError(405, "The %s does not have a %s method implemented to handle HTTP method %s", c.t.Name, strings.ToLower(c.r.Method), c.r.Method)
	}
	if permitTable(c.user, c.t.Table, access) != nil {
		return &opError{status: 403, class: "AccessViolation", msg: "Unauthorized access to resource"}
	}
	switch c.r.Method {
	case "GET", "HEAD":
		return c.get(w)
	case "DELETE":
		return c.delete(w)
	case "POST":
		return c.post(w)
	}
	if c.whole || c.none {
		return c.writeAll(w)
	}
	return c.write(w)
}

func (c *call) body() (audit.Value, error) {
	v, err := decodeREST(c.r, c.data)
	if err != nil {
		return nil, &opError{status: 500, class: "SyntaxError", msg: err.Error()}
	}
	return v, nil
}
