package audit_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"recourse/audit"
)

// TestGuarded: a panic is an error that says where it was, whatever was panicked with;
// anything else is what it is.
func TestGuarded(t *testing.T) {
	var none []int
	for name, do := range map[string]func() error{
		"index": func() error { return errors.New(strings.Repeat("x", none[len(none)])) },
		"error": func() error { panic(io.ErrUnexpectedEOF) },
		"text":  func() error { panic("a text") },
	} {
		p, ok := errors.AsType[*audit.Panic](audit.Guarded(do))
		if !ok || !strings.Contains(string(p.Stack), "TestGuarded") || p.Error() == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if err := audit.Guarded(func() error { panic(io.ErrUnexpectedEOF) }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("what was panicked with is lost: %v", err)
	}
	if err := audit.Guarded(func() error { return io.EOF }); err != io.EOF {
		t.Errorf("an error is changed: %v", err)
	}
	if err := audit.Guarded(func() error { return nil }); err != nil {
		t.Errorf("an error of nothing: %v", err)
	}
}
