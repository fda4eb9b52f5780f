package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"recourse/audit"
)

// TestDefectIsLogged: a panic that became an error is told like any, and the log has
// where it was.
func TestDefectIsLogged(t *testing.T) {
	var alone, beside, told bytes.Buffer
	err := fmt.Errorf("search: %w", audit.Guarded(func() error { panic("a\x1b[31mdefect") }))
	complain(&env{stderr: &alone}, err, exitCode(t.Context(), err), false)
	d := &daemon{log: slog.New(slog.NewTextHandler(&beside, nil))}
	complain(&env{stderr: &told, beside: d}, err, exitCode(t.Context(), err), false)
	for name, log := range map[string]string{"alone": alone.String(), "beside": beside.String()} {
		if !strings.Contains(log, "TestDefectIsLogged") || strings.Contains(log, "\x1b") {
			t.Errorf("%s: %q", name, log)
		}
	}
	if s := told.String(); !strings.Contains(s, "recourse: search: a defect of the program") || strings.Contains(s, "TestDefect") {
		t.Errorf("who asked is told %q", s)
	}
}
