package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"recourse/audit"
	"recourse/internal/harpertest"
)

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
