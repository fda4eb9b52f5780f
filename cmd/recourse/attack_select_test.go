package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// TestAnotherServer: a plan that makes deleted records anew must not make them
// on a server that never knew them.
func TestAnotherServer(t *testing.T) {
	s := newScene(t, harpertest.LMDB, false)
	s.insert("bob", fields{"id": "a", "owner": "ann"})
	s.watch()
	if _, err := s.as("mallory").Delete(t.Context(), s.table, []audit.ID{`"a"`}); err != nil {
		t.Fatal(err)
	}
	s.watch()
	s.plan()
	other := newScene(t, harpertest.LMDB, false)
	s.rig = other.rig
	code, res, stderr := s.apply()
	if code == exitOK || other.entriesBy("svc") != 0 {
		t.Errorf("exit %d %v, %d writes on another server\n%s", code, res, other.entriesBy("svc"), stderr)
	}
}

// TestChangesOfAnotherFolder: a list's numbers are of the store it was made
// from; in another they are other changes.
func TestChangesOfAnotherFolder(t *testing.T) {
	s := newScene(t, harpertest.LMDB, false)
	for i := range 3 {
		s.insert("bob", fields{"id": fmt.Sprint("a", i), "owner": "ann"})
	}
	s.watch()
	other := newScene(t, harpertest.LMDB, false)
	for i := range 3 {
		other.insert("mallory", fields{"id": fmt.Sprint("b", i), "owner": "x"})
	}
	other.watch()
	_, out, _ := other.run("search", "*", "-o", "ndjson")
	if err := os.WriteFile(s.file("found"), []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := s.run("revert", "select", "--changes", s.file("found"), "-o", s.file("sel.json"))
	if code != exitInput {
		t.Errorf("select of another store's numbers: exit %d\n%s", code, stderr)
	}
	// A search that was cut off lists less than it found.
	_, out, _ = s.run("search", "*", "--limit", "2", "-o", "ndjson")
	if err := os.WriteFile(s.file("found"), []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = s.run("revert", "select", "--changes", s.file("found"), "-o", s.file("sel.json"))
	if !strings.Contains(stderr, "2 of") || !strings.Contains(stderr, "--limit 0") {
		t.Errorf("select of a search that was cut off says nothing of it: exit %d\n%s\n%s", code, stderr, out)
	}
}

// TestSelectByOddNames: names of users are names, not queries.
func TestSelectByOddNames(t *testing.T) {
	s := newScene(t, harpertest.LMDB, false)
	for i, user := range []string{"eve", "eve smith", `q"uote`, "", "null", `a\b`} {
		if err := s.srv.Put(user, s.table, audit.ID(fmt.Sprint(i)), s.value(fields{"id": i, "smith": "smithy"})); err != nil {
			t.Fatal(err)
		}
	}
	s.watch()
	for name, want := range map[string]int{"eve smi*": 1, "eve": 1, "eve*": 2, `q"uote`: 1, `q"*`: 1, "": 1, "null": 1, `a\b`: 1, "x) or (*": 0, "x or *": 0, "null*": 1} {
		code, out, stderr := s.run("revert", "select", "--user", name, "--table", "shop.*", "-o", "-")
		var sel struct {
			Events int
			Users  map[string]int
		}
		if code == exitOK || code == exitNothing {
			if err := json.Unmarshal([]byte(out), &sel); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(name, "eve smi") && sel.Users["eve smith"] != 1 {
			t.Errorf("--user %q: %v", name, sel.Users)
		}
		if sel.Events != want || code != exitOK && want > 0 {
			t.Errorf("--user %q: exit %d, %d changes, want %d\n%s", name, code, sel.Events, want, stderr)
		}
	}
	if code, _, _ := s.run("revert", "select", "--user", "eve", "--query", "x) or (*", "-o", "-"); code != exitUsage {
		t.Errorf("a query that closes a parenthesis it did not open: exit %d", code)
	}
}

// TestGapIsNamed: what the log does not show may be what the plan should give
// back; the plan says so.
func TestGapIsNamed(t *testing.T) {
	s := newScene(t, harpertest.LMDB, true)
	s.insert("bob", fields{"id": "a", "owner": "ann", "age": 1})
	s.insert("bob", fields{"id": "p", "owner": "ann"})
	// Patch, patch, delete cannot be read on LMDB.
	for i := range 2 {
		if err := s.srv.Patch("bob", s.table, `"p"`, s.value(fields{"owner": fmt.Sprint(i), fmt.Sprint("x", i): 1})); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.srv.Delete("bob", s.table, `"p"`); err != nil {
		t.Fatal(err)
	}
	s.update("mallory", fields{"id": "a", "owner": "mallory"})
	s.watch()
	if code, out, _ := s.run("status", "-o", "json"); !strings.Contains(out, "gaps") {
		t.Fatalf("status: exit %d\n%s", code, out)
	}
	must(t, command(s.rig, s.data, "revert", "select", "--user", "mallory", "-o", s.file("sel.json")))
	code, _, stderr := s.run("revert", "plan", s.file("sel.json"), "-o", s.file("plan.rvp"))
	_, shown, _ := s.run("revert", "show", s.file("plan.rvp"), "-o", "json")
	if code != exitOK || !strings.Contains(stderr, "log-gap") || !strings.Contains(shown, "log-gap") {
		t.Errorf("plan: exit %d\n%s\n%s", code, stderr, shown)
	}
}

// TestHostileValuesOnATerminal: names and values of records cannot steer the
// terminal of who looks at a plan or at an apply.
func TestHostileValuesOnATerminal(t *testing.T) {
	s := newScene(t, harpertest.LMDB, true)
	const evil = "\x1b]0;pwned\x07\x1b[2J\u202e|a|b|\n# h\r"
	s.insert("bob", fields{"id": "a" + evil, "owner": "ann", "x" + evil: evil})
	s.insert("bob", fields{"id": "b", "owner": "ann"})
	s.update("mallory", fields{"id": "a" + evil, "owner": evil, "x" + evil: "y"})
	s.update("mallory", fields{"id": "b", "owner": evil})
	s.watch()
	s.plan()
	s.update("bob", fields{"id": "b", "owner": "b" + evil}) // makes a step skipped, with a reason that quotes it
	var all strings.Builder
	for _, format := range []string{"table", "md", "csv", "yaml"} {
		_, out, errs := s.run("revert", "show", s.file("plan.rvp"), "-o", format)
		all.WriteString(out + errs)
		_, out, errs = s.run("revert", "apply", s.file("plan.rvp"), "--rest-target", s.rig.rest, "-o", format, "--attacker-contained-by", "this test")
		all.WriteString(out + errs)
		_, out, errs = s.run("revert", "verify", s.file("plan.rvp"), "-o", format)
		all.WriteString(out + errs)
		_, out, errs = s.run("revert", "status", s.file("plan.rvp"), "-o", format)
		all.WriteString(out + errs)
	}
	if i := strings.IndexAny(all.String(), "\x1b\x07\u202e\r"); i >= 0 {
		t.Errorf("a control character gets through: %q", all.String()[max(0, i-80):min(all.Len(), i+40)])
	}
	for _, line := range strings.Split(all.String(), "\n") {
		if strings.HasPrefix(line, "# h") {
			t.Errorf("a value makes a line of its own: %q", line)
		}
	}
}
