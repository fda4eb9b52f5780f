package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"text/template"
	"time"

	"recourse/audit"
)

// A webhook posts a document to a URL, signed so that the receiver knows where it
// is from and when it was sent, with a key so that it knows what it has had.
type webhook struct {
	post     *poster
	secret   secret
	redact   redactor
	form     string
	template *template.Template
}

func newWebhook(c *Config, o *Options) (Sink, error) {
	p, err := newPoster(c, o, "")
	if err != nil {
		return nil, err
	}
	t, err := templateOf(c)
	return &webhook{post: p, secret: secret{file: c.SecretFile, env: c.SecretEnv, lookup: o.Lookup}, redact: redactor{c.Redact, o.Salt}, form: c.Form, template: t}, err
}

// Send posts the delivery.
func (w *webhook) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	body, trouble, err := content(w.redact.document(d), w.form, w.template)
	if err != nil {
		return Result{}, err
	}
	key, err := w.secret.read()
	if err != nil {
		return Result{}, err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return Result{Trouble: trouble}, w.post.post(ctx, body, "application/json", map[string]string{
		"Idempotency-Key": clean(d.Key()), "X-Recourse-Timestamp": at, "X-Recourse-Signature": "v1=" + Sign([]byte(key), at, body),
	}, key)
}

// Sign is the signature of a webhook: HMAC-SHA256 over the time of sending (Unix
// seconds, as it is sent), a dot and the body, in hex.
func Sign(key []byte, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(timestamp + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// content is a document as a sink that has a form or a template says it.
func content(doc *Document, name string, t *template.Template) (body []byte, trouble string, err error) {
	if t != nil {
		body, trouble = render(t, doc)
		return body, trouble, nil
	}
	body, err = compact(form(name, doc))
	return body, "", err
}
