package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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

// TestRefusedStepIsTriedAgain: what Harper refused was not made, so applying the
// same plan again, which planning anew gives as well, must be able to make it.
func TestRefusedStepIsTriedAgain(t *testing.T) {
	for _, status := range []int{403, 503, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, harpertest.RocksDB, false)
			s.insert("bob", fields{"id": "a", "owner": "ann"})
			s.update("mallory", fields{"id": "a", "owner": "mallory"})
			s.watch()
			s.plan()
			s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
				if isWrite(q) {
					return harpertest.Fault{Status: status, Body: "not now"}
				}
				return harpertest.Fault{}
			})
			if code, res, stderr := s.apply(); code != exitPartly || res["failed"] != 1.0 {
				t.Fatalf("apply while Harper refuses: exit %d %v\n%s", code, res, stderr)
			}
			s.srv.SetFault(nil)
			s.watch()
			s.plan()
			code, res, stderr := s.apply()
			if code != exitOK || res["verified"] != 1.0 || s.record(`"a"`).Get("owner").Text() != "ann" || s.entriesBy("svc") != 1 {
				t.Errorf("apply when Harper allows it: exit %d %v, owner %s\n%s", code, res, s.record(`"a"`).Get("owner").JSON(), stderr)
			}
			if code, res, _ := s.apply(); code != exitOK || res["applied"] != 0.0 || s.entriesBy("svc") != 1 {
				t.Errorf("apply when done: exit %d %v", code, res)
			}
		})
	}
}

// TestWholeWriteOverOtherAttribute: a write that replaces the whole record takes
// with it what somebody wrote to another attribute between the look and the
// write.
func TestWholeWriteOverOtherAttribute(t *testing.T) {
	for name, c := range map[string]struct {
		exported bool
		flags    []string
	}{
		"put": {true, []string{"--put"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, harpertest.LMDB, c.exported)
			s.insert("bob", fields{"id": "a", "owner": "ann", "age": 1})
			s.update("mallory", fields{"id": "a", "owner": "mallory", "tag": "pwned"})
			s.watch()
			s.plan(c.flags...)
			var once atomic.Bool
			s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
				if isWrite(q) && once.CompareAndSwap(false, true) {
					if err := s.srv.Patch("bob", s.table, `"a"`, s.value(fields{"age": 2})); err != nil {
						t.Error(err)
					}
				}
				return harpertest.Fault{}
			})
			code, res, stderr := s.apply()
			age := s.record(`"a"`).Get("age").JSON()
			if age == "1" && (code != exitPartly || res["raced"] != 1.0) {
				t.Errorf("apply destroyed age=2 and says: exit %d %v\n%s", code, res, stderr)
			}
			if age != "1" && code != exitOK {
				t.Errorf("apply kept age=2 and says: exit %d %v\n%s", code, res, stderr)
			}
		})
	}
}

// TestInsertUnderItsOwnKey: a record may hold another id than the key it is
// stored under. Made anew it must not end up under that other id.
func TestInsertUnderItsOwnKey(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, line, true)
			s.insert("bob", fields{"id": "a", "owner": "ann"})
			s.insert("bob", fields{"id": "bare", "owner": "ann"})
			if err := s.srv.Patch("bob", s.table, `"a"`, s.value(fields{"id": "zzz"})); err != nil {
				t.Fatal(err)
			}
			if err := s.srv.Put("bob", s.table, `"bare"`, s.value(fields{"owner": "ann"})); err != nil {
				t.Fatal(err)
			}
			s.watch()
			if _, err := s.as("mallory").Delete(t.Context(), s.table, []audit.ID{`"a"`, `"bare"`}); err != nil {
				t.Fatal(err)
			}
			s.watch()
			s.plan()
			code, res, stderr := s.apply("--canary", "0")
			if s.record(`"zzz"`) != nil {
				t.Errorf("a record of another id was made: exit %d %v\n%s", code, res, stderr)
			}
			if res["failed"] != 1.0 && s.record(`"a"`).Get("owner").Text() != "ann" {
				t.Errorf("a is %s: exit %d %v\n%s", s.record(`"a"`).JSON(), code, res, stderr)
			}
			if s.record(`"bare"`).Get("owner").Text() != "ann" {
				t.Errorf("bare is %s: exit %d %v\n%s", s.record(`"bare"`).JSON(), code, res, stderr)
			}
		})
	}
}

// TestRESTDownIsSaid: a REST address that was given and does not answer must not
// turn patches into whole writes silently.
func TestRESTDownIsSaid(t *testing.T) {
	s := newScene(t, harpertest.LMDB, true)
	s.insert("bob", fields{"id": "a", "owner": "ann"})
	s.update("mallory", fields{"id": "a", "owner": "mallory"})
	s.watch()
	s.plan()
	s.rig.rest = "http://127.0.0.1:1"
	if code, res, stderr := s.apply(); code == exitOK || s.entriesBy("svc") != 0 || !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("exit %d %v, %d writes\n%s", code, res, s.entriesBy("svc"), stderr)
	}
}

