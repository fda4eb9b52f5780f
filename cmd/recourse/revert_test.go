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
	"time"

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
	calm  time.Time // after the honest work that came first, before the attack
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
	l := &revertRun{t: t, rig: r, data: t.TempDir(), name: name}
	must(t, command(r, l.data, "watch", "--once"))
	for _, table := range tables {
		s := &story{
			t: t, rig: r, table: table, honest: admin, attacker: clientAs(t, r, "mallory"+name, "pw-mallory"+name),
			id: func(n string) string { return name + "-" + n },
		}
		l.stories = append(l.stories, s)
		s.before()
		must(t, command(r, l.data, "watch", "--once")) // the tail sees each image in time
		s.calm = time.Now()
		time.Sleep(5 * time.Millisecond) // the attack has a later time
		s.attack()
		must(t, command(r, l.data, "watch", "--once"))
		s.after()
		must(t, command(r, l.data, "watch", "--once"))
	}
	l.revert()
	l.undoAndRedo()
	l.restore()
}

// A revertRun is the way of the program through the stories.
type revertRun struct {
	t       *testing.T
	rig     rig
	data    string
	name    string
	stories []*story
}

func (l *revertRun) file(name string) string { return filepath.Join(l.data, name) }

// plan makes a plan and says what it printed.
func (l *revertRun) plan(want int, args ...string) string {
	l.t.Helper()
	cmd := command(l.rig, l.data, append([]string{"revert"}, args...)...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != want {
		l.t.Fatalf("%s: exit %d, want %d\n%s", args, got, want, out)
	}
	return string(out)
}

// apply carries a plan out as the user that does nothing else, and reads the log
// afterwards.
func (l *revertRun) apply(plan string, want int) map[string]any {
	l.t.Helper()
	args := []string{"revert", "apply", plan, "-o", "json", "--attacker-contained-by", "this test"}
	if l.rig.rest != "" {
		args = append(args, "--rest-target", l.rig.rest)
	}
	cmd := command(l.rig, l.data, args...)
	cmd.Env = append(cmd.Env, "HARPER_CLI_USERNAME=svc"+l.name, "HARPER_CLI_PASSWORD=pw-svc"+l.name)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != want {
		l.t.Fatalf("apply: exit %d, want %d\n%s\n%s", code, want, out, stderr.String())
	}
	var res map[string]any
	if err := json.Unmarshal(out, &res); err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	if res["failed"] != 0.0 || res["unknown"] != 0.0 || res["skipped"] != 0.0 {
		l.t.Fatalf("apply: %v", res)
	}
	must(l.t, command(l.rig, l.data, "watch", "--once"))
	return res
}

func (l *revertRun) revert() {
	l.t.Helper()
	sel, plan := l.file("sel.json"), l.file("plan.rvp")
	must(l.t, command(l.rig, l.data, "revert", "select", "--user", "mallory"+l.name, "-o", sel))
	l.plan(exitConflicts, "plan", sel, "-o", plan) // for the order that somebody worked on
	want := float64(4 * len(l.stories))
	if res := l.apply(plan, exitConflicts); res["applied"] != want || res["verified"] != want {
		l.t.Fatalf("apply: %v, want %v applied and verified", res, want)
	}
	if res := l.apply(plan, exitConflicts); res["applied"] != 0.0 || res["verified"] != want {
		l.t.Errorf("apply again: %v, want nothing applied", res)
	}
	must(l.t, command(l.rig, l.data, "revert", "verify", plan))
	l.check((*story).reverted)
	if out := l.plan(exitConflicts, "plan", sel, "-o", l.file("again.rvp")); !strings.Contains(out, " 0 patch, 0 insert, 0 delete") {
		l.t.Errorf("planning the same selection after the apply: %s", out)
	}
}

// undoAndRedo takes the apply back, which brings the attack back and leaves honest
// work alone, and does it again.
func (l *revertRun) undoAndRedo() {
	l.t.Helper()
	l.plan(exitOK, "undo", l.file("plan.rvp"), "-o", l.file("undo.rvp"))
	l.apply(l.file("undo.rvp"), exitOK)
	l.check((*story).attacked)
	l.plan(exitOK, "redo", l.file("plan.rvp"), "-o", l.file("redo.rvp"))
	l.apply(l.file("redo.rvp"), exitOK)
	l.check((*story).reverted)
}

// restore brings each table's records back to how they were before the attack, and
// takes that back too.
func (l *revertRun) restore() {
	l.t.Helper()
	for i, s := range l.stories {
		args := []string{"restore", "--at", s.calm.UTC().Format(time.RFC3339Nano)}
		for _, n := range []string{"0", "1", "2", "3", "fake", "packed"} {
			args = append(args, "--record", s.table.String()+"/"+s.id(n))
		}
		plan := l.file(fmt.Sprintf("restore%d.rvp", i))
		l.plan(exitOK, append(args, "-o", plan)...)
		l.apply(plan, exitOK)
		s.check(s.calmed())
		l.plan(exitOK, "undo", plan, "-o", plan+".undo")
		l.apply(plan+".undo", exitOK)
		s.check(s.reverted())
	}
}

func (l *revertRun) check(want func(*story) map[string]map[string]any) {
	l.t.Helper()
	for _, s := range l.stories {
		s.check(want(s))
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

// reverted is what the records are without the attack. The order that somebody
// worked on stays.
func (s *story) reverted() map[string]map[string]any {
	return map[string]map[string]any{
		"0":      {"name": "rex", "owner": "ann", "age": 41},
		"1":      {"name": "rex", "owner": "ann", "age": 2, "tags": nil},
		"2":      {"name": "rex", "owner": "ann", "age": 3},
		"3":      {"name": "rex", "owner": "ann", "age": 4},
		"fake":   nil,
		"packed": {"name": "fake", "age": 1},
	}
}

// attacked is what they are with it, and with the honest work that followed.
func (s *story) attacked() map[string]map[string]any {
	return map[string]map[string]any{
		"0":      {"name": "rex", "owner": "mallory", "age": 41},
		"1":      {"name": "rex", "owner": "mallory", "age": 2, "tags": "pwned"},
		"2":      nil,
		"3":      {"name": "rex", "owner": "ann", "age": 4},
		"fake":   {"name": "fake"},
		"packed": {"name": "fake", "age": 1},
	}
}

// calmed is what they were before it.
func (s *story) calmed() map[string]map[string]any {
	return map[string]map[string]any{
		"0":      {"name": "rex", "owner": "ann", "age": 1},
		"1":      {"name": "rex", "owner": "ann", "age": 2, "tags": nil},
		"2":      {"name": "rex", "owner": "ann", "age": 3},
		"3":      {"name": "rex", "owner": "ann", "age": 4},
		"fake":   nil,
		"packed": nil,
	}
}

// check holds the records against what they should be; nil is none.
func (s *story) check(want map[string]map[string]any) {
	s.t.Helper()
	var ids []audit.ID
	for n := range want {
		ids = append(ids, audit.ID(audit.Text(s.id(n)).JSON()))
	}
	live, err := s.honest.Records(s.t.Context(), s.table, ids)
	if err != nil {
		s.t.Fatal(err)
	}
	for n, fields := range want {
		got := live[audit.ID(audit.Text(s.id(n)).JSON())]
		if (got == nil) != (fields == nil) {
			s.t.Errorf("%s %s: is %s", s.table, n, got.JSON())
		}
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
