package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"recourse/audit"
)

// A slack posts to an incoming webhook of Slack, or of what has the same form. It
// knows no key: a message whose answer was lost comes twice.
type slack struct {
	post     *poster
	redact   redactor
	template *template.Template
}

func newSlack(c *Config, o *Options) (Sink, error) {
	p, err := newPoster(c, o, "")
	if err != nil {
		return nil, err
	}
	t, err := templateOf(c)
	return &slack{p, redactor{c.Redact, o.Salt}, t}, err
}

// Send posts the delivery as one message.
func (s *slack) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	doc := s.redact.document(d)
	text, trouble := plainText(doc), ""
	if s.template != nil {
		var b []byte
		b, trouble = render(s.template, doc)
		text = string(b)
	}
	body, err := compact(object{"text": cut(slackEscape(text), 12_000), "unfurl_links": false})
	if err != nil {
		return Result{}, err
	}
	return Result{Trouble: trouble}, s.post.post(ctx, body, "application/json", nil)
}

// slackEscape keeps a text from being links, mentions or channels.
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// plainText is a document in a few lines.
func plainText(d *Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", headline(d))
	fmt.Fprintf(&b, "rule %s (%s), risk %d, %d changes from %s to %s\n", d.Rule, d.RuleName, d.Risk, d.Count, d.FirstISO, d.LastISO)
	for _, field := range slices.Sorted(maps.Keys(d.Group)) {
		fmt.Fprintf(&b, "%s: %s\n", field, d.Group[field])
	}
	if len(d.Attack) > 0 {
		fmt.Fprintf(&b, "ATT&CK %s\n", strings.Join(d.Attack, " "))
	}
	if d.Runbook != "" {
		fmt.Fprintf(&b, "runbook: %s\n", d.Runbook)
	}
	fmt.Fprintf(&b, "recourse alerts show %s", d.ID)
	return b.String()
}

// headline is what a delivery says, in a line.
func headline(d *Document) string {
	s := fmt.Sprintf("[%s] %s", d.Severity, d.Title)
	switch {
	case d.State == "closed":
		s = fmt.Sprintf("[closed: %s] %s", d.Verdict, d.Title)
	case d.Notice == string(audit.NoticeState):
		s = fmt.Sprintf("[%s] %s", d.State, d.Title)
	case d.Notice == string(audit.NoticeGrown), d.Notice == string(audit.NoticeSeverity):
		s += fmt.Sprintf(" (more: %d changes by now)", d.Count)
	}
	return s
}
