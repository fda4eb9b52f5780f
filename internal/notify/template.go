package notify

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"text/template"
)

// maxRendered bounds what a template makes.
const maxRendered = 64 << 10

// parseTemplate reads a template of text/template, which is given a [Document].
func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("template").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}

// templateOf is the template of a sink, nil if it has none.
func templateOf(c *Config) (*template.Template, error) {
	text := c.Template
	if c.TemplateFile != "" {
		b, err := os.ReadFile(c.TemplateFile)
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		text = string(b)
	}
	if text == "" {
		return nil, nil
	}
	return parseTemplate(text)
}

// render is what a template makes of a document. One that fails costs no alert: the
// document as JSON takes its place, and says why.
func render(t *template.Template, d *Document) (text []byte, trouble string) {
	var out limited
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		return t.Execute(&out, d)
	}()
	if err == nil && out.Len() == 0 {
		err = errors.New("it makes nothing")
	}
	if err == nil {
		return out.Bytes(), ""
	}
	d.TemplateError = clean(err.Error())
	b, err := compact(d)
	if err != nil { // cannot be: a document is text and finite numbers
		b = []byte(d.Key)
	}
	return b, "template failed, JSON was sent instead: " + d.TemplateError
}

// limited keeps what is written until it is too much.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxRendered {
		return 0, fmt.Errorf("it makes more than %d bytes", maxRendered)
	}
	return l.Buffer.Write(p)
}
