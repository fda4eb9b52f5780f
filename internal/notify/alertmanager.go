package notify

import (
	"cmp"
	"context"
	"strings"
	"time"

	"recourse/audit"
)

// An alertmanager posts alerts of Alertmanager's API v2. Alertmanager forgets an
// alert of which it hears no more, so each is posted again until it is closed or has
// gone on for long enough; that it ended is said for five minutes.
type alertmanager struct {
	post      *poster
	redact    redactor
	repeat    time.Duration
	activeFor time.Duration
	now       func() time.Time
}

const resolvedFor = 5 * time.Minute

func newAlertmanager(c *Config, o *Options) (Sink, error) {
	p, err := newPoster(c, o, "")
	if err != nil {
		return nil, err
	}
	p.suffix = "api/v2/alerts"
	return &alertmanager{p, redactor{c.Redact, o.Salt}, cmp.Or(c.Repeat, time.Minute), cmp.Or(c.ActiveFor, 24*time.Hour), time.Now}, nil
}

// Send posts the delivery.
func (a *alertmanager) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	now := a.now()
	age := now.Sub(d.At.Go())
	ends := now.Add(4 * a.repeat)
	again := Result{Again: a.repeat}
	closed := d.Alert.State == audit.AlertClosed
	switch {
	case closed:
		ends = now
		if age > resolvedFor {
			again.Again = 0
		}
	case age > a.activeFor || d.Notice == audit.NoticeTest:
		again.Again = 0
	}
	doc := a.redact.document(d)
	labels := object{"alertname": doc.Rule, "severity": doc.Severity, "alert_id": doc.ID, "source": "recourse"}
	for field, value := range doc.Group {
		if _, taken := labels[labelName(field)]; !taken && value != "" && value != redacted {
			labels[labelName(field)] = value
		}
	}
	alert := object{
		"labels": labels, "startsAt": started(d, now).UTC().Format(time.RFC3339Nano), "endsAt": ends.UTC().Format(time.RFC3339Nano),
		"annotations": object{"summary": doc.Title, "description": plainText(doc), "runbook_url": doc.Runbook},
	}
	body, err := compact([]object{alert})
	if err != nil {
		return Result{}, err
	}
	return again, a.post.post(ctx, body, "application/json", nil)
}

// started is when the alert began; one in a time that was no more than read back
// cannot begin after it ends.
func started(d *audit.Delivery, now time.Time) time.Time {
	t := d.Alert.FirstTime.Go()
	if t.IsZero() || t.After(now) {
		return now
	}
	return t
}

// labelName is a name that Prometheus takes.
func labelName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, s)
	if s == "" || s[0] >= '0' && s[0] <= '9' || strings.HasPrefix(s, "__") {
		s = "group_" + s
	}
	return s
}
