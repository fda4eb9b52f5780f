package notify

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"recourse/audit"
)

// A Document is what a sink says of an alert, in our own form; templates are given
// it too. Times are milliseconds since 1970, with the same for people beside them.
type Document struct {
	Key      string            `json:"key"` // the same however often this is sent
	Notice   string            `json:"notice"`
	Revision int               `json:"revision"`
	Time     float64           `json:"time"` // when it was to be told
	TimeISO  string            `json:"time_iso"`
	ID       string            `json:"id"`
	Rule     string            `json:"rule"`
	RuleName string            `json:"rule_name"`
	Severity string            `json:"severity"`
	Risk     int               `json:"risk"`
	Attack   []string          `json:"attack"`
	State    string            `json:"state"`
	Verdict  string            `json:"verdict,omitempty"`
	Assignee string            `json:"assignee,omitempty"`
	Title    string            `json:"title"`
	Group    map[string]string `json:"group"`
	FirstSeq uint64            `json:"first_seq"`
	LastSeq  uint64            `json:"last_seq"`
	First    float64           `json:"first_time"`
	FirstISO string            `json:"first_time_iso"`
	Last     float64           `json:"last_time"`
	LastISO  string            `json:"last_time_iso"`
	Count    int               `json:"count"`
	Repeats  int               `json:"repeats"`
	Unknown  bool              `json:"unknown"`
	Late     bool              `json:"late"`
	Runbook  string            `json:"runbook,omitempty"`
	Changes  []Change          `json:"changes"` // the first
	Redact   Redaction         `json:"redact"`
	// TemplateError says that this stands in the place of what a template was to
	// make, and why that failed.
	TemplateError string `json:"template_error,omitempty"`
}

// A Change is one of those that an alert rests on.
type Change struct {
	Seq      uint64  `json:"seq"`
	Database string  `json:"database"`
	Table    string  `json:"table"`
	Key      string  `json:"key"` // as JSON, or what stands in its place
	Time     float64 `json:"time"`
	TimeISO  string  `json:"time_iso"`
}

// document is a delivery as a Document.
func (r redactor) document(d *audit.Delivery) *Document {
	a := &d.Alert
	doc := &Document{
		Key: clean(d.Key()), Notice: string(d.Notice), Revision: d.Revision, Time: finite(d.At), TimeISO: d.At.ISO(),
		ID: clean(a.ID), Rule: clean(a.Rule), RuleName: clean(a.RuleName), Severity: a.Severity, Risk: a.Risk, Attack: append([]string{}, a.Attack...),
		State: string(a.State), Verdict: string(a.Verdict), Assignee: clean(a.Assignee), Title: clean(r.title(a)), Group: map[string]string{},
		FirstSeq: uint64(a.FirstSeq), LastSeq: uint64(a.LastSeq), First: finite(a.FirstTime), FirstISO: a.FirstTime.ISO(),
		Last: finite(a.LastTime), LastISO: a.LastTime.ISO(), Count: a.Count, Repeats: a.Repeats, Unknown: a.Unknown, Late: a.Late,
		Runbook: clean(a.Runbook), Changes: []Change{}, Redact: r.how,
	}
	for field, value := range r.group(a.Group) {
		doc.Group[clean(field)] = clean(value)
	}
	room := mostListed
	for _, e := range a.Changes {
		c := Change{Seq: uint64(e.Seq), Database: clean(e.Database), Table: clean(e.Table), Key: clean(r.value(string(e.Key))), Time: finite(e.Time), TimeISO: e.Time.ISO()}
		if room -= len(c.Database) + len(c.Table) + len(c.Key); room < 0 {
			break
		}
		doc.Changes = append(doc.Changes, c)
	}
	return doc
}

// finite is 0 for a time that is no number, which JSON could not say.
func finite(t audit.Time) float64 {
	if f := float64(t); f-f == 0 {
		return f
	}
	return 0
}

// longest bounds what one text of an alert can make a message weigh.
const longest = 2000

// mostListed bounds what the changes that a message lists weigh together: datagrams
// and receivers have limits, and alerts show has them all.
const mostListed = 16 << 10

// clean makes a text of an alert one that nothing on its way can take for more than
// text: valid UTF-8, without control characters, not endless.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return '�'
		}
		return r
	}, s)
	return cut(s, longest)
}

// cut is the begin of a text, at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// compact is JSON without HTML's escapes, on one line.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
