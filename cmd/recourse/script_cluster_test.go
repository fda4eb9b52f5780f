package main

import (
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// startPeer starts a second node of the Harper's cluster: each gets what is
// written to the other. PEER is its address.
func startPeer(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "peer")
	first := harperIn(ts)
	srv := harpertest.New(harpertest.Options{
		Line: first.Line(), Node: "peer",
		Users: []harpertest.User{{Name: "svc", Password: "svc-s3cret", SuperUser: true}},
	})
	ts.Defer(srv.Close)
	srv.CreateTable(customers, harpertest.Schema{Exported: true})
	srv.CreateTable(stock, harpertest.Schema{})
	harpertest.Cluster(first.Server, srv)
	ts.Setenv("PEER", srv.OpsURL())
}

// scriptDown takes the first Harper off the network, or brings it back.
func scriptDown(down bool) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		usage(ts, neg, len(args) == 0, "down, up")
		harperIn(ts).SetDown(down)
	}
}

// scriptBackdate writes a record with a time of the past, as an import of old
// data does.
func scriptBackdate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 4, "backdate USER KEY AGO JSON")
	key, err := audit.ParseKey(args[1])
	ts.Check(err)
	ago, err := time.ParseDuration(args[2])
	ts.Check(err)
	v, err := audit.FromJSON([]byte(args[3]))
	ts.Check(err)
	srv := harperIn(ts)
	ts.Check(srv.TransactAt(srv.Now()-audit.Time(ago.Milliseconds()), args[0], func(tx *harpertest.Tx) error {
		tx.Put(key.Table, key.ID, v.With("id", key.ID.Value()))
		return nil
	}))
}
