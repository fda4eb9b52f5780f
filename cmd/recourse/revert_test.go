package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// TestRevert takes an attacker's changes back over the whole path: watch,
// select, plan, apply, verify, and watch and plan again. It runs on the built-in
// server of both lines, and on a live one when HARPER_TEST_URL is set: only
// there is it known that the writes do what they should.
func TestRevert(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			srv := harpertest.New(harpertest.Options{Line: line})
			t.Cleanup(func() { srv.Close() })
			dog := audit.Table{Database: "contract", Name: "Dog"}
			srv.CreateTable(dog, harpertest.Schema{Exported: true})
			testRevert(t, rig{ops: srv.OpsURL(), rest: srv.RESTURL(), user: "admin", password: "secret", restTable: dog})
		})
	}
	t.Run("live", func(t *testing.T) {
		r := rig{
			ops: os.Getenv("HARPER_TEST_URL"), rest: os.Getenv("HARPER_TEST_REST_URL"),
			user: os.Getenv("HARPER_TEST_USERNAME"), password: os.Getenv("HARPER_TEST_PASSWORD"),
		}
		if r.ops == "" {
			t.Skip("HARPER_TEST_URL names no live Harper")
		}
		if r.rest != "" {
			r.restTable = audit.Table{Database: "contract", Name: "Dog"}
		}
		testRevert(t, r)
	})
}

// A story is a table with what honest users and the attacker do to it.
type story struct {
	t     *testing.T
	rig   rig
	table audit.Table
	id    func(string) string
	honest,
	attacker *harper.Client
}

func testRevert(t *testing.T, r rig) {
	name := fmt.Sprintf("revert%06d", rand.IntN(1e6))
	admin := clientAs(t, r, r.user, r.password)
	for _, user := range []string{"mallory" + name, "svc" + name} {
		if _, err := admin.Call(t.Context(), map[string]any{
			"operation": "add_user", "username": user, "password": "pw-" + user, "role": "super_user", "active": true,
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = admin.Call(t.Context(), map[string]any{"operation": "drop_user", "username": user})
		})
	}
	plain := audit.Table{Database: name, Name: "items"}
	for _, op := range []map[string]any{
		{"operation": "create_database", "database": name, "schema": name},
		{"operation": "create_table", "database": name, "schema": name, "table": plain.Name, "primary_key": "id", "hash_attribute": "id"},
	} {
		if _, err := admin.Call(t.Context(), op); err != nil {
			t.Fatal(err)
		}
	}
	tables := []audit.Table{plain}
	if r.restTable != (audit.Table{}) {
		tables = append(tables, r.restTable)
	}
	data := t.TempDir()
	must(t, command(r, data, "watch", "--once"))
	for _, table := range tables {
		s := &story{
			t: t, rig: r, table: table, honest: admin, attacker: clientAs(t, r, "mallory"+name, "pw-mallory"+name),
			id: func(n string) string { return name + "-" + n },
		}
		s.before()
		must(t, command(r, data, "watch", "--once")) // the tail sees each image in time
		s.attack()
		must(t, command(r, data, "watch", "--once"))
		s.after()
		must(t, command(r, data, "watch", "--once"))
	}
	sel, plan := filepath.Join(data, "sel.json"), filepath.Join(data, "plan.rvp")
	must(t, command(r, data, "revert", "select", "--user", "mallory"+name, "-o", sel))
	planned := command(r, data, "revert", "plan", sel, "-o", plan)
	if out, _ := planned.CombinedOutput(); planned.ProcessState.ExitCode() != exitConflicts {
		t.Fatalf("plan: exit %d, want %d for the order that somebody worked on\n%s", planned.ProcessState.ExitCode(), exitConflicts, out)
	}
	apply := func() map[string]any {
		t.Helper()
		args := []string{"revert", "apply", plan, "-o", "json", "--attacker-contained-by", "this test"}
		if r.rest != "" {
			args = append(args, "--rest-target", r.rest)
		}
		cmd := command(r, data, args...)
		cmd.Env = append(cmd.Env, "HARPER_CLI_USERNAME=svc"+name, "HARPER_CLI_PASSWORD=pw-svc"+name)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, _ := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != exitConflicts {
			t.Fatalf("apply: exit %d\n%s\n%s", code, out, stderr.String())
		}
		var res map[string]any
		if err := json.Unmarshal(out, &res); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return res
	}
	want := float64(4 * len(tables))
	if res := apply(); res["applied"] != want || res["verified"] != want || res["failed"] != 0.0 || res["unknown"] != 0.0 {
		t.Fatalf("apply: %v, want %v applied and verified", res, want)
	}
	if res := apply(); res["applied"] != 0.0 || res["verified"] != want {
		t.Errorf("apply again: %v, want nothing applied", res)
	}
	must(t, command(r, data, "revert", "verify", plan))
	for _, table := range tables {
		s := &story{t: t, rig: r, table: table, honest: admin, id: func(n string) string { return name + "-" + n }}
		s.check()
	}
	must(t, command(r, data, "watch", "--once"))
	again := filepath.Join(data, "again.rvp")
	replanned := command(r, data, "revert", "plan", sel, "-o", again)
	out, _ := replanned.CombinedOutput()
	if !strings.Contains(string(out), " 0 patch, 0 insert, 0 delete") {
		t.Errorf("planning the same selection after the apply: %s", out)
	}
}

