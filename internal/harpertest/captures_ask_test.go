package harpertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"recourse/audit"
)

// replay is one server on its way through the captures, its clock set to the
// time at which each was taken.
type replay struct {
	t     *testing.T
	s     *Server
	name  string
	clock *steppedClock
	pairs map[string]string // captured time or generated id → ours
	back  map[string]string
	token map[string]string
}

func (p *replay) replay(name string) {
	p.name = name
	data, err := os.ReadFile(testdata + "captures/" + p.s.Line().String() + "/" + name + ".json")
	if err != nil {
		p.t.Fatal(err)
	}
	var c capture
	if err := json.Unmarshal(data, &c); err != nil {
		p.t.Fatal(name, err)
	}
	if at, err := http.ParseTime(c.Headers["Date"]); err == nil {
		p.clock.set(float64(at.UnixMilli()) - 2000)
	}
	if at := windowStart(c.Request.Body); at > 0 {
		p.clock.set(at - 5)
	}
	p.prepare(name)
	for i, b := range c.Before {
		if at := windowStart(c.Request.Body); i == markAfter[name] {
			p.clock.set(at)
		}
		if name == "poison/10-ttl-evicted" && i == 2 { // the scenario waited for the time to live
			if err := p.s.Evict(shop("Ttl"), `"t"`); err != nil {
				p.t.Error(err)
			}
		}
		p.exchange(b.Request, b.Status, b.Response, nil)
	}
	p.clock.set(p.clock.peek() + 20)
	p.exchange(c.Request, c.Status, c.Response, c.Headers)
}

// windowStart is the mark that a request reads from, when it has one of now.
func windowStart(body json.RawMessage) float64 {
	var b struct {
		SearchType   string `json:"search_type"`
		SearchValues []any  `json:"search_values"`
	}
	if json.Unmarshal(body, &b) != nil || b.SearchType != "timestamp" || len(b.SearchValues) != 1 {
		return 0
	}
	f, _ := b.SearchValues[0].(float64)
	return f
}

// prepare does what the scenario did without recording it.
func (p *replay) prepare(name string) {
	switch name {
	case "errors/expired-jwt":
		body := []byte(`{"operation":"create_authentication_tokens","username":"admin","password":"secret","expires_in":"1s"}`)
		_, answer := post(p.t, p.s, body)
		var tokens map[string]string
		if err := json.Unmarshal(answer, &tokens); err != nil {
			p.t.Fatal(err)
		}
		p.token["errors/expired-jwt"], p.token["errors/refresh-token-as-operation-token"] = tokens["operation_token"], tokens["refresh_token"]
		p.clock.set(p.clock.peek() + 1100)
	case "errors/bad-jwt":
		p.token[name] = "abc.def.ghi"
	}
}

func (p *replay) exchange(q capturedRequest, status int, want json.RawMessage, headers map[string]string) {
	p.t.Helper()
	r := p.request(q)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(p.name, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	broken := headers["(connection)"] != ""
	if (err != nil) != broken {
		p.t.Errorf("%s: reading the body: %v, the capture's connection broke: %v", p.name, err, broken)
	}
	if res.StatusCode != status {
		p.t.Errorf("%s: %s %s %s: status %d, want %d; %.300s", p.name, q.Method, q.Path, q.Body, res.StatusCode, status, got)
	}
	if d := p.compare(got, want); d != "" {
		p.t.Errorf("%s: %s %s %.200s: %s", p.name, q.Method, q.Path, q.Body, d)
	}
	if a, b := headers["content-type"], res.Header.Get("Content-Type"); a != "" && !strings.HasPrefix(a, b) {
		p.t.Errorf("%s: content type %q, want %q", p.name, b, a)
	}
}

func (p *replay) request(q capturedRequest) *http.Request {
	url := p.s.OpsURL()
	if q.To == "rest" {
		url = p.s.RESTURL()
	}
	body := p.ours(q.Body)
	r, err := http.NewRequest(q.Method, url+q.Path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if string(q.Body) != "null" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range q.Headers {
		r.Header.Set(k, v)
	}
	password := map[string]string{"admin": "secret", "bob": "pw", "idle": "pw", "zed": "x"}[q.User]
	if p.name == "errors/bad-password" {
		password = "nope"
	}
	switch q.User {
	case "(none)":
	case "Bearer token":
		r.Header.Set("Authorization", "Bearer "+p.token[p.name])
	default:
		r.SetBasicAuth(q.User, password)
	}
	return r
}

// ours is a captured body with our own times and ids in it.
func (p *replay) ours(body json.RawMessage) []byte {
	var wrapped struct{ Text, Base64 *string }
	switch {
	case string(body) == "null" || string(body) == `""`:
		return nil
	case json.Unmarshal(body, &wrapped) == nil && wrapped.Text != nil:
		return []byte(*wrapped.Text)
	case json.Unmarshal(body, &wrapped) == nil && wrapped.Base64 != nil:
		b, err := base64.StdEncoding.DecodeString(*wrapped.Base64)
		if err != nil {
			p.t.Fatal(err)
		}
		return b
	}
	text := string(body)
	for theirs, mine := range p.pairs {
		text = strings.ReplaceAll(text, theirs, mine)
	}
	if keys := p.cutKeys(); keys != "" {
		text = regexp.MustCompile(`"search_values": \[.*\]`).ReplaceAllString(text, `"search_values": [`+keys+`]`)
	}
	return []byte(text)
}

// cutKeys are the windows that the scenario took from the raw log, or set at
// one millisecond from a timestamp.
func (p *replay) cutKeys() string {
	times := func(db, table string) (out []audit.Time) {
		for _, e := range p.s.Entries(db) {
			if e.Table.Name == table {
				out = append(out, e.LocalTime)
			}
		}
		return out
	}
	dog, thing := times("w", "dog"), times("shop", "Thing")
	switch p.name {
	case "ranges/group-cut-left":
		return "1," + dog[1].String()
	case "ranges/group-cut-right":
		return dog[1].String() + "," + dog[2].String()
	case "ranges/from-last-timestamp-plus-1ms":
		entries := p.s.Entries("w")
		last := audit.Time(0)
		for _, e := range entries {
			if e.Table.Name == "dog" {
				last = e.Version
			}
		}
		return (last + 1).String()
	case "poison/7-window-before":
		return "1," + thing[1].String()
	case "poison/8-window-on":
		return thing[1].String() + "," + (thing[1] + 0.0005).String()
	case "poison/9-window-after":
		return (thing[1] + 0.0005).String() + ",9e12"
	}
	return ""
}
