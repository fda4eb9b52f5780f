package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/revert"
)

// TestIncidentWhileWriting replays the captured incident on a Harper, takes it back
// while an honest client keeps writing to the same records, and holds every record
// against what it would be without the attack: each is so, or is in a conflict that
// the plan lists. It runs on the built-in server, of both lines with RECOURSE_SOAK,
// and on a live one when HARPER_TEST_URL and HARPER_TEST_REST_URL are set, where
// HARPER_TEST_FEED=component makes the images exact, as they are here. A live Harper is
// best wiped afterwards: the records stay, and on RocksDB their mix of PUT and PATCH
// makes every later reading of that table's log slow.
func TestIncidentWhileWriting(t *testing.T) {
	things := audit.Table{Database: "contract", Name: "Thing"}
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			if line == harpertest.LMDB && os.Getenv("RECOURSE_SOAK") == "" {
				t.Skip("RECOURSE_SOAK is not set")
			}
			t.Parallel()
			srv := harpertest.New(harpertest.Options{Line: line})
			t.Cleanup(func() { srv.Close() })
			srv.CreateTable(things, harpertest.Schema{Exported: true})
			srv.InstallFeed()
			replayIncident(t, rig{feed: "component", ops: srv.OpsURL(), rest: srv.RESTURL(), user: "admin", password: "secret", restTable: things})
		})
	}
	t.Run("live", func(t *testing.T) {
		r := live(t)
		if r.rest == "" {
			t.Skip("HARPER_TEST_REST_URL names no REST address")
		}
		r.restTable = things
		replayIncident(t, r)
	})
}

// A replayed is the captured incident, done again on some Harper: all its tables in
// one, as records of one name.
type replayed struct {
	*site
	name    string
	clients map[string]*harper.Client    // by the user in the capture
	want    map[audit.ID]audit.Value     // what the records are without the attack
	touched map[audit.ID]map[string]bool // the attributes that the attacker wrote; "": the record as a whole
	plan    *revert.Plan

	honest int // writes made while the attack was taken back
}

const incidentPath = "../../testdata/incidents/rocksdb"

func replayIncident(t *testing.T, r rig) {
	in := &replayed{site: newSite(t, r), clients: map[string]*harper.Client{}, want: map[audit.ID]audit.Value{}, touched: map[audit.ID]map[string]bool{}}
	defer in.drop(t)
	in.name = in.prefix
	for _, user := range []string{"mallory", "svc", "svc-pay", "svc-shop", "dora", "bram", "chen", "alice", "admin"} {
		addUser(t, in.client, user+in.name)
		in.clients[user] = clientAs(t, r, user+in.name, "pw-"+user+in.name)
	}
	clean := in.clean(t)
	began := time.Now()
	in.once(t)
	w := startWatch(t, in.site)
	n := in.replay(t)
	<-w.stored // so it is following
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-w.read
	_ = w.cmd.Wait()
	in.once(t)
	t.Logf("replayed %d changes in %s", n, time.Since(began).Round(time.Millisecond))
	sel := filepath.Join(in.data, "sel.json")
	must(t, command(r, in.data, "revert", "select", "--user", "mallory"+in.name, "-o", sel))
	in.wanted(t, clean)
	in.takeBack(t, sel)
	in.check(t)
}

func (in *replayed) id(table string, id audit.ID) audit.ID {
	return audit.ID(audit.Text(in.name + "-" + table + "-" + strings.Trim(string(id), `"`)).JSON())
}

// plain is a record as it is sent: with our key, and without the times that the
// server of the capture assigned.
func (in *replayed) plain(id audit.ID, v audit.Value) audit.Value {
	for _, name := range []string{"__createdtime__", "__updatedtime__", "updated", "created"} {
		v = v.With(name, nil)
	}
	return v.With("id", id.Value())
}