func clientAs(t testing.TB, r rig, user, password string) *harper.Client {
	t.Helper()
	c, err := harper.New(harper.Options{Target: r.ops, REST: r.rest, Username: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func must(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args[1:], err, out)
	}
}

func (s *story) record(id string, fields map[string]any) audit.Value {
	s.t.Helper()
	all := map[string]any{"id": s.id(id)}
	maps.Copy(all, fields)
	v, err := audit.Of(all)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *story) insert(c *harper.Client, id string, fields map[string]any) {
	s.t.Helper()
	if _, err := c.Insert(s.t.Context(), s.table, []audit.Value{s.record(id, fields)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) update(c *harper.Client, id string, fields map[string]any) {
	s.t.Helper()
	if _, err := c.Update(s.t.Context(), s.table, []audit.Value{s.record(id, fields)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) delete(c *harper.Client, id string) {
	s.t.Helper()
	if _, err := c.Delete(s.t.Context(), s.table, []audit.ID{audit.ID(audit.Text(s.id(id)).JSON())}); err != nil {
		s.t.Fatal(err)
	}
}

// before is honest work; attack is not; after is honest again.
func (s *story) before() {
	for i := range 4 {
		s.insert(s.honest, fmt.Sprint(i), map[string]any{"name": "rex", "owner": "ann", "age": i + 1})
	}
}

func (s *story) attack() {
	s.update(s.attacker, "0", map[string]any{"owner": "mallory"})
	s.update(s.attacker, "1", map[string]any{"owner": "mallory", "tags": "pwned"})
	s.delete(s.attacker, "2")
	s.insert(s.attacker, "fake", map[string]any{"name": "fake"})
	s.insert(s.attacker, "packed", map[string]any{"name": "fake"})
}

func (s *story) after() {
	s.update(s.honest, "0", map[string]any{"age": 41})
	s.update(s.honest, "packed", map[string]any{"age": 1})
}

// check holds the records against what they would be without the attack.
func (s *story) check() {
	s.t.Helper()
	want := map[string]map[string]any{
		"0":      {"name": "rex", "owner": "ann", "age": 41},
		"1":      {"name": "rex", "owner": "ann", "age": 2, "tags": nil},
		"2":      {"name": "rex", "owner": "ann", "age": 3},
		"3":      {"name": "rex", "owner": "ann", "age": 4},
		"packed": {"name": "fake", "age": 1},
	}
	var ids []audit.ID
	for n := range want {
		ids = append(ids, audit.ID(audit.Text(s.id(n)).JSON()))
	}
	fake := audit.ID(audit.Text(s.id("fake")).JSON())
	live, err := s.honest.Records(s.t.Context(), s.table, append(ids, fake))
	if err != nil {
		s.t.Fatal(err)
	}
	if live[fake] != nil {
		s.t.Errorf("%s: the record that the attacker made is still there", s.table)
	}
	for n, fields := range want {
		got := live[audit.ID(audit.Text(s.id(n)).JSON())]
		for name, v := range fields {
			w, err := audit.Of(v)
			if err != nil {
				s.t.Fatal(err)
			}
			if g := got.Get(name); !g.Equal(w) && (v != nil || g != nil) {
				s.t.Errorf("%s %s: %s is %s, want %s", s.table, n, name, g.JSON(), w.JSON())
			}
		}
	}
}
