package harpertest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"recourse/audit"
)

// query reads ?name=value&name==value; everything matches an empty one.
func (c *call) query() (func(*record) bool, error) {
	want := map[string]audit.Value{}
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		if part == "" || strings.HasSuffix(part, ")") {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		strict := strings.HasPrefix(value, "=")
		name, err1 := url.PathUnescape(name)
		value, err2 := url.PathUnescape(strings.TrimLeft(value, "="))
		if err1 != nil || err2 != nil {
			return nil, clientError(400, "URI malformed")
		}
		a := c.t.attr(name)
		if a == nil {
			return nil, &opError{status: 404, class: "HdbError", msg: name + " is not a defined attribute"}
		}
		v, ok := coerceQuery(value, a.Type, strict)
		if !ok {
			return nil, &opError{status: 400, class: "SyntaxError", msg: `Invalid value for attribute ` + name + `: "` + value + `", expecting ` + a.Type}
		}
		want[name] = v
	}
	return func(r *record) bool {
		for name, v := range want {
			if !r.value.Get(name).Equal(v) {
				return false
			}
		}
		return true
	}, nil
}

func coerceQuery(s, typ string, strict bool) (audit.Value, bool) {
	switch typ {
	case "Int", "Long", "Float":
		f, err := strconv.ParseFloat(s, 64)
		return audit.Float(f), err == nil
	case "Boolean":
		return audit.Bool(s == "true"), true
	case "", "Any":
		if strict && strings.HasPrefix(s, "string:") {
			return audit.Text(s[len("string:"):]), true
		}
		return autoCast(s), true
	}
	return audit.Text(s), true
}

func (c *call) get(w http.ResponseWriter) error {
	if c.whole && strings.Contains(c.r.Header.Get("Accept"), "text/event-stream") {
		return c.listen(w)
	}
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	format, ok := formatOf(c.r.Header.Get("Accept"))
	if !ok {
		format = "json"
	}
	if c.none {
		return c.describe(w, format)
	}
	if !c.whole {
		return c.getOne(w, format)
	}
	match, err := c.query()
	if err != nil {
		return err
	}
	st := &stream{}
	for _, r := range c.t.living() {
		if match(r) {
			st.items = append(st.items, r.value)
		}
	}
	writeStream(w, c.r, c.s, format, st)
	return nil
}

func (c *call) describe(w http.ResponseWriter, format string) error {
	var attrs []any
	for _, a := range c.t.attrs {
		d := obj{{"type", maybe(a.Type)}, {"name", a.Name}}
		if a.Name == c.t.pk {
			d = append(d, field{"isPrimaryKey", true})
		}
		attrs = append(attrs, append(d, field{"attribute", a.Name}))
	}
	writeAnswer(w, format, 200, obj{{"records", "./"}, {"name", c.t.Name}, {"database", c.t.Database}, {"attributes", attrs}})
	return nil
}

func (c *call) getOne(w http.ResponseWriter, format string) error {
	r := c.t.records[c.id]
	if !r.live() {
		if c.s.line == RocksDB {
			writeAnswer(w, format, 404, nil)
			return nil
		}
		w.WriteHeader(404)
		return nil
	}
	tag := `"` + strconv.FormatFloat(float64(r.version), 'g', -1, 64) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Last-Modified", r.version.Go().Format(http.TimeFormat))
	if c.r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(304)
		return nil
	}
	if c.property != "" {
		writeAnswer(w, format, 200, r.value.Get(c.property))
		return nil
	}
	writeAnswer(w, format, 200, r.value)
	return nil
}
