package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestHelpsNameExitCodes: the help of every command names its exit codes, each is
// one that the program and docs/cli.md know, and what all have in common is said.
func TestHelpsNameExitCodes(t *testing.T) {
	source, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\texit[A-Z]\w+\s+= (\d+)`).FindAllSubmatch(source, -1) {
		known[string(m[1])] = true
	}
	docs, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := bytes.Cut(docs, []byte("## Exit codes"))
	table, _, _ = bytes.Cut(table, []byte("\n## "))
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllSubmatch(table, -1) {
		documented[string(m[1])] = true
	}
	if len(known) < 16 || len(documented) != len(known) {
		t.Errorf("%d codes in exit.go, %d in docs/cli.md", len(known), len(documented))
	}
	code := regexp.MustCompile(`(?:^|[;,] |codes: |and |or )(\d+)\b`)
	var each func(commands []*cli.Command, above string)
	each = func(commands []*cli.Command, above string) {
		for _, c := range commands {
			name := above + c.Name
			if len(c.Subcommands) > 0 {
				each(c.Subcommands, name+" ")
				continue
			}
			if c.Name == "help" {
				continue
			}
			_, codes, named := strings.Cut(c.Description, "Exit codes: ")
			if !named {
				t.Errorf("%s: its help names no exit codes", name)
				continue
			}
			codes, _, _ = strings.Cut(codes, "\n\n")
			for _, m := range code.FindAllStringSubmatch("codes: "+codes, -1) {
				if !known[m[1]] || !documented[m[1]] {
					t.Errorf("%s: code %s is not in exit.go and docs/cli.md", name, m[1])
				}
			}
			if !strings.Contains(c.CustomHelpTemplate, commonHelp) {
				t.Errorf("%s: its help does not end with the codes of all", name)
			}
		}
	}
	each(newApp(&env{}).Commands, "")
}
