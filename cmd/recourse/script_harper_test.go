package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// A scriptHarper is the server that a script started, and what it was asked
// since its faults were last set.
type scriptHarper struct {
	*harpertest.Server
	asked sync.Map
}

// faulty makes the server note what it is asked, and do f of it.
func (h *scriptHarper) faulty(f func(harpertest.Request) harpertest.Fault) {
	h.asked.Clear()
	h.SetFault(func(r harpertest.Request) harpertest.Fault {
		h.asked.Store(r.Operation, true)
		return f(r)
	})
}

func noFault(harpertest.Request) harpertest.Fault { return harpertest.Fault{} }

type harperOf struct{}

func harperIn(ts *testscript.TestScript) *scriptHarper {
	h := ts.Value(harperOf{}).(*scriptHarper)
	if h.Server == nil {
		ts.Fatalf("no Harper is started")
	}
	return h
}

var (
	customers = audit.Table{Database: "shop", Name: "customers"}
	stock     = audit.Table{Database: "shop", Name: "stock"}
)

func startHarper(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 && (args[0] == "lmdb" || args[0] == "rocksdb"), "harper lmdb|rocksdb")
	o := harpertest.Options{Users: []harpertest.User{
		{Name: "svc", Password: "svc-s3cret", SuperUser: true},
		{Name: "guest", Password: "guest-s3cret", Tables: harpertest.NoAccess},
		{Name: "reader", Password: "reader-s3cret", Tables: harpertest.ReadOnly, Operations: []string{"read_audit_log", "system_information", "read_only"}},
		{Name: "keen", Password: "keen-s3cret", Tables: harpertest.ReadOnly, Operations: []string{"read_audit_log", "system_information", "read_only", "insert"}},
	}}
	if args[0] == "rocksdb" {
		o.Line = harpertest.RocksDB
	}
	srv := harpertest.New(o)
	ts.Defer(srv.Close)
	srv.CreateTable(customers, harpertest.Schema{Exported: true})
	srv.CreateTable(stock, harpertest.Schema{})
	ts.Value(harperOf{}).(*scriptHarper).Server = srv
	ts.Setenv("HARPER_CLI_TARGET", srv.OpsURL())
	ts.Setenv("HARPER_CLI_USERNAME", "svc")
	ts.Setenv("HARPER_CLI_PASSWORD", "svc-s3cret")
	ts.Setenv("REST", srv.RESTURL())
	socket := ts.MkAbs(fmt.Sprintf("harper%d.sock", time.Now().UnixNano()))
	ts.Check(srv.ListenUnix(socket))
	ts.Setenv("SOCKET", "unix://"+socket)
}

func scriptUnaudited(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "unaudited TABLE")
	table, err := audit.ParseTable(args[0])
	ts.Check(err)
	harperIn(ts).CreateTable(table, harpertest.Schema{NoAudit: true})
}

func scriptTable(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "table TABLE")
	table, err := audit.ParseTable(args[0])
	ts.Check(err)
	harperIn(ts).CreateTable(table, harpertest.Schema{})
}

func scriptFeed(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "feed")
	harperIn(ts).InstallFeed()
}

func scriptWrite(kind string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		usage(ts, neg, len(args) == 3 || len(args) == 2 && kind == "delete", kind+" USER KEY [JSON]")
		key, err := audit.ParseKey(args[1])
		ts.Check(err)
		var v audit.Value
		if len(args) == 3 {
			v, err = audit.FromJSON([]byte(args[2]))
			ts.Check(err)
		}
		ts.Check(harperIn(ts).Transact(args[0], func(tx *harpertest.Tx) error {
			switch kind {
			case "put":
				tx.Put(key.Table, key.ID, v.With("id", key.ID.Value()))
			case "patch":
				tx.Patch(key.Table, key.ID, v)
			case "delete":
				tx.Delete(key.Table, key.ID)
			case "message":
				tx.Publish(key.Table, key.ID, v)
			}
			return nil
		}))
	}
}

func setFault(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 && args[0] == "none" || len(args) >= 3, "fault none | OP status CODE TEXT | OP cut BYTES | OP delay DURATION")
	if args[0] == "none" {
		harperIn(ts).faulty(noFault)
		return
	}
	var f harpertest.Fault
	var err error
	switch args[1] {
	case "status":
		f.Status, err = strconv.Atoi(args[2])
		f.Body = strings.Join(args[3:], " ")
	case "cut":
		f.Cut = true
		f.CutAt, err = strconv.Atoi(args[2])
	case "delay":
		f.Delay, err = time.ParseDuration(args[2])
	default:
		err = fmt.Errorf("there is no fault %q", args[1])
	}
	ts.Check(err)
	harperIn(ts).faulty(func(r harpertest.Request) harpertest.Fault {
		if r.Operation == args[0] {
			return f
		}
		return harpertest.Fault{}
	})
}

// written counts a user's entries in the log by record.
func written(ts *testscript.TestScript, user string) (map[string]int, int) {
	counts, total := map[string]int{}, 0
	for _, e := range harperIn(ts).Entries("shop") {
		if e.User == user {
			counts[audit.Key{Table: e.Table, ID: e.ID}.String()]++
			total++
		}
	}
	return counts, total
}

func scriptWrites(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "writes USER")
	counts, total := written(ts, args[0])
	if total == 0 {
		fmt.Fprintln(ts.Stdout(), "none")
	}
	for _, key := range sorted(counts) {
		fmt.Fprintln(ts.Stdout(), key, counts[key])
	}
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "await USER N")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	waitUntil(ts, args[0]+" has written "+args[1]+" times", func() bool {
		_, n := written(ts, args[0])
		return n >= want
	})
}

func scriptAsked(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "asked OP")
	waitUntil(ts, "Harper is asked to "+args[0], func() bool {
		_, yes := harperIn(ts).asked.Load(args[0])
		return yes
	})
}

// waitUntil waits for another process to have done something.
func waitUntil(ts *testscript.TestScript, what string, done func() bool) {
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func scriptRecords(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "records TABLE")
	table, err := audit.ParseTable(args[0])
	ts.Check(err)
	records := harperIn(ts).Records(table)
	for _, id := range sorted(records) {
		v := records[id].With("__createdtime__", nil).With("__updatedtime__", nil)
		fmt.Fprintln(ts.Stdout(), v.JSON())
	}
}

func scriptWipe(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "wipe TABLE")
	table, err := audit.ParseTable(args[0])
	ts.Check(err)
	srv := harperIn(ts)
	_, err = srv.Wipe(table, srv.Now())
	ts.Check(err)
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func scriptNow(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "now NAME")
	const apart = 3 * time.Millisecond
	time.Sleep(apart)
	ts.Setenv(args[0], time.Now().UTC().Format(time.RFC3339Nano))
	time.Sleep(apart)
}
