package report_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

// evidenceOf is a file of evidence of the story, and of a change whose texts mean harm.
func evidenceOf(t *testing.T, document bool, key ed25519.PrivateKey) string {
	t.Helper()
	var b bytes.Buffer
	w := report.NewEvidence(&b, document)
	if err := w.Head(report.EvidenceHead{Query: "*"}); err != nil {
		t.Fatal(err)
	}
	changes := append(story(), hostile())
	for i := range changes {
		changes[i].Seq = audit.Seq(i + 1)
		changes[i].ID = changes[i].Identify()
	}
	if err := w.Changes(changes); err != nil {
		t.Fatal(err)
	}
	if _, err := w.End(query.Summary{Count: len(changes)}, key); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func checked(text string) (*report.EvidenceCheck, int, error) {
	n := 0
	e, err := report.CheckEvidence(strings.NewReader(text), func(*report.EvidenceChange, []byte) error {
		n++
		return nil
	})
	return e, n, err
}

// TestEvidence: evidence is whole as it was written, in either form and whatever is in
// it; no line can be left out, said twice, moved or altered without its being told.
func TestEvidence(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []bool{false, true} {
		e, n, err := checked(evidenceOf(t, document, key))
		if err != nil || !e.Whole() || n != len(story())+1 || e.Changes != n {
			t.Fatalf("document %v: %d changes, %+v, %v", document, n, e, err)
		}
		if _, signed := e.Signed(); !signed {
			t.Error("it is not signed")
		}
	}
	text := evidenceOf(t, false, key)
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	bad := func(what string, lines []string) {
		t.Helper()
		if e, _, err := checked(strings.Join(lines, "")); err == nil && e.Whole() {
			t.Errorf("%s: it is whole", what)
		}
	}
	for i := range lines {
		bad("without a line", slices.Delete(slices.Clone(lines), i, i+1))
		bad("with a line twice", slices.Insert(slices.Clone(lines), i, lines[i]))
		if i > 0 {
			swapped := slices.Clone(lines)
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			bad("with lines in another order", swapped)
		}
		bad("cut off", lines[:i])
		for at := 7; at < len(lines[i])-2; at += 11 {
			altered := slices.Clone(lines)
			c := altered[i][at]
			altered[i] = lines[i][:at] + string(rune(c&^1|^c&1)) + lines[i][at+1:]
			if altered[i] != lines[i] {
				bad("with another byte", altered)
			}
		}
	}
	bad("with more behind it", append(slices.Clone(lines), "\n{}"))
	// A seal with the key of one and the signature of another.
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	forged := slices.Clone(lines)
	forged[len(forged)-1] = strings.Replace(lines[len(lines)-1], revert.PublicKey(key.Public().(ed25519.PublicKey)), revert.PublicKey(other.Public().(ed25519.PublicKey)), 1)
	bad("with the key of another", forged)
	beside := slices.Clone(lines)
	beside[len(beside)-1] = strings.Replace(lines[len(lines)-1], `{"seal"`, `{"note":"seen by a judge","seal"`, 1)
	bad("with words beside the seal", beside)
}

// TestEvidenceOfNamesThatAreNoText: what is no UTF-8 does not come back from JSON, and so
// its id cannot be worked out from the line; that is no alteration.
func TestEvidenceOfNamesThatAreNoText(t *testing.T) {
	for what, edit := range map[string]func(c *audit.Change){
		"cluster":  func(c *audit.Change) { c.Cluster = "c\xff" },
		"database": func(c *audit.Change) { c.Key.Table.Database = "d\xff" },
		"table":    func(c *audit.Change) { c.Key.Table.Name = "t\xff" },
		"key":      func(c *audit.Change) { c.Key.ID = "\"a\xffb\"" },
	} {
		c := story()[1]
		edit(&c)
		c.ID = c.Identify()
		var b bytes.Buffer
		w := report.NewEvidence(&b, false)
		if err := errors.Join(w.Head(report.EvidenceHead{Query: "*"}), w.Changes([]audit.Change{c})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.End(query.Summary{Count: 1}, nil); err != nil {
			t.Fatal(err)
		}
		if e, _, err := checked(b.String()); err != nil || !e.Whole() {
			t.Errorf("%s: %v, %+v", what, err, e)
		}
	}
}

// TestAlteredEvidence: what is learned of a change later is told from what nobody learns.
func TestAlteredEvidence(t *testing.T) {
	line := func(edit func(c *audit.Change)) []byte {
		c := story()[1]
		edit(&c)
		text, err := report.EvidenceLine(&c)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	nothing := func(*audit.Change) {}
	body := func(c *audit.Change) { c.After = present(`{"id":"c-17"}`, audit.Logged, audit.Exact) }
	unsure := func(c *audit.Change) { c.After.Trust = audit.Prompt }
	for _, tt := range []struct {
		what      string
		then, now func(*audit.Change)
		want      string
	}{
		{"the same", nothing, nothing, ""},
		{"a late change before it", nothing, func(c *audit.Change) { c.Before = audit.Image{} }, ""},
		{"an image that was not exact", unsure, body, ""},
		{"an image that was read as JSON", func(c *audit.Change) { c.Lossy = true }, body, ""},
		{"a user that was not known", func(c *audit.Change) { c.User = "" }, nothing, ""},
		{"an operation that another node knows better", nothing, func(c *audit.Change) { c.Op = audit.OpInsert }, ""},
		{"another image", nothing, body, "after"},
		{"another user", nothing, func(c *audit.Change) { c.User = "ann" }, "user"},
		{"another time", nothing, func(c *audit.Change) { c.Time++ }, "time"},
		{"another number", nothing, func(c *audit.Change) { c.Seq++ }, "seq"},
		{"another key", nothing, func(c *audit.Change) { c.Key.ID = "1" }, "key"},
		{"another place in its transaction", nothing, func(c *audit.Change) { c.Group.Index = 0 }, "group"},
	} {
		if got, err := report.AlteredEvidence(line(tt.then), line(tt.now)); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.what, got, err, tt.want)
		}
	}
}
