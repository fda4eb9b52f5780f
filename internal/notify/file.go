package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/template"

	"recourse/audit"
)

// A lines writes a line of JSON a delivery, or what a template makes.
type lines struct {
	write    func([]byte) error
	redact   redactor
	form     string
	template *template.Template
}

func newFile(c *Config, o *Options) (Sink, error) {
	t, err := templateOf(c)
	return &lines{func(b []byte) error { return appendLine(c.Path, b) }, redactor{c.Redact, o.Salt}, c.Form, t}, err
}

func newStdout(c *Config, o *Options) (Sink, error) {
	t, err := templateOf(c)
	var out io.Writer = o.Stdout
	if o.Stdout == nil {
		out = os.Stdout
	}
	write := func(b []byte) error { _, err := out.Write(b); return err }
	return &lines{write, redactor{c.Redact, o.Salt}, c.Form, t}, err
}

// Send writes the delivery.
func (l *lines) Send(_ context.Context, d *audit.Delivery) (Result, error) {
	b, trouble, err := content(l.redact.document(d), l.form, l.template)
	if err == nil {
		err = l.write(append(b, '\n'))
	}
	if err != nil {
		return Result{}, fmt.Errorf("write line: %w", err)
	}
	return Result{Trouble: trouble}, nil
}

// appendLine opens the file anew each time, so that it can be moved away. A line
// that was cut off before is ended first.
func appendLine(path string, line []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last := make([]byte, 1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.Write(line); err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err // a pipe or a device has nothing to be synced
	}
	return f.Sync()
}
