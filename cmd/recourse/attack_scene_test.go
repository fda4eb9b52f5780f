package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// A scene is a built-in Harper with a table that mallory has been at, and a
// data folder that has watched it.
type scene struct {
	t     *testing.T
	srv   *harpertest.Server
	rig   rig
	data  string
	table audit.Table
	admin *harper.Client
}

func newScene(t *testing.T, line harpertest.Line, exported bool) *scene {
	t.Helper()
	super := func(name string) harpertest.User {
		return harpertest.User{Name: name, Password: "secret", SuperUser: true}
	}
	srv := harpertest.New(harpertest.Options{Line: line, Users: []harpertest.User{super("admin"), super("bob"), super("mallory"), super("svc")}})
	t.Cleanup(func() { srv.Close() })
	s := &scene{t: t, srv: srv, data: t.TempDir(), table: audit.Table{Database: "shop", Name: "items"}}
	srv.CreateTable(s.table, harpertest.Schema{Exported: exported})
	s.rig = rig{ops: srv.OpsURL(), rest: srv.RESTURL(), user: "svc", password: "secret"}
	s.admin = clientAs(t, s.rig, "admin", "secret")
	return s
}

func (s *scene) as(user string) *harper.Client { return clientAs(s.t, s.rig, user, "secret") }

func (s *scene) value(v any) audit.Value {
	s.t.Helper()
	got, err := audit.Of(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

type fields = map[string]any

func (s *scene) insert(user string, record fields) {
	s.t.Helper()
	if _, err := s.as(user).Insert(s.t.Context(), s.table, []audit.Value{s.value(record)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) update(user string, record fields) {
	s.t.Helper()
	if _, err := s.as(user).Update(s.t.Context(), s.table, []audit.Value{s.value(record)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) watch() {
	s.t.Helper()
	must(s.t, command(s.rig, s.data, "watch", "--once"))
}

// run runs the program and gives its exit code and what it printed.
func (s *scene) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	cmd := command(s.rig, s.data, args...)
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), complaint.String()
}

func (s *scene) file(name string) string { return filepath.Join(s.data, name) }

// plan takes back all that mallory did.
func (s *scene) plan(flags ...string) {
	s.t.Helper()
	must(s.t, command(s.rig, s.data, "revert", "select", "--user", "mallory", "-o", s.file("sel.json")))
	args := append([]string{"revert", "plan", s.file("sel.json"), "-o", s.file("plan.rvp")}, flags...)
	if code, _, stderr := s.run(args...); code != exitOK {
		s.t.Fatalf("plan: exit %d\n%s", code, stderr)
	}
}

// apply carries the plan out, over REST if the scene's table has it.
func (s *scene) apply(flags ...string) (int, map[string]any, string) {
	s.t.Helper()
	args := append([]string{"revert", "apply", s.file("plan.rvp"), "--rest-target", s.rig.rest, "-o", "json", "--attacker-contained-by", "this test"}, flags...)
	code, stdout, stderr := s.run(args...)
	var res map[string]any
	if stdout != "" {
		if err := json.Unmarshal([]byte(stdout), &res); err != nil {
			s.t.Fatalf("%v\n%s", err, stdout)
		}
	}
	return code, res, stderr
}

func (s *scene) record(id string) audit.Value { return s.srv.Records(s.table)[audit.ID(id)] }

func (s *scene) entriesBy(user string) int {
	n := 0
	for _, e := range s.srv.Entries(s.table.Database) {
		if e.User == user {
			n++
		}
	}
	return n
}

func isWrite(q harpertest.Request) bool {
	switch q.Operation {
	case "insert", "update", "delete", "PATCH", "PUT":
		return true
	}
	return false
}
