package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

// clean reads what the records were in the run of the scenario without the attack.
func (in *replayed) clean(t *testing.T) map[audit.ID]audit.Value {
	t.Helper()
	all := map[audit.ID]audit.Value{}
	files, err := filepath.Glob(filepath.Join(incidentPath, "state-counterfactual", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state: %v", err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sessions.json") {
			continue // as in deeds
		}
		var rows []audit.Value
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		table := strings.TrimSuffix(filepath.Base(f), ".json")
		for _, row := range rows {
			id, err := audit.IDOf(row.Get("id"))
			if err != nil {
				t.Fatal(err)
			}
			id = in.id(table, id)
			all[id] = in.plain(id, row)
		}
	}
	return all
}

// wanted is what the records should be: as they are, but for what the attacker
// wrote, which is as in the clean run. (The two runs differ elsewhere: keys that a
// server made, for one.)
func (in *replayed) wanted(t *testing.T, clean map[audit.ID]audit.Value) {
	t.Helper()
	ids := map[audit.ID]bool{}
	for _, d := range in.deeds(t) {
		id := in.id(d.Table, d.ID)
		ids[id] = true
		if d.User != "mallory" {
			continue
		}
		if in.touched[id] == nil {
			in.touched[id] = map[string]bool{}
		}
		in.touched[id][""] = in.touched[id][""] || d.Type != "patch" && d.Operation != audit.OpUpdate || clean[id] == nil
		for name := range in.plain(id, d.Raw).Fields() {
			in.touched[id][name] = true
		}
	}
	live, err := in.client.Records(t.Context(), in.restTable, slices.Collect(maps.Keys(ids)))
	if err != nil {
		t.Fatal(err)
	}
	for id := range ids {
		switch touched := in.touched[id]; {
		case touched[""]:
			in.want[id] = clean[id]
		default:
			in.want[id] = live[id]
			for name := range touched {
				in.want[id] = in.want[id].With(name, clean[id].Get(name))
			}
		}
	}
}

// A deed is one entry of the capture.
type deed struct {
	LocalTime audit.Time  `json:"localTime"`
	Type      string      `json:"type"`
	Version   audit.Time  `json:"version"`
	Operation audit.Op    `json:"operation"`
	ID        audit.ID    `json:"id"`
	User      string      `json:"user"`
	Raw       audit.Value `json:"raw"`
	Table     string      `json:"table"`
}

// deeds are the entries in their order, those of the attacker as mallory's.
func (in *replayed) deeds(t *testing.T) []deed {
	t.Helper()
	var truth struct {
		Malicious []struct {
			DB, Table, Type string
			Timestamp       audit.Time
			ID              audit.ID
		}
	}
	data, err := os.ReadFile(filepath.Join(incidentPath, "truth.json"))
	if err == nil {
		err = json.Unmarshal(data, &truth)
	}
	if err != nil {
		t.Fatal(err)
	}
	evil := map[string]bool{}
	for _, m := range truth.Malicious {
		evil[fmt.Sprint(m.DB, ".", m.Table, m.Type, m.ID, m.Timestamp)] = true
	}
	var all []deed
	for _, db := range []string{"bank", "shop"} {
		f, err := os.Open(filepath.Join(incidentPath, "store", db+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var d deed
			if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			if d.Table == "sessions" {
				continue // its records expire, and nothing was done to them
			}
			d.Table = db + "." + d.Table
			switch {
			case evil[fmt.Sprint(d.Table, d.Type, d.ID, d.Version)]:
				d.User = "mallory"
			case d.User == "":
				d.User = "admin"
			}
			all = append(all, d)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortStableFunc(all, func(a, b deed) int { return int(math.Copysign(1, float64(a.LocalTime-b.LocalTime))) })
	return all
}

// replay does the deeds, those to one record in their order.
func (in *replayed) replay(t *testing.T) int {
	t.Helper()
	all := in.deeds(t)
	byRecord := map[audit.ID][]deed{}
	for _, d := range all {
		id := in.id(d.Table, d.ID)
		byRecord[id] = append(byRecord[id], d)
	}
	work := make(chan audit.ID)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for id := range work {
				for _, d := range byRecord[id] {
					in.do(t, id, d)
				}
			}
		})
	}
	for _, id := range slices.Sorted(maps.Keys(byRecord)) {
		work <- id
	}
	close(work)
	wg.Wait()
	return len(all)
}

func (in *replayed) do(t *testing.T, id audit.ID, d deed) {
	c, ctx, v := in.clients[d.User], t.Context(), in.plain(id, d.Raw)
	var err error
	switch {
	case d.Type == "delete":
		_, err = c.Delete(ctx, in.restTable, []audit.ID{id})
	case d.Operation == audit.OpInsert:
		_, err = c.Insert(ctx, in.restTable, []audit.Value{v})
	case d.Operation == audit.OpUpdate:
		_, err = c.Update(ctx, in.restTable, []audit.Value{v})
	case d.Operation == audit.OpUpsert:
		_, err = c.Upsert(ctx, in.restTable, []audit.Value{v})
	case d.Type == "patch":
		err = c.Patch(ctx, in.restTable, id, v.With("id", nil))
	default:
		err = c.Put(ctx, in.restTable, id, v)
	}
	if err != nil {
		t.Errorf("%s %s %s: %v", d.User, d.Type, id, err)
	}
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

// check holds the records against what they should be.
func (in *replayed) check(t *testing.T) {
	t.Helper()
	live, err := in.client.Records(t.Context(), in.restTable, slices.Collect(maps.Keys(in.want)))
	if err != nil {
		t.Fatal(err)
	}
	same, listed := 0, 0
	for id := range in.want {
		wrong := in.apart(id, live[id])
		if len(wrong) == 0 {
			same++
			continue
		}
		listed++
		for _, name := range wrong {
			if !in.listed(id, name) {
				t.Errorf("%s: %s is %s, want %s, and no conflict says so", id, name, live[id].Get(name).JSON(), in.want[id].Get(name).JSON())
			}
		}
	}
	t.Logf("%d honest writes meanwhile; of %d records %d are as without the attack, %d are listed conflicts", in.honest, len(in.want), same, listed)
	if listed*20 > len(in.want) {
		t.Errorf("%d of %d records are in conflicts", listed, len(in.want))
	}
}

// apart names the attributes in which a record is not as it should be; "id" alone
// is its being there.
func (in *replayed) apart(id audit.ID, got audit.Value) []string {
	want := in.want[id]
	if (got == nil) != (want == nil) {
		return []string{"id"}
	}
	var out []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(got.Names(), want.Names()...)))) {
		g, w := got.Get(name), want.Get(name)
		x, _ := g.Float64()
		y, _ := w.Float64()
		blank := func(v audit.Value) bool { return v == nil || v.Kind() == audit.KindNull }
		number := !blank(g) && !blank(w) && (x != 0 || y != 0)
		if strings.HasPrefix(name, "__") || blank(g) && blank(w) || g.Equal(w) || number && math.Abs(x-y) < 1e-6 {
			continue
		}
		out = append(out, name)
	}
	return out
}

func (in *replayed) listed(id audit.ID, name string) bool {
	return slices.ContainsFunc(in.plan.Conflicts, func(c revert.Conflict) bool {
		_, named := c.Attrs[name]
		return c.K.ID == id && (c.Record || named)
	})
}
