package harper

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"recourse/audit"
)

// feeding answers the feed with a body, an array's head and end around it as
// given.
func feeding(t *testing.T, body []byte, cut bool) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/RecourseFeed/" || r.URL.Query().Get("database") != "d" || r.URL.Query().Get("from") != "5" || r.Header.Get("Accept") != mimeCBOR {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", mimeCBOR)
		_, _ = w.Write(body)
		if cut {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
}

func entry(t *testing.T, fields map[string]any) []byte {
	t.Helper()
	base := map[string]any{"localTime": 10.5, "version": 10.25, "type": "put", "table": "T", "id": "a", "nodeId": 0}
	for k, v := range fields {
		base[k] = v
	}
	return object(t, base)
}

func TestFeed(t *testing.T) {
	join := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	open, end := []byte{0x9f}, []byte{0xff}
	undefined := append([]byte{0xa3, 0x62, 'i', 'd', 0xf7, 0x64, 't', 'y', 'p', 'e', 0x63, 'p', 'u', 't', 0x65, 'e', 'r', 'r', 'o', 'r'}, audit.Text("lost")...)
	for name, c := range map[string]struct {
		body []byte
		cut  bool
		want string // the entries, and how it ends
	}{
		"whole":           {join(open, entry(t, map[string]any{"user": "bob", "operation": "insert", "value": map[string]any{"a": 1}, "node": "n1", "nodeId": 2, "prev": 3, "expiresAt": 99, "endTxn": true}), end), false, `put insert bob d.T "a" 2 n1 3 99 true {"a":1} ""; <nil>`},
		"a patch":         {join(open, entry(t, map[string]any{"type": "patch", "value": map[string]any{"n": map[string]any{"__op__": "add", "value": 2}}}), end), false, `patch   d.T "a" 0  0 0 false {"n":{"__op__":"add","value":2}} ""; <nil>`},
		"a reload":        {join(open, entry(t, map[string]any{"type": "reload", "id": nil}), end), false, `reload   d.T  0  0 0 false null ""; <nil>`},
		"no id":           {join(open, entry(t, map[string]any{"id": nil}), end), false, `put   d.T  0  0 0 false null "read entry: not a primary key: null"; <nil>`},
		"an error":        {join(open, entry(t, map[string]any{"error": "Error:\x1b[2J no"}), end), false, `put   d.T "a" 0  0 0 false null "Error: [2J no"; <nil>`},
		"undefined":       {join(open, undefined, end), false, `put   d.  0  0 0 false null "lost"; <nil>`},
		"a dropped table": {join(open, entry(t, map[string]any{"table": nil, "tableId": 7, "error": "table 7 was dropped"}), end), false, `put   d. #7 "a" 0  0 0 false null "table 7 was dropped"; <nil>`},
		"unreadable":      {join(open, entry(t, map[string]any{"type": "unreadable", "table": nil, "id": nil, "error": "type 9 is not known"}), end), false, `unreadable   d.  0  0 0 false null "type 9 is not known"; <nil>`},
		"no entry":        {join(open, audit.Int(7), entry(t, nil), end), false, `   d.  0  0 0 false null "read entry: it is no object but integer"; put   d.T "a" 0  0 0 false null ""; <nil>`},
		"cut":             {join(open, entry(t, nil)), true, `put   d.T "a" 0  0 0 false null ""; truncated after 1`},
		"cut short":       {join(open, entry(t, nil)[:9]), true, `truncated after 0`},
		"nothing":         {nil, true, `truncated after 0`},
		"empty":           {join(open, end), false, `<nil>`},
		"more":            {join(open, end, end), false, `truncated after 0`},
		"an object":       {object(t, map[string]any{"error": "no"}), false, `read the feed of d: harper answered 200: no`},
	} {
		client := feeding(t, c.body, c.cut)
		got := ""
		var ended error
		for e, err := range client.Feed(t.Context(), FeedQuery{Database: "d", From: 5}) {
			if err != nil {
				ended = err
				break
			}
			table := e.Table.String()
			if e.TableID != 0 {
				table += fmt.Sprint(" #", e.TableID)
			}
			got += fmt.Sprintf("%s %s %s %s %s %d %s %v %v %v %s %q; ", e.Type, e.Operation, e.User, table, e.ID, e.NodeID, e.Node, e.Prev, e.ExpiresAt, e.EndTxn, e.Value.JSON(), e.Err)
		}
		var truncated *TruncatedError
		if errors.As(ended, &truncated) {
			got += fmt.Sprint("truncated after ", truncated.Rows)
		} else {
			got += fmt.Sprint(ended)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestFeedRefused(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("Not found\n"))
	})
	none := client(t, Options{Target: "http://127.0.0.1:1"})
	for _, c := range []*Client{c, none} {
		if _, err := c.FeedInfo(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("info: %v", err)
		}
		n := 0
		for _, err := range c.Feed(t.Context(), FeedQuery{Database: "d"}) {
			if n++; !errors.Is(err, ErrNotFound) {
				t.Errorf("feed: %v", err)
			}
		}
		if n != 1 {
			t.Errorf("%d ends", n)
		}
	}
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { answer(w, 200, object(t, map[string]any{"hello": 1})) })
	if _, err := other.FeedInfo(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("another component: %v", err)
	}
	for range other.Feed(t.Context(), FeedQuery{Database: "d", From: 7, To: 7}) {
		t.Error("an empty window was asked for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range feeding(t, []byte{0x9f, 0xff}, false).Feed(ctx, FeedQuery{Database: "d", From: 5}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("when it is over: %v", err)
		}
	}
}