// takeBack plans and applies, and plans and applies what the honest client's
// writes have left over, until there is nothing more to write. The client stops
// after the second apply.
func (in *replayed) takeBack(t *testing.T, sel string) {
	t.Helper()
	stop := func() {}
	for round := 1; round <= 8; round++ {
		path := filepath.Join(in.data, fmt.Sprintf("plan%d.rvp", round))
		planned := command(in.rig, in.data, "revert", "plan", sel, "-o", path,
			"--counter", in.restTable.String()+".balance", "--counter", in.restTable.String()+".stock")
		if out, _ := planned.CombinedOutput(); planned.ProcessState.ExitCode() != exitConflicts && planned.ProcessState.ExitCode() != exitOK {
			t.Fatalf("plan: exit %d\n%s", planned.ProcessState.ExitCode(), out)
		}
		plan, err := readPlan(systemEnv(), path)
		if err != nil {
			t.Fatal(err)
		}
		in.plan = plan
		t.Logf("round %d: %+v, conflicts %v", round, plan.Header.Counts, plan.Header.Classes)
		if len(plan.Actions) == 0 {
			stop()
			return
		}
		if round == 1 {
			stop = in.keepWriting(t, plan)
		}
		apply := command(in.rig, in.data, "revert", "apply", path, "-o", "json", "--rest-target", in.rest, "--attacker-contained-by", "this test")
		apply.Env = append(apply.Env, "HARPER_CLI_USERNAME=svc"+in.name, "HARPER_CLI_PASSWORD=pw-svc"+in.name)
		var stderr strings.Builder
		apply.Stderr = &stderr
		out, _ := apply.Output()
		var res map[string]any
		if err := json.Unmarshal(out, &res); err != nil {
			t.Fatalf("apply: exit %d: %v\n%s", apply.ProcessState.ExitCode(), err, stderr.String())
		}
		t.Logf("applied: exit %d: %v verified, %v repaired, %v skipped, %v raced, %v failed, %v unknown, %v; %v ms", apply.ProcessState.ExitCode(),
			res["verified"], res["repaired"], res["skipped"], res["raced"], res["failed"], res["unknown"], res["classes"], res["took_ms"])
		if notes, ok := res["notes"].([]any); ok {
			for _, n := range notes[:min(len(notes), 5)] {
				t.Log(n)
			}
		}
		if round == 2 {
			stop()
		}
		in.once(t)
	}
	t.Error("there is something to write after every apply")
}

// keepWriting writes to the records that the plan patches, until it is told to
// stop: an attribute of its own, one that the attacker has written, or an
// increment.
func (in *replayed) keepWriting(t *testing.T, plan *revert.Plan) (stop func()) {
	t.Helper()
	var actions []*revert.Action
	for i := range plan.Actions {
		if a := &plan.Actions[i]; a.Do == revert.DoPatch && in.want[a.K.ID] != nil {
			actions = append(actions, a)
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		d := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-done:
				return
			default:
			}
			if a := actions[d.IntN(len(actions))]; !in.write(t, a, d) {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { close(done); <-ended }) }
	t.Cleanup(stop)
	return stop
}

// write makes one honest write, which the record is to show in the end.
func (in *replayed) write(t *testing.T, a *revert.Action, d *rand.Rand) bool {
	in.honest++
	id := a.K.ID
	name, v := "note", audit.Text(fmt.Sprintf("honest %d", in.honest))
	sent := v
	switch d.IntN(4) {
	case 0:
		for other, set := range a.Set {
			if set.Kind() == audit.KindText {
				name = other
			}
		}
	case 1:
		for other := range a.Add {
			sum, _ := in.want[id].Get(other).Float64()
			name, v = other, audit.Float(sum+1)
			sent = audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": audit.Int(1)})
		}
	}
	if err := in.clients["alice"].Patch(t.Context(), in.restTable, id, audit.Object(map[string]audit.Value{name: sent})); err != nil {
		t.Errorf("honest write to %s: %v", id, err)
		return false
	}
	in.want[id] = in.want[id].With(name, v)
	return true
}
