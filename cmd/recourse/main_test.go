package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program itself: as the command recourse
// of the test scripts, and as a process of its own that can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("RECOURSE_TEST_MAIN") != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"recourse": main})
}
