package notify

import (
	"cmp"
	"context"
	"text/template"

	"recourse/audit"
)

// A pagerDuty sends events of PagerDuty's Events API v2. An alert is one incident
// there, by its id: later notices update it, and closing resolves it.
type pagerDuty struct {
	post     *poster
	key      secret // the integration's routing key
	redact   redactor
	host     string
	template *template.Template // of the summary
}

func newPagerDuty(c *Config, o *Options) (Sink, error) {
	p, err := newPoster(c, o, "https://events.pagerduty.com/v2/enqueue")
	if err != nil {
		return nil, err
	}
	if o.Egress != nil {
		if err := checkURL(p.url, o.Egress); err != nil {
			return nil, err
		}
	}
	t, err := templateOf(c)
	return &pagerDuty{p, secret{file: c.SecretFile, env: c.SecretEnv, lookup: o.Lookup}, redactor{c.Redact, o.Salt}, cmp.Or(o.Host, "recourse"), t}, err
}

// pagerActions are the actions by state.
var pagerActions = map[audit.AlertState]string{
	audit.AlertOpen: "trigger", audit.AlertAcked: "acknowledge", audit.AlertInProgress: "acknowledge", audit.AlertClosed: "resolve",
}

// Send makes one event of the delivery.
func (p *pagerDuty) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	key, err := p.key.read()
	if err != nil {
		return Result{}, err
	}
	doc := p.redact.document(d)
	action := pagerActions[d.Alert.State]
	if d.Notice != audit.NoticeState && d.Alert.State != audit.AlertClosed {
		action = "trigger" // it grew, whoever has acknowledged it
	}
	event := object{"routing_key": key, "event_action": action, "dedup_key": cut(doc.ID, 255)}
	trouble := ""
	if action == "trigger" {
		summary := doc.Title
		if p.template != nil {
			var b []byte
			b, trouble = render(p.template, doc)
			summary = clean(string(b))
		}
		event["payload"] = object{
			"summary": cut(summary, 1024), "source": p.host, "timestamp": doc.LastISO, "component": doc.Group["table"], "class": doc.Rule,
			"severity":       [...]string{"warning", "info", "info", "warning", "error", "critical"}[rank(doc.Severity)],
			"custom_details": doc,
		}
		event["client"] = "recourse"
	}
	body, err := compact(event)
	if err != nil {
		return Result{}, err
	}
	return Result{Trouble: trouble}, p.post.post(ctx, body, "application/json", nil, key)
}
