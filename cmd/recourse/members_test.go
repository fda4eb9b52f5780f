package main

import (
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// TestFindMembers: the other nodes of a cluster are those that one node names,
// with the ports of the address that was given; the node itself is none of them.
func TestFindMembers(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			a := harpertest.New(harpertest.Options{Line: line, Node: "a.example"})
			b := harpertest.New(harpertest.Options{Line: line, Node: "b.example"})
			t.Cleanup(a.Close)
			t.Cleanup(b.Close)
			for _, s := range []*harpertest.Server{a, b} {
				s.CreateTable(audit.Table{Database: "shop", Name: "orders"}, harpertest.Schema{})
			}
			harpertest.Cluster(a, b)
			base := harper.Options{Target: a.OpsURL(), REST: "http://127.0.0.1:9926", Username: "admin", Password: "secret"}
			client, err := harper.New(base)
			if err != nil {
				t.Fatal(err)
			}
			m := &clusterOf{base: base, component: true, names: []string{nodeName(a.OpsURL())}}
			find := m.find(systemEnv(), []*harper.Client{client})
			for range 2 { // asked again, it names the same
				found, err := find(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(found) == 0 {
					t.Fatal("no node was found")
				}
				for _, n := range found {
					if n.Name != nodeName(sameHost(a.OpsURL(), "x://b.example")) || n.Feed == nil || n.Events != nil {
						t.Errorf("found %q, feed %v, events %v", n.Name, n.Feed != nil, n.Events != nil)
					}
				}
			}
		})
	}
}

// TestSameHost: an address with another's host keeps its own port.
func TestSameHost(t *testing.T) {
	for _, tt := range []struct{ address, of, want string }{
		{"https://db1:9925", "wss://db2:9933", "https://db2:9925"},
		{"https://db1", "wss://db2:9933", "https://db2"},
		{"", "wss://db2:9933", ""},
		{"unix:///run/harper", "db2", "unix:///run/harper"},
		{"http://[::1]:9925", "any://db2", "http://db2:9925"},
		{"http://db1:9925", "http://[fe80::1]:9933", "http://[fe80::1]:9925"},
	} {
		if got := sameHost(tt.address, tt.of); got != tt.want {
			t.Errorf("sameHost(%q, %q) = %q, want %q", tt.address, tt.of, got, tt.want)
		}
	}
}
