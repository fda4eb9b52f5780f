package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"recourse/audit"
)

// A Member is one node of a cluster.
type Member struct {
	Name   string
	Server Server
	// Witness is asked for what the log itself cannot tell; nil: nobody is.
	Witness Witness
	Feed    Feeder   // nil: the feed component is not to be used
	Events  Listener // nil: events are not listened to
}

// A Cluster follows the logs of all nodes of a Harper cluster. Each node logs
// what it writes and what it gets from the others, so that a change is read
// several times and stored once; and while a node is away, the others show what
// it has passed on. What it has not is read when it is back.
type Cluster struct {
	// Options are those of each node's tailer; Server, Node, Feed and Events are
	// the member's.
	Options Options
	// Casebook is what the sentinels of the members compare with and write to.
	Casebook Casebook
	// Raised is called with alerts about the logs themselves; nil: nobody.
	Raised func(context.Context, []audit.Alert)
	// Members are the nodes known from the start.
	Members []Member
	// Find lists the nodes that there are now, known ones among them; nil: the
	// members are all. It is asked every Options.Discover.
	Find func(context.Context) ([]Member, error)

	mu    sync.Mutex
	nodes []*node
}

// A node is a member and the tailer that follows it.
type node struct {
	name     string
	tailer   *Tailer
	sentinel *Sentinel // nil: there is none
	began    bool
}

// Once reads every node's logs up to now. A node that fails does not stop the
// others; that none could be read is an error, as is a table that failed.
func (c *Cluster) Once(ctx context.Context) (audit.Appended, error) {
	var total audit.Appended
	c.find(ctx)
	var errs []error
	nodes := c.list()
	for _, n := range nodes {
		got, err := n.tailer.Once(ctx)
		total = addAppended(total, got)
		if n.sentinel != nil && err == nil {
			// What it cannot find out now it finds at the next look; what was read is
			// whole all the same.
			if err := n.sentinel.Check(ctx); err != nil && ctx.Err() == nil {
				n.tailer.o.Log.Warn("look for attacks on the log", "node", n.name, "err", err)
			}
		}
		if ctx.Err() != nil {
			return total, ctx.Err()
		}
		if err != nil && len(nodes) > 1 {
			err = fmt.Errorf("node %s: %w", n.name, err)
		}
		errs = append(errs, err)
	}
	return total, errors.Join(errs...)
}

// Reconcile reconciles every node's logs.
func (c *Cluster) Reconcile(ctx context.Context, tables []audit.Table, from audit.Time) ([]Reconciled, error) {
	c.find(ctx)
	var all []Reconciled
	var errs []error
	for _, n := range c.list() {
		got, err := n.tailer.Reconcile(ctx, tables, from)
		all = append(all, got...)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", n.name, err))
		}
	}
	return all, errors.Join(errs...)
}

// Run follows all nodes until the context ends, which is no error. It fails at
// once if at the start no node can be read; one that cannot be read while
// another can is tried again and again.
func (c *Cluster) Run(ctx context.Context) error {
	c.find(ctx)
	var errs []error
	ready := 0
	for _, n := range c.list() {
		if err := n.tailer.Ready(ctx); err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", n.name, err))
			continue
		}
		ready++
	}
	if ready == 0 && ctx.Err() == nil && len(errs) > 0 {
		if len(errs) == 1 {
			return errors.Unwrap(errs[0])
		}
		return errors.Join(errs...)
	}
	if ctx.Err() != nil {
		return nil
	}
	for _, err := range errs {
		c.Options.withDefaults().Log.Error("a node cannot be read; the others are", "err", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	o := c.Options.withDefaults()
	for {
		for _, n := range c.list() {
			if !n.began {
				n.began = true
				wg.Go(func() { goOn(ctx, &n.tailer.o, "tail a node", n.run) })
				if n.sentinel != nil {
					wg.Go(func() { goOn(ctx, &n.tailer.o, "look for attacks on the log", n.watch) })
				}
			}
		}
		if !o.Pause(ctx, o.Discover) {
			return nil
		}
		c.find(ctx)
	}
}

// run tails a node, again and again when it does not even begin.
func (n *node) run(ctx context.Context) {
	var b backoff
	o := n.tailer.o
	for ctx.Err() == nil {
		err := n.tailer.Run(ctx)
		if err == nil {
			return
		}
		n.tailer.stats.failed(err)
		pause := b.fail(max(o.Interval, time.Second))
		o.Log.Warn("node cannot be read", "node", n.name, "retry_in", pause.Round(time.Millisecond), "err", err)
		if !o.Pause(ctx, pause) {
			return
		}
	}
}

// watch has the sentinel look after the node's log.
func (n *node) watch(ctx context.Context) {
	if err := n.sentinel.Run(ctx); err != nil && ctx.Err() == nil {
		n.tailer.o.Log.Error("the log is not watched over any more", "node", n.name, "err", err)
	}
}

// find adds the nodes that are new.
func (c *Cluster) find(ctx context.Context) {
	members := c.Members
	if c.Find != nil {
		found, err := c.Find(ctx)
		if err != nil && ctx.Err() == nil {
			c.Options.withDefaults().Log.Warn("list the cluster's nodes", "err", err)
		}
		members = append(slices.Clone(members), found...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range members {
		if slices.ContainsFunc(c.nodes, func(n *node) bool { return n.name == m.Name }) {
			continue
		}
		o := c.Options
		o.Server, o.Node, o.Feed, o.Events = m.Server, m.Name, m.Feed, m.Events
		if len(c.nodes) > 0 {
			c.Options.withDefaults().Log.Info("a node of the cluster", "node", m.Name)
		}
		n := &node{name: m.Name}
		if m.Witness != nil && c.Casebook != nil {
			n.sentinel = NewSentinel(SentinelOptions{
				Server: m.Witness, Store: c.Casebook, Node: m.Name, Cluster: o.Cluster, Overlap: o.Overlap,
				Raised: c.Raised, Log: o.Log, Now: o.Now,
			})
			if o.Retention == 0 {
				o.Kept = n.sentinel.Retention
			}
		}
		n.tailer = NewTailer(o)
		c.nodes = append(c.nodes, n)
	}
}

func (c *Cluster) list() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

// Stats are the figures of every node's tailer.
func (c *Cluster) Stats() []Stats {
	var all []Stats
	for _, n := range c.list() {
		all = append(all, n.tailer.Stats())
	}
	return all
}
