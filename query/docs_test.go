package query_test

import (
	"os"
	"strings"
	"testing"

	"recourse/query"
)

// TestExamplesOfTheDocs reads every example of docs/query.md, and back what it is
// printed as, and makes sure that each pipe and each field has one.
func TestExamplesOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/query.md")
	if err != nil {
		t.Fatal(err)
	}
	language := query.Language{Now: now, Condition: func(string) (query.Expr, error) {
		return query.Of(query.Where{Text: "x"}), nil
	}}
	examples, n := "", 0
	for i, block := range strings.Split(string(text), "```query\n") {
		if i == 0 {
			continue
		}
		block, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatal("a block is not closed")
		}
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			n++
			examples += " " + line + " "
			p, err := language.Parse(line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			again, err := language.Parse(p.String())
			if err != nil || again.String() != p.String() {
				t.Errorf("%s is printed as %s, which reads as %v, %v", line, p, again, err)
			}
		}
	}
	if n < 70 {
		t.Errorf("%d examples", n)
	}
	for _, name := range query.PipeNames() {
		if !strings.Contains(examples, "| "+name) {
			t.Errorf("there is no example of | %s", name)
		}
	}
	for _, name := range query.FieldNames() {
		if name == "lossy" || name == "after_trust" || name == "time" {
			continue // named in the table, as others are
		}
		if !strings.Contains(examples, name+":") && !strings.Contains(examples, name+">") && !strings.Contains(examples, name+"<") {
			t.Errorf("there is no example of %s:", name)
		}
	}
}
