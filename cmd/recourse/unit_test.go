package main

import (
	"os"
	"strings"
	"testing"
)

// TestUnitFlags: the systemd unit runs the program with flags that it has.
func TestUnitFlags(t *testing.T) {
	unit, err := os.ReadFile("../../deploy/systemd/recourse.service")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(unit), "\nExecStart=")
	if !ok {
		t.Fatal("the unit starts nothing")
	}
	line, _, _ = strings.Cut(line, "\n")
	words := strings.Fields(line)
	app := newApp(&env{stdin: strings.NewReader(""), stdout: &strings.Builder{}, stderr: &strings.Builder{}})
	command := findCommand(app.Commands, words[1])
	if command == nil {
		t.Fatalf("there is no command %q", words[1])
	}
	flags := 0
	for _, w := range words[2:] {
		name, isFlag := strings.CutPrefix(w, "--")
		if !isFlag {
			continue
		}
		flags++
		if findFlag(command.Flags, name) == nil && findFlag(app.Flags, name) == nil {
			t.Errorf("there is no flag --%s", name)
		}
	}
	if flags < 3 {
		t.Errorf("only %d flags were looked at: %s", flags, line)
	}
}
