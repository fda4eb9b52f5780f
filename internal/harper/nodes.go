package harper

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// A Node is a member of a cluster, as the Harper that was asked knows it.
type Node struct {
	Name  string // by which the log of Harper Pro and cluster_status call it
	URL   string // where the nodes reach each other; empty: not told
	Shard string // empty: not told
	Self  bool   // the one that was asked; only cluster_status tells
	// Links are its connections with the one that was asked, one a database.
	// Nil: not known, as where only system.hdb_nodes tells of the cluster.
	Links []Link
}

// A Link is how one database's changes come from a node.
type Link struct {
	Database  string
	Connected bool
	Latency   time.Duration // 0: not told
	// Received is the version of the last change that came; 0: not told.
	Received audit.Time
	Copying  bool // a base copy is under way, whose records come without a log
}

// Connected says whether all of the node's links stand; known is false where
// Harper did not tell.
func (n Node) Connected() (connected, known bool) {
	if n.Links == nil {
		return false, false
	}
	return !slices.ContainsFunc(n.Links, func(l Link) bool { return !l.Connected }), true
}

// Nodes lists the cluster's nodes by name, the one that was asked among them
// where it says so. A Harper that is no cluster has none, and that is no error.
//
// Harper Pro tells them by cluster_status; others have the records of
// system.hdb_nodes, which need no cluster and are then empty.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	const op = "cluster_status"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	var nodes []Node
	switch {
	case err == nil && v.Get("connections").Kind() == audit.KindArray:
		nodes = statusNodes(v)
	case err == nil:
		return nil, &Error{Op: op, Status: http.StatusOK, Message: "the answer lists no connections"}
	case !noOperation(err):
		return nil, err
	default:
		if nodes, err = c.recordedNodes(ctx); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, nil
}

// noOperation says that a Harper does not know the operation it was asked for.
func noOperation(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "not found")
}

// statusNodes reads cluster_status (replication/clusterStatus.ts of Harper Pro).
func statusNodes(v audit.Value) []Node {
	var nodes []Node
	if name := v.Get("node_name").Text(); name != "" {
		nodes = append(nodes, Node{Name: name, URL: v.Get("url").Text(), Shard: plain(v.Get("shard")), Self: true})
	}
	for peer := range v.Get("connections").Elems() {
		n := Node{Name: peer.Get("name").Text(), URL: peer.Get("url").Text(), Shard: plain(peer.Get("shard")), Links: []Link{}}
		if n.Name == "" {
			n.Name = n.URL
		}
		for socket := range peer.Get("database_sockets").Elems() {
			n.Links = append(n.Links, link(socket))
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func link(v audit.Value) Link {
	l := Link{Database: v.Get("database").Text(), Connected: v.Get("connected").Bool()}
	if ms, _ := v.Get("latency").Float64(); ms > 0 {
		l.Latency = time.Duration(ms * float64(time.Millisecond))
	}
	remote := v.Get("lastReceivedRemoteTime").Text()
	l.Copying = remote == "Copying"
	if ms, _ := v.Get("lastReceivedVersion").Float64(); ms > 1 { // 1 stands for "Copying"
		l.Received = audit.Time(ms)
	} else if at, err := http.ParseTime(remote); err == nil {
		l.Received = audit.TimeOf(at)
	}
	return l
}

// recordedNodes reads system.hdb_nodes; a Harper that has no such table knows
// no other node.
func (c *Client) recordedNodes(ctx context.Context) ([]Node, error) {
	const op = "search_by_value"
	v, err := c.ask(ctx, op, request(op, audit.Table{Database: "system", Name: "hdb_nodes"}, map[string]audit.Value{
		"search_attribute": audit.Text("name"), "attribute": audit.Text("name"),
		"search_value": audit.Text("*"), "value": audit.Text("*"),
		"get_attributes": audit.Array(audit.Text("*")),
	}), false)
	var e *Error
	switch {
	case errors.Is(err, ErrNotFound) || errors.As(err, &e) && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "does not exist"):
		return nil, nil
	case err != nil:
		return nil, err
	case v.Kind() != audit.KindArray:
		return nil, &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	var nodes []Node
	for r := range v.Elems() {
		if name := r.Get("name").Text(); name != "" {
			nodes = append(nodes, Node{Name: name, URL: r.Get("url").Text(), Shard: plain(r.Get("shard"))})
		}
	}
	return nodes, nil
}

// plain is a text or a number as text; empty for anything else.
func plain(v audit.Value) string {
	switch v.Kind() {
	case audit.KindText:
		return v.Text()
	case audit.KindInt, audit.KindFloat:
		return v.JSON()
	}
	return ""
}
