package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// A badInput is something that goes wrong, and how the program must end.
type badInput struct {
	name string
	args func(data string) []string
	env  map[string]string
	code int
	says string // in the error
	new  int    // changes stored in spite of it
}

// TestBadInput: each gives one clear error with a hint and its exit code, and
// leaves the store as it was. Only the rest of an answer that the server itself
// cut short is stored: it is evidence.
func TestBadInput(t *testing.T) {
	const groups = `[{"operation":"insert","user_name":"ann","timestamp":1795470364242.5806,"hash_values":[1],"records":[{"id":1}]}`
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	imports := func(path string) func(string) []string {
		return func(string) []string { return []string{"import", path, "--database", "dev", "--table", "dog"} }
	}
	good := `{"request":{"operation":"read_audit_log","database":"dev","table":"dog"},"response":` + groups + `]}`
	cases := []badInput{
		{name: "a truncated answer", args: imports(file("a.json", groups)), code: exitInput, says: "a.json"},
		{name: "a truncated capture", args: imports(file("b.json", good[:len(good)-20])), code: exitInput, says: "b.json"},
		{name: "a broken line behind good ones", args: imports(file("c.jsonl", good+"\n"+good[:50]+"\n")), code: exitInput, says: "c.jsonl:2"},
		{name: "an error element", args: imports(file("d.json", groups+`,{"error":"TypeError: x"}]`)), code: exitPartly, new: 1},
		{name: "no table", args: func(string) []string { return []string{"import", file("e.json", groups+"]")} }, code: exitInput, says: "--database"},
		{name: "no such file", args: imports("/nowhere/f.json"), code: exitInput, says: "/nowhere/f.json"},
		{name: "an empty file", args: imports(file("g.json", "")), code: exitInput, says: "empty"},
		{name: "no audit log", args: imports(file("h.json", `{"request":{"operation":"describe_all"},"response":{}}`)), code: exitInput, says: "no answer"},
		{name: "a bad query", args: func(string) []string { return []string{"search", "usr:eve"} }, code: exitUsage, says: "user"},
		{name: "an unknown command", args: func(string) []string { return []string{"serach", "x"} }, code: exitUsage, says: "search"},
		{name: "an unknown flag", args: func(string) []string { return []string{"search", "x", "--limt", "3"} }, code: exitUsage, says: "limt"},
		{name: "no argument", args: func(string) []string { return []string{"show"} }, code: exitUsage, says: "SEQ"},
		{name: "a flag behind the argument is a flag", args: func(string) []string { return []string{"search", "*", "--limit", "-1"} }, code: exitUsage, says: "limit"},
		{name: "a damaged plan", args: func(string) []string { return []string{"revert", "show", file("p.rvp", `{"kind":"revert-plan"}`)} }, code: exitInput, says: "plan"},
		{name: "a damaged selection", args: func(string) []string { return []string{"revert", "plan", file("s.json", `{"kind":"x"}`)} }, code: exitInput, says: "selection"},
		{name: "a rule file with a mistake", args: func(string) []string {
			return []string{"rules", "lint", file("r.yaml", "apiVersion: rules/v1\nrulez: []\n")}
		}, code: exitInput, says: "r.yaml:2:1"},
		{name: "everything selected by mistake", args: func(string) []string { return []string{"revert", "select"} }, code: exitUsage, says: "condition"},
		{name: "no target", args: func(string) []string { return []string{"watch", "--once"} }, code: exitUsage, says: "--target"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, 0) })
	}
}

// TestBadServer: what can be wrong with a Harper.
func TestBadServer(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		srv := harpertest.New(harpertest.Options{Line: line, Users: []harpertest.User{
			{Name: "admin", Password: "secret", SuperUser: true}, {Name: "bob", Password: "builder"},
		}})
		t.Cleanup(func() { srv.Close() })
		dog := audit.Table{Database: "dev", Name: "dog"}
		srv.CreateTable(dog, harpertest.Schema{})
		for i := range 40 {
			v, err := audit.Of(map[string]any{"id": i, "text": strings.Repeat("x", 100)})
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Put("ann", dog, audit.ID(fmt.Sprint(i)), v); err != nil {
				t.Fatal(err)
			}
		}
		watch := func(user, password string) badInput {
			return badInput{
				args: func(string) []string { return []string{"watch", "--once"} },
				env:  map[string]string{"HARPER_CLI_TARGET": srv.OpsURL(), "HARPER_CLI_USERNAME": user, "HARPER_CLI_PASSWORD": password},
				code: exitHarper,
			}
		}
		run := func(name string, c badInput, says string) {
			c.says = says
			t.Run(line.String()+"/"+name, func(t *testing.T) { c.check(t, 0) })
		}
		run("wrong password", watch("admin", "wrong"), "401")
		run("no permission", watch("bob", "builder"), "")
		gone := watch("admin", "secret")
		gone.env["HARPER_CLI_TARGET"] = "http://127.0.0.1:1"
		run("nobody there", gone, "127.0.0.1:1")
		srv.SetFault(func(r harpertest.Request) harpertest.Fault {
			return harpertest.Fault{Cut: r.Operation == "read_audit_log", CutAt: 60}
		})
		run("stops in mid-answer", watch("admin", "secret"), "dev.dog")
		srv.SetFault(func(r harpertest.Request) harpertest.Fault {
			if r.Operation == "read_audit_log" {
				return harpertest.Fault{Status: 503, Body: "Outstanding write transactions have too long of queue"}
			}
			return harpertest.Fault{}
		})
		run("too busy", watch("admin", "secret"), "503")
		srv.SetFault(nil)
		well := watch("admin", "secret")
		well.code, well.new = exitOK, 40
		t.Run(line.String()+"/and then well", func(t *testing.T) { well.check(t, 40) })
	}
}

func (c badInput) check(t *testing.T, atLeast int) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	var out, errs bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, lookup: func(k string) (string, bool) {
		v, ok := c.env[k]
		return v, ok
	}}
	args := append(append([]string{"recourse"}, c.args(data)...), "--data", data)
	if code := run(t.Context(), e, args); code != c.code {
		t.Fatalf("exit %d, want %d\n%s\n%s", code, c.code, out.String(), errs.String())
	}
	if c.says != "" && !strings.Contains(errs.String(), c.says) {
		t.Errorf("the error does not say %q:\n%s", c.says, errs.String())
	}
	if c.code != exitOK && c.code != exitPartly && !strings.Contains(errs.String(), "hint: ") {
		t.Errorf("no hint:\n%s", errs.String())
	}
	if strings.Contains(errs.String(), c.env["HARPER_CLI_PASSWORD"]) && c.env["HARPER_CLI_PASSWORD"] != "" {
		t.Errorf("the password is in the error:\n%s", errs.String())
	}
	var status struct{ Changes, Gaps int }
	stdout, stderr, code := runCommand(t, "status", "--data", data, "-o", "json")
	if code != 0 {
		t.Fatalf("status: exit %d\n%s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &status); err != nil {
		t.Fatal(err)
	}
	if c.code == exitOK && status.Changes >= atLeast {
		return
	}
	if status.Changes != c.new || (c.new == 0 && status.Gaps != 0) {
		t.Errorf("%d changes and %d gaps stored, want %d changes", status.Changes, status.Gaps, c.new)
	}
}
