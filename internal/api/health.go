package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A report answers whether something is so, check by check.
type report struct {
	Status string  `json:"status"`
	Checks []check `json:"checks"`
}

// A check is one condition and whether it holds.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// stuck is how long a loop may take for a round if it does not say.
const stuck = 2 * time.Minute

// healthOf says whether the daemon moves. Harper's troubles are none of its: a
// daemon that is started again for them would not do better.
func healthOf(s State, err error, made time.Time) report {
	if err != nil {
		return reportOf("healthy", check{"state", false, err.Error()})
	}
	checks := []check{{"state", true, ""}}
	for _, l := range s.Loops {
		beat, limit := l.Beat, cmp.Or(l.Limit, stuck)
		if beat.IsZero() {
			beat = made
		}
		c := check{Name: "loop " + l.Name, OK: s.At.Sub(beat) <= limit}
		if !c.OK {
			c.Detail = fmt.Sprintf("has not moved for %s, limit %s", round(s.At.Sub(beat)), limit)
		}
		checks = append(checks, c)
	}
	return reportOf("healthy", checks...)
}

// readyOf says whether what the daemon answers can be relied on.
func readyOf(s State, err error, maxLag time.Duration) report {
	if err != nil {
		return reportOf("ready", check{"state", false, err.Error()})
	}
	return reportOf("ready", storeCheck(s.Store), nodeCheck(s.Nodes), lagCheck(s, maxLag))
}

func storeCheck(s StoreState) check {
	switch {
	case !s.Open:
		return check{"store", false, "not open"}
	case s.Trouble != "":
		return check{"store", false, "nothing can be written: " + s.Trouble}
	}
	return check{"store", true, fmt.Sprintf("%d changes", s.Changes)}
}

func nodeCheck(nodes []NodeState) check {
	reached := 0
	for _, n := range nodes {
		if !n.Reached.IsZero() {
			reached++
		}
	}
	return check{"node", reached > 0, fmt.Sprintf("%d of %d reached since the start", reached, len(nodes))}
}

// lagCheck asks that every table was read not too long ago, on whatever node:
// one that stands for another that is gone is enough.
func lagCheck(s State, limit time.Duration) check {
	l := lagsOf(s)
	table, lag := l.worst()
	switch {
	case len(s.Tables) == 0:
		return check{"lag", false, "no table is followed yet"}
	case len(l.never) > 0:
		return check{"lag", false, fmt.Sprintf("%d of %d tables were never read, %q the first",
			len(l.never), len(l.never)+len(l.best), l.never[0].String())}
	}
	return check{"lag", lag <= limit, fmt.Sprintf("%q is %s behind, limit %s", table.String(), round(lag), limit)}
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

func reportOf(good string, checks ...check) report {
	if slices.ContainsFunc(checks, func(c check) bool { return !c.OK }) {
		good = "not " + good
	}
	return report{good, checks}
}

func (r report) ok() bool { return !strings.HasPrefix(r.Status, "not ") }

// send answers 200 or 503, in the form that was asked for.
func (r report) send(w http.ResponseWriter, req *http.Request) {
	asJSON := wantsJSON(req)
	kind := "text/plain; charset=utf-8"
	if asJSON {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	if !r.ok() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if asJSON {
		_ = json.NewEncoder(w).Encode(r) // whoever asked may be gone
		return
	}
	r.print(w)
}

func (r report) print(w io.Writer) {
	fmt.Fprintln(w, r.Status)
	for _, c := range r.Checks {
		state := "ok"
		if !c.OK {
			state = "failed"
		}
		if c.Detail != "" {
			state += ": " + c.Detail
		}
		fmt.Fprintf(w, "%s: %s\n", oneLine(c.Name), oneLine(state))
	}
}

// oneLine keeps names and errors from being more than one line, or more than
// text, on a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// wantsJSON says whether ?format=json or the Accept header asks for JSON. A
// client that also takes text, as a browser does with */*, gets text.
func wantsJSON(req *http.Request) bool {
	if f := req.URL.Query().Get("format"); f != "" {
		return f == "json"
	}
	for part := range strings.SplitSeq(strings.Join(req.Header.Values("Accept"), ","), ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err == nil && kind == "application/json" {
			return true
		}
		if err == nil && kind == "text/plain" {
			return false
		}
	}
	return false
}
