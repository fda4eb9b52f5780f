package main

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/ingest"
	"recourse/internal/harper"
)

// clusterFlags are those of the commands that read the logs of a whole cluster.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "discover", Usage: "read the other nodes of the cluster too, as cluster_status or system.hdb_nodes names them; with the same user, at the same ports"},
		&cli.StringSliceFlag{Name: "feed", Usage: "see more through `FEED`: events (of tables exported over REST: exact images, faster) or component (the feed component: the raw log); needs --rest-target"},
	}
}

// feeds says which feeds are to be used.
func feeds(c *cli.Context, cfg config) (events, component bool, err error) {
	names := c.StringSlice("feed")
	if len(names) == 0 {
		names = cfg.Feeds
	}
	for _, name := range names {
		switch name {
		case "events":
			events = true
		case "component":
			component = true
		case "poll":
		default:
			return false, false, usagef("--feed %q: want events, component or poll", name)
		}
	}
	return events, component, nil
}

// A clusterOf makes the members of a cluster from what the flags say.
type clusterOf struct {
	base              harper.Options
	events, component bool
	json              bool
	names             []string // of the members that the flags name
}

// members are the nodes that the flags name, and the clients that speak to them.
func members(c *cli.Context, e *env, cfg config) (*clusterOf, []ingest.Member, []*harper.Client, error) {
	targets, rests, err := addresses(c, e, cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	m := &clusterOf{}
	if m.events, m.component, err = feeds(c, cfg); err != nil {
		return nil, nil, nil, err
	}
	if (m.events || m.component) && len(rests) == 0 {
		return nil, nil, nil, usagef("--feed needs --rest-target: events and the feed component are on Harper's REST port")
	}
	var list []ingest.Member
	var clients []*harper.Client
	for i, target := range targets {
		o, err := harperOptions(c, e, cfg, target)
		if err != nil {
			return nil, nil, nil, err
		}
		if i < len(rests) {
			o.REST = rests[i]
		} else if len(rests) > 0 {
			o.REST = sameHost(rests[0], target)
		}
		name := nodeName(target)
		if given := c.String("node"); given != "" {
			if len(targets) > 1 {
				return nil, nil, nil, usagef("--node names one node, and there are %d targets", len(targets))
			}
			name = given
		}
		if name != printable(name) || strings.ContainsAny(name, "\n\t") {
			return nil, nil, nil, usagef("the name of a node has a control character in it: %q", name)
		}
		if i == 0 {
			m.base = o
		}
		client, err := newClient(e, o)
		if err != nil {
			return nil, nil, nil, inputErr(err)
		}
		clients = append(clients, client)
		list = append(list, m.member(name, client))
		m.names = append(m.names, nodeName(target))
	}
	return m, list, clients, nil
}

func (m *clusterOf) member(name string, client *harper.Client) ingest.Member {
	out := ingest.Member{Name: name, Server: client, Witness: client}
	if m.events {
		out.Events = client
	}
	if m.component {
		out.Feed = client
	}
	return out
}

// addresses are the operations and the REST addresses of the nodes that the
// flags, or the environment, or the configuration name.
func addresses(c *cli.Context, e *env, cfg config) (targets, rests []string, err error) {
	fromEnv := harper.CredentialsFromEnv(e.lookup)
	targets = c.StringSlice("target")
	if len(targets) == 0 && fromEnv.Target != "" {
		targets = []string{fromEnv.Target}
	}
	if len(targets) == 0 {
		targets = cfg.targets()
	}
	if len(targets) == 0 {
		return nil, nil, usagef("no Harper is named: give --target URL or set HARPER_CLI_TARGET")
	}
	for i, t := range targets {
		if slices.Contains(targets[:i], t) {
			return nil, nil, usagef("--target %s is given twice", nodeName(t))
		}
	}
	rests = c.StringSlice("rest-target")
	if len(rests) == 0 && cfg.RESTTarget != "" {
		rests = []string{cfg.RESTTarget}
	}
	return targets, rests, nil
}

// find lists the nodes that one of the clients knows of, by the host of each
// and the ports of the first target.
func (m *clusterOf) find(e *env, clients []*harper.Client) func(context.Context) ([]ingest.Member, error) {
	known := map[string]ingest.Member{}
	return func(ctx context.Context) ([]ingest.Member, error) {
		var nodes []harper.Node
		var err error
		for _, client := range clients {
			if nodes, err = client.Nodes(ctx); err == nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		var out []ingest.Member
		for _, n := range nodes {
			if n.Self {
				continue // it is the one that was asked
			}
			target := sameHost(m.base.Target, hostURL(n))
			name := nodeName(target)
			if slices.Contains(m.names, name) || name == "" {
				continue
			}
			if _, made := known[name]; !made {
				o := m.base
				o.Target, o.REST = target, sameHost(m.base.REST, target)
				client, err := newClient(e, o)
				if err != nil {
					return out, err
				}
				known[name] = m.member(name, client)
			}
			out = append(out, known[name])
		}
		return out, nil
	}
}

// hostURL is an address of a node: its URL, or else its name, which Harper makes
// the host's.
func hostURL(n harper.Node) string {
	if u, err := url.Parse(n.URL); err == nil && u.Hostname() != "" {
		return n.URL
	}
	return "any://" + n.Name
}

// sameHost is an address with the host of another: nodes of a cluster have the
// same ports. Empty stays empty.
func sameHost(address, of string) string {
	u, err := url.Parse(address)
	other, err2 := url.Parse(of)
	if address == "" || err != nil || err2 != nil || other.Hostname() == "" {
		return address
	}
	port := u.Port()
	if u.Host = other.Hostname(); port != "" {
		u.Host = net.JoinHostPort(u.Host, port)
	} else if strings.Contains(u.Host, ":") {
		u.Host = "[" + u.Host + "]"
	}
	return u.String()
}