// TestReaderMayNotRead: whoever may write but not read the log could prove
// nothing, and must not begin.
func TestReaderMayNotRead(t *testing.T) {
	s := newScene(t, harpertest.RocksDB, true)
	s.insert("bob", fields{"id": "a", "owner": "ann"})
	s.insert("bob", fields{"id": "b", "owner": "ann"})
	s.update("mallory", fields{"id": "a", "owner": "mallory"})
	s.update("mallory", fields{"id": "b", "owner": "mallory"})
	s.update("bob", fields{"id": "b", "owner": "bea"})
	s.watch()
	s.plan()
	s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
		if q.Operation == "read_audit_log" {
			return harpertest.Fault{Status: 403, Body: "This operation is not authorized"}
		}
		return harpertest.Fault{}
	})
	code, _, stderr := s.apply()
	if code != exitHarper || s.entriesBy("svc") != 0 || !strings.Contains(stderr, "audit log needs") {
		t.Errorf("exit %d, %d writes\n%s", code, s.entriesBy("svc"), stderr)
	}
	if code, out, _ := s.run("revert", "status"); code != exitNothing {
		t.Errorf("status after an apply that could not begin: exit %d\n%s", code, out)
	}
}

// TestTwoAppliesOfOneIncrement: two data folders do not know of each other; an
// increment made by both is not proven.
func TestTwoAppliesOfOneIncrement(t *testing.T) {
	s := newScene(t, harpertest.LMDB, true)
	s.insert("bob", fields{"id": "a", "n": 100})
	s.update("mallory", fields{"id": "a", "n": 1000})
	if err := s.admin.Patch(t.Context(), s.table, `"a"`, s.value(fields{"n": fields{"__op__": "add", "value": 5}})); err != nil {
		t.Fatal(err)
	}
	s.watch()
	s.plan("--counter", "shop.items.n")
	var once atomic.Bool
	s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
		if isWrite(q) && once.CompareAndSwap(false, true) {
			if err := s.srv.Patch("svc", s.table, `"a"`, s.value(fields{"n": fields{"__op__": "add", "value": -900}})); err != nil {
				t.Error(err)
			}
		}
		return harpertest.Fault{}
	})
	code, res, stderr := s.apply()
	n := s.record(`"a"`).Get("n").JSON()
	if n == "105" || code == exitOK || res["verified"] == 1.0 {
		t.Errorf("the increment was made twice, n is %s: exit %d %v\n%s", n, code, res, stderr)
	}
}

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

// TestKilledApply kills apply again and again; every record is written once.
func TestKilledApply(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, line, true)
			const n = 40
			var ids []audit.ID
			for i := range n {
				s.insert("bob", fields{"id": i + 1, "owner": "ann", "n": 10})
			}
			for i := range n {
				switch i % 4 {
				case 0:
					s.update("mallory", fields{"id": i + 1, "owner": "mallory"})
				case 1:
					ids = append(ids, audit.ID(fmt.Sprint(i+1)))
				case 2:
					s.insert("mallory", fields{"id": fmt.Sprint("m", i)})
				case 3:
					s.update("mallory", fields{"id": i + 1, "n": 1000})
					if err := s.admin.Patch(t.Context(), s.table, audit.ID(fmt.Sprint(i+1)), s.value(fields{"n": fields{"__op__": "add", "value": 1}})); err != nil {
						t.Fatal(err)
					}
					s.watch()
				}
			}
			if _, err := s.as("mallory").Delete(t.Context(), s.table, ids); err != nil {
				t.Fatal(err)
			}
			s.watch()
			s.plan("--counter", "shop.items.n")
			var writes, requests atomic.Int64
			var kill atomic.Pointer[func()]
			s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
				if isWrite(q) {
					writes.Add(1)
				}
				k := requests.Add(1)
				f := kill.Load()
				if f != nil && k%13 == 0 {
					(*f)()
					if k%2 == 0 {
						return harpertest.Fault{Status: 599} // it never arrived
					}
				}
				return harpertest.Fault{}
			})
			kills := 0
			for {
				cmd := command(s.rig, s.data, "revert", "apply", s.file("plan.rvp"), "--rest-target", s.rig.rest, "-o", "json", "--attacker-contained-by", "this test")
				var out, stderr strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				stop := func() { _ = cmd.Process.Kill() }
				if kills < 60 {
					kill.Store(&stop)
				} else {
					kill.Store(nil)
				}
				_ = cmd.Wait()
				if cmd.ProcessState.ExitCode() >= 0 {
					t.Logf("exit %d after %d kills: %s %s", cmd.ProcessState.ExitCode(), kills, out.String(), stderr.String())
					if cmd.ProcessState.ExitCode() != exitOK && cmd.ProcessState.ExitCode() != exitOutcome {
						t.Errorf("exit %d\n%s", cmd.ProcessState.ExitCode(), stderr.String())
					}
					break
				}
				kills++
			}
			if kills < 3 {
				t.Errorf("killed only %d times", kills)
			}
			per := map[audit.ID]int{}
			for _, e := range s.srv.Entries("shop") {
				if e.User == "svc" {
					per[e.ID]++
				}
			}
			for id, k := range per {
				if k != 1 {
					t.Errorf("%s was written %d times", id, k)
				}
			}
			t.Logf("%d kills, %d writes asked, %d made", kills, writes.Load(), len(per))
		})
	}
}
