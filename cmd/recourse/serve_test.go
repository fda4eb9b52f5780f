package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/api"
	"recourse/query"
)

// An asking is a server over HTTP before a data folder that holds a captured
// incident, and the daemon behind it.
type asking struct {
	*daemon
	url    string
	served api.Options
}

func newAsking(t testing.TB) *asking {
	t.Helper()
	dir := t.TempDir()
	e := systemEnv()
	e.stdout, e.stderr = io.Discard, io.Discard
	code := run(t.Context(), e, []string{"recourse", "import", "--data", dir, "../../testdata/incidents/lmdb/tail",
		"../../testdata/captures/lmdb/writes", "../../testdata/captures/lmdb/values"})
	if code != exitPartly { // an answer is cut short, as it was captured
		t.Fatalf("import ends with %d", code)
	}
	w, err := openFolder(t.Context(), e, dir, config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(e, w)
	d.cluster, d.log = &ingest.Cluster{}, slog.New(slog.DiscardHandler)
	a := &asking{daemon: d, served: api.Options{State: d.state, Ask: d.ask(""), Local: true, Log: d.log}}
	srv := httptest.NewServer(api.New(a.served).Handler())
	t.Cleanup(func() {
		srv.Close()
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	a.url = srv.URL
	return a
}

// command is what a command beside the daemon prints on stdout.
func (a *asking) command(t testing.TB, args ...string) string {
	var out bytes.Buffer
	a.carryOut(t.Context(), api.Command{Name: args[0], Args: append([]string{"recourse", "--data", a.w.dir}, args...), Dir: "/"},
		api.Streams{In: strings.NewReader(""), Out: &out, Err: io.Discard})
	return out.String()
}

func (a *asking) get(t testing.TB, path, accept string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, string(body)
}

// questions are of every route, and the commands that ask the same.
var questions = []struct {
	route, asked string
	command      []string
}{
	{"/v1/search", "/v1/search?q=op:delete&limit=5", []string{"search", "op:delete", "--limit", "5"}},
	{"/v1/search", "/v1/search?q=" + url.QueryEscape("user:bram -op:insert") + "&limit=3&skip=2&explain=true", []string{"search", "user:bram -op:insert", "--limit", "3", "--skip", "2", "--explain"}},
	{"/v1/search", "/v1/search?q=-op:delete&no-images=true&limit=2", []string{"search", "--no-images", "--limit", "2", "--", "-op:delete"}},
	{"/v1/search", "/v1/search?q=user:nobody", []string{"search", "user:nobody"}},
	{"/v1/search", "/v1/search?q=*&limit=150", []string{"search", "*", "--limit", "150"}},
	{"/v1/search", "/v1/search?where=" + url.QueryEscape("op == 'delete'") + "&limit=4", []string{"search", "--where", "op == 'delete'", "--limit", "4"}},
	{"/v1/hist", "/v1/hist?q=*&step=1h&by=user&top=2", []string{"hist", "*", "--step", "1h", "--by", "user", "--top", "2"}},
	{"/v1/search", "/v1/search?q=" + url.QueryEscape("op:delete | stats count by user | sort -count"), []string{"search", "op:delete | stats count by user | sort -count"}},
	{"/v1/search", "/v1/search?q=" + url.QueryEscape("op:delete | limit 2"), []string{"search", "op:delete | limit 2"}},
	{"/v1/hist", "/v1/hist?q=*&step=1h", []string{"hist", "*", "--step", "1h"}},
	{"/v1/facets", "/v1/facets?q=*&by=user&by=attr&top=3&explain=", []string{"facets", "*", "--by", "user", "--by", "attr", "--top", "3", "--explain"}},
	{"/v1/show/{seq}", "/v1/show/17", []string{"show", "17"}},
	{"/v1/show/{seq}", "/v1/show/3900?no-images=true", []string{"show", "3900", "--no-images"}},
	{"/v1/history", "/v1/history?key=shop.customers/8", []string{"history", "shop.customers/8"}},
	{"/v1/history", "/v1/history?key=shop.customers/none", []string{"history", "shop.customers/none"}},
	{"/v1/coverage", "/v1/coverage?table=shop.*&table=bank.*&to=2026-11-23T21:00:00Z&all=true", []string{"coverage", "shop.*", "bank.*", "--to", "2026-11-23T21:00:00Z", "--all"}},
	{"/v1/coverage", "/v1/coverage?by=node&to=2026-11-24", []string{"coverage", "--by", "node", "--to", "2026-11-24"}},
	{"/v1/status", "/v1/status", []string{"status"}},
	{"/v1/alerts", "/v1/alerts?severity=medium", []string{"alerts", "list", "--severity", "medium"}},
	{"/v1/alerts", "/v1/alerts?rule=none", []string{"alerts", "list", "--rule", "none"}},
	{"/v1/alerts", "/v1/alerts?state=open&state=closed&since=2026-11-23&assignee=", []string{"alerts", "list", "--state", "open", "--state", "closed", "--since", "2026-11-23", "--assignee", ""}},
	{"/v1/alerts", "/v1/alerts?state=closed", []string{"alerts", "list", "--state", "closed"}},
	{"/v1/blame", "/v1/blame?key=shop.customers/8", []string{"blame", "shop.customers/8"}},
	{"/v1/blame", "/v1/blame?key=shop.customers/8&attr=email&strict=true", []string{"blame", "shop.customers/8", "email", "--strict"}},
	{"/v1/asof", "/v1/asof?key=shop.customers/8&time=2026-11-23T21:00:00Z", []string{"asof", "shop.customers/8", "2026-11-23T21:00:00Z"}},
	{"/v1/asof", "/v1/asof?key=shop.customers&time=2026-11-23T21:00:00Z", []string{"asof", "shop.customers", "2026-11-23T21:00:00Z"}},
	{"/v1/diff", "/v1/diff?key=shop.customers&from=2026-11-23T21:00:00Z&to=2026-11-24", []string{"diff", "shop.customers", "2026-11-23T21:00:00Z", "2026-11-24"}},
	{"/v1/diff", "/v1/diff?key=shop.customers/8&from=2026-11-23T20:00:00Z&to=2026-11-24", []string{"diff", "shop.customers/8", "2026-11-23T20:00:00Z", "2026-11-24"}},
	{"/v1/pickaxe", "/v1/pickaxe?value=pending&query=table:shop.*", []string{"pickaxe", "pending", "--query", "table:shop.*"}},
	{"/v1/pickaxe", "/v1/pickaxe?value=1&exact=true", []string{"pickaxe", "1", "--exact"}},
	{"/v1/actor", "/v1/actor?user=bram&top=3", []string{"actor", "bram", "--top", "3"}},
	{"/v1/actor", "/v1/actor?user=", []string{"actor", ""}},
	{"/v1/sessions", "/v1/sessions?q=user:bram&gap=5m", []string{"sessions", "user:bram", "--gap", "5m"}},
	{"/v1/sessions", "/v1/sessions?q=*&by=table", []string{"sessions", "*", "--by", "table"}},
	{"/v1/blast", "/v1/blast?q=user:bram", []string{"blast", "user:bram"}},
	{"/v1/evidence", "/v1/evidence?q=user:bram", []string{"evidence", "export", "user:bram"}},
	{"/v1/compare", "/v1/compare?q=user:bram&with=user:alice&top=3", []string{"compare", "user:bram", "user:alice", "--top", "3"}},
	{"/v1/compare", "/v1/compare?q=" + url.QueryEscape("user:bram @2026-11-23T21:00..2026-11-23T22:00") + "&vs=3d&by=op", []string{"compare", "user:bram @2026-11-23T21:00..2026-11-23T22:00", "--vs", "3d", "--by", "op"}},
}

func TestHTTP(t *testing.T) {
	a, doc := newAsking(t), newContract(t)
	t.Run("answers", func(t *testing.T) { answersAsTheCommandDoes(t, a, doc) })
	t.Run("refusals", func(t *testing.T) { refusesWhatIsWrong(t, a, doc) })
	t.Run("client", func(t *testing.T) { clientIsASearcher(t, a) })
}

// An answer over HTTP is what the command prints, in JSON and line by line, and is
// as the document says: with every field that the document requires, and none that
// it does not have.
func answersAsTheCommandDoes(t *testing.T, a *asking, doc *contract) {
	var list struct{ Alerts []struct{ ID string } }
	if err := json.Unmarshal([]byte(a.command(t, "alerts", "list", "-o", "json")), &list); err != nil || len(list.Alerts) == 0 {
		t.Fatalf("no alerts: %v", err)
	}
	id := list.Alerts[0].ID
	all := append(slices.Clone(questions), questions[0])
	all[len(all)-1] = struct {
		route, asked string
		command      []string
	}{"/v1/alerts/{id}", "/v1/alerts/" + id[:12], []string{"alerts", "show", id[:12]}}
	for _, q := range all {
		command := slices.Insert(slices.Clone(q.command), 1, "-o", "json")
		if q.command[0] == "alerts" {
			command = slices.Insert(slices.Clone(q.command), 2, "-o", "json")
		}
		status, got := a.get(t, q.asked, "application/json")
		if want := a.command(t, command...); status != http.StatusOK || calm(got) != calm(want) {
			t.Errorf("%s: status %d\n%s", q.asked, status, firstDifference(calm(got), calm(want)))
		}
		doc.check(t, q.route, status, "application/json", got)
		command[slices.Index(command, "json")] = "ndjson"
		status, got = a.get(t, q.asked, "application/x-ndjson")
		if want := a.command(t, command...); status != http.StatusOK || calm(got) != calm(want) {
			t.Errorf("%s as NDJSON: status %d\n%s", q.asked, status, firstDifference(calm(got), calm(want)))
		}
		doc.checkLines(t, q.route, got)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		status, got := a.get(t, path, "application/json")
		doc.check(t, path, status, "application/json", got)
	}
	status, got := a.get(t, "/v1/openapi.json", "*/*")
	doc.check(t, "/v1/openapi.json", status, "application/json", got)
	doc.missed(t, "/metrics", "/v1/attach")
}

func calm(s string) string {
	return sealed.ReplaceAllString(volatile.ReplaceAllString(s, `"$1":0`), `"$1":0`)
}

// sealed is when evidence was made, and what follows from that.
var sealed = regexp.MustCompile(`"(made|made_iso|digest)": ?("[^"]*"|[0-9.]+)`)

// What is wrong with a question is said with its place, and has its status.
func refusesWhatIsWrong(t *testing.T, a *asking, doc *contract) {
	for _, x := range []struct {
		route, asked string
		status, code int
		position     int
		says         string
	}{
		{"/v1/search", "/v1/search?q=user:eve+op:(", 400, 64, 13, "parse query"},
		{"/v1/search", "/v1/search?q=ü+nofield:x", 400, 64, 3, "nofield"},
		{"/v1/search", "/v1/search?where=after.n+%3E%3E+1", 400, 64, 10, "--where"},
		{"/v1/search", "/v1/search?q=" + url.QueryEscape("op:delete | save mine"), 400, 64, 0, "nothing can be written from here"},
		{"/v1/search", "/v1/search?q=" + url.QueryEscape("op:delete | plan stolen.json"), 400, 64, 0, "nothing can be written from here"},
		{"/v1/search", "/v1/search", 400, 64, 0, "the parameter q is missing, and so is where"},
		{"/v1/compare", "/v1/compare?q=*", 400, 64, 0, "the parameter with is missing, and so is vs"},
		{"/v1/alerts", "/v1/alerts?state=ajar", 400, 64, 0, "ajar"},
		{"/v1/search", "/v1/search?q=*&limit=x", 400, 64, 0, "want a number"},
		{"/v1/search", "/v1/search?q=*&limit=0", 400, 64, 0, "x-ndjson"},
		{"/v1/search", "/v1/search?q=*&limit=10001", 400, 64, 0, "10000"},
		{"/v1/search", "/v1/search?q=*&q=user:eve", 400, 64, 0, "2 times"},
		{"/v1/search", "/v1/search?q=*&data=/etc", 400, 64, 0, "no parameter"},
		{"/v1/search", "/v1/search?q=*&explain=maybe", 400, 64, 0, "true or false"},
		{"/v1/search", "/v1/search?q=*&after=nonsense", 400, 64, 0, "cursor"},
		{"/v1/search", "/v1/search?q=%zz", 400, 64, 0, "parameters"},
		{"/v1/hist", "/v1/hist?q=*&step=--data", 400, 64, 0, "--step"},
		{"/v1/facets", "/v1/facets?q=--data+/etc", 400, 64, 8, "parse query"},
		{"/v1/show/{seq}", "/v1/show/0", 400, 64, 0, "want a change's number"},
		{"/v1/show/{seq}", "/v1/show/99999999", 404, 2, 0, "no such change"},
		{"/v1/alerts/{id}", "/v1/alerts/none", 404, 2, 0, "there is none"},
		{"/v1/history", "/v1/history?key=shop", 400, 64, 0, "DATABASE.TABLE/ID"},
		{"/v1/diff", "/v1/diff?key=shop.customers/8&from=now", 400, 64, 0, "to is missing"},
		{"/v1/asof", "/v1/asof?key=shop.customers/8&time=soon", 400, 64, 0, "soon"},
	} {
		status, got := a.get(t, x.asked, "application/json")
		var body struct {
			Error struct {
				Code, Position int
				Message, Hint  string
			}
		}
		if err := json.Unmarshal([]byte(got), &body); err != nil {
			t.Errorf("%s: %v: %s", x.asked, err, got)
			continue
		}
		e := body.Error
		if strings.Contains(e.Hint, "--help for the command") {
			t.Errorf("%s: the hint %q is one for a command line", x.asked, e.Hint)
		}
		if status != x.status || e.Code != x.code || e.Position != x.position || !strings.Contains(e.Message, x.says) {
			t.Errorf("%s: status %d, %+v; want %d, code %d, position %d, %q", x.asked, status, e, x.status, x.code, x.position, x.says)
		}
		doc.check(t, x.route, status, "application/json", got)
	}
}

// The client gives what the engine gives.
func clientIsASearcher(t *testing.T, a *asking) {
	client := &api.Client{Base: a.url}
	engine := a.w.engine()
	for _, text := range []string{"*", "op:delete", "user:bram -table:shop.orders", "user:nobody", `"a b" or key:shop.customers/8`} {
		expr, err := query.Parse(text, a.env.now())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []query.Query{{Expr: expr, Limit: 7}, {Expr: expr}, {Expr: expr, Limit: 3, Skip: 2}} {
			got, err := client.Search(t.Context(), q)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			want, err := engine.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			sameResult(t, text, got, want)
			if q.Limit > 0 && got.Summary.Next != "" {
				q.After = got.Summary.Next
				if got, err = client.Search(t.Context(), q); err != nil || len(got.Changes) == 0 {
					t.Errorf("%s: the next page: %v, %v", text, got, err)
				}
			}
		}
	}
	if err := client.Get(t.Context(), "/v1/search", url.Values{"q": {"(("}}, new(any)); err == nil {
		t.Error("a wrong query is no error")
	}
}

func sameResult(t *testing.T, text string, got, want *query.Result) {
	t.Helper()
	if len(got.Changes) != len(want.Changes) {
		t.Fatalf("%s: %d changes, want %d", text, len(got.Changes), len(want.Changes))
	}
	for i := range got.Changes {
		g, w := got.Changes[i], want.Changes[i]
		w.Observed = 0 // JSON has none
		if g.Identify() != w.ID || g.Seq != w.Seq || g.User != w.User || g.Op != w.Op || !sameImage(g.Before, w.Before) || !sameImage(g.After, w.After) ||
			g.Node != w.Node || g.Group != w.Group || g.Lossy != w.Lossy || g.Note != w.Note {
			t.Fatalf("%s: change %d is %+v, want %+v", text, i, g, w)
		}
	}
	g, w := got.Summary, want.Summary
	if g.Count != w.Count || g.Total != w.Total || g.Next != w.Next || g.Complete != w.Complete || len(g.Stretches) != len(w.Stretches) || len(g.Gaps) != len(w.Gaps) {
		t.Errorf("%s: the summary is %+v, want %+v", text, g, w)
	}
}

func sameImage(a, b audit.Image) bool {
	if b.State != audit.Present {
		b.Body = nil
	}
	return a.State == b.State && a.Source == b.Source && a.Trust == b.Trust && a.Body.JSON() == b.Body.JSON()
}

// FuzzHTTP asks what nobody would: the server answers with JSON and a status, and
// what is wrong with a query is said with its place in it.
func FuzzHTTP(f *testing.F) {
	a := newAsking(f)
	for _, q := range questions {
		path, params, _ := strings.Cut(q.asked, "?")
		f.Add(path, params, "application/json")
		f.Add(path, params, "application/x-ndjson")
	}
	f.Add("/v1/search", "q=((", "*/*")
	f.Add("/v1/show/%00", "", "")
	h := api.New(a.served).Handler()
	var asked atomic.Int64
	f.Fuzz(func(t *testing.T, path, params, accept string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10e9)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path+"?"+params, nil)
		if err != nil || !strings.HasPrefix(path, "/v1/") {
			return
		}
		req.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		asked.Add(1)
		if w.Code >= 300 && w.Code < 400 { // a path that is written otherwise
			return
		}
		if w.Code == http.StatusInternalServerError {
			t.Fatalf("%s?%s: %s", path, params, w.Body)
		}
		for line := range strings.Lines(w.Body.String()) {
			if accept == "application/x-ndjson" && !json.Valid([]byte(line)) {
				t.Fatalf("%s?%s: no JSON: %.200s", path, params, line)
			}
		}
		if w.Code == http.StatusOK {
			return
		}
		var body struct {
			Error struct {
				Code, Position int
				Message        string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Message == "" || body.Error.Code == 0 {
			t.Fatalf("%s?%s: %d: %.300s", path, params, w.Code, w.Body)
		}
		if strings.HasPrefix(body.Error.Message, "parse query: column") && body.Error.Position == 0 {
			t.Fatalf("%s?%s: a wrong query without a place: %s", path, params, w.Body)
		}
	})
}
