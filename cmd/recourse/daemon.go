package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/api"
	"recourse/internal/harper"
	"recourse/internal/notify"
	"recourse/rules"
	"recourse/store"
)

// A daemon is what watch runs until it is stopped: the tail of every node, the
// followers of the store, and the server that says how they stand.
type daemon struct {
	w       *workspace
	cluster *ingest.Cluster
	clients map[string]*harper.Client // by node
	set     *rules.Set
	log     *slog.Logger
	wake    chan struct{}
	env     *env
	server  *api.Server // nil: nobody asked for one
	local   *api.Server // for the commands of other processes; nil: it cannot be had
	reloads *reloader   // nil: the rules stay as they are
	workers []*notify.Worker
	tell    func()            // has the workers look for what waits
	evicted map[string]uint64 // what was said last of what the rules gave up, by rule; for follow alone

	mu         sync.Mutex
	beat       time.Time // when the followers last went round
	round      *round    // in which the followers are
	companions map[*companion]bool
	commands   []*besideCommand // the oldest first
}

func newDaemon(e *env, w *workspace) *daemon {
	return &daemon{
		w: w, env: e, wake: make(chan struct{}, 1),
		round: &round{done: make(chan struct{})}, companions: map[*companion]bool{},
	}
}

// stored has the followers look at what is new.
func (d *daemon) stored(_ context.Context, t audit.Table, a audit.Appended) {
	d.log.Info("stored", "table", t.String(), "new", a.New)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run goes on until ctx ends, or a part of it fails that the others need.
func (d *daemon) run(ctx context.Context, baselines bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	part := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := audit.Guarded(func() error { return f(ctx) }); err != nil && !errors.Is(err, context.Canceled) {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				stop()
			}
		})
	}
	part(d.follow)
	part(d.guardMemory)
	part(func(ctx context.Context) error { return d.tidy(ctx, tidyEvery) })
	for _, w := range d.workers {
		part(w.Run)
	}
	for _, server := range []*api.Server{d.server, d.local} {
		if server != nil {
			part(server.Serve)
		}
	}
	if baselines {
		part(d.baselines)
	}
	part(func(ctx context.Context) error {
		defer stop()
		return d.cluster.Run(ctx)
	})
	wg.Wait()
	return errors.Join(errs...)
}

// again does something at every tick until ctx ends, which is no error.
func again(ctx context.Context, every time.Duration, do func()) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		do()
	}
}

// follow keeps the index and the alerts up with the store.
func (d *daemon) follow(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		d.reload(ctx)
		alerts, err := d.w.catchUp(ctx, d.set)
		d.say(alerts)
		d.sayEvicted()
		d.ended(alerts, err)
		full := errors.Is(err, store.ErrDiskFull)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !full:
			return err
		case full:
			d.log.Error("the disk is full: nothing is stored until there is room", "err", err)
		}
		d.mu.Lock()
		d.beat = time.Now()
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-d.wake:
		case <-d.hup():
			d.reloads.asked = true
		}
	}
}

// followEvery is how often the followers look whether there is something new
// that nobody told them of.
const followEvery = 15 * time.Second

func (d *daemon) say(alerts []audit.Alert) {
	for _, a := range alerts {
		d.log.Warn("alert", "id", a.ID, "rule", a.Rule, "severity", a.Severity, "count", a.Count, "title", printable(a.Title))
	}
	if len(alerts) > 0 && d.tell != nil {
		d.tell()
	}
}

// baselines takes snapshots of the tables that have none.
func (d *daemon) baselines(ctx context.Context) error {
	for _, m := range d.cluster.Members {
		b := ingest.Baseliner{
			Server: d.clients[m.Name], Store: d.w.store, Node: m.Name, Cluster: d.cluster.Options.Cluster, Log: d.log,
		}
		taken, err := b.TakeMissing(ctx)
		for _, t := range taken {
			if t.Err != nil {
				d.log.Warn("take baseline", "node", m.Name, "table", t.Table.String(), "err", t.Err)
				continue
			}
			d.log.Info("baseline taken", "node", m.Name, "table", t.Table.String(), "records", t.Records)
		}
		if err == nil || ctx.Err() != nil {
			return nil // one node has what the others have
		}
		d.log.Warn("take baselines", "node", m.Name, "err", err)
	}
	return nil
}

// state is how the daemon stands now.
func (d *daemon) state(ctx context.Context) (api.State, error) {
	now := time.Now()
	s := api.State{
		At: now, Gaps: map[audit.GapKind]int{}, Healed: map[audit.GapKind]int{}, Alerts: map[string]int{},
		Version: api.Version{Version: version},
	}
	if err := d.stateOfStore(ctx, &s); err != nil {
		return s, err
	}
	d.mu.Lock()
	s.Loops = append(s.Loops, api.Loop{Name: "followers", Beat: d.beat, Limit: 5 * time.Minute})
	d.mu.Unlock()
	for _, n := range d.cluster.Stats() {
		d.stateOfNode(n, &s)
	}
	return s, nil
}

func (d *daemon) stateOfStore(ctx context.Context, s *api.State) error {
	db := d.w.store
	stats, err := db.Stats(ctx)
	if err != nil {
		return err
	}
	s.Store.Open, s.Store.Head, s.Store.Changes, s.Store.Disk = true, db.Last(), stats.Changes, stats.Disk
	free, enough, err := db.Room()
	if err == nil {
		s.Store.Free = &free
	}
	if !enough {
		s.Store.Trouble = store.ErrDiskFull.Error()
	}
	gaps, err := db.Gaps(ctx)
	if err != nil {
		return err
	}
	for _, g := range gaps {
		kind := g.Kind
		if kind == "" {
			kind = audit.GapUnreadable
		}
		if g.Healed != 0 {
			s.Healed[kind]++
		} else {
			s.Gaps[kind]++
		}
	}
	alerts, err := db.AlertHeads(ctx)
	if err == nil {
		err = d.stateOfSinks(ctx, s)
	}
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.State == audit.AlertOpen {
			s.Alerts[a.Severity]++
		}
	}
	s.Index = d.w.index.Behind(db.Last())
	seen, err := db.Progress(ctx, rulesProgress)
	if err != nil {
		return err
	}
	s.Rules = db.Last() - min(seen, db.Last())
	bases, err := db.Baselines(ctx)
	for _, b := range bases {
		s.Base = append(s.Base, api.BaselineState{Table: b.Table, Records: b.Records})
	}
	return err
}

func (d *daemon) stateOfNode(n ingest.Stats, s *api.State) {
	out := api.NodeState{
		Node: n.Node, Up: n.Up, Reached: n.Reached, Retention: n.Retention, Polls: int64(n.Polls),
		Errors: map[api.ErrorClass]int64{}, Unreadable: int64(n.Unreadable), Feeds: map[string]bool{},
	}
	if !n.Reached.IsZero() {
		out.Skew = &n.Skew
	}
	for class, count := range n.Failures {
		out.Errors[api.ErrorClass(class)] = int64(count)
	}
	if client := d.clients[n.Node]; client != nil {
		out.Requests, out.Bytes = client.Traffic()
	}
	for tier, r := range n.Rescans {
		out.Rescans = append(out.Rescans, api.RescanState{Tier: tier, Done: int64(r.Done), Last: r.Last})
		if tier == n.Retention.String() { // the tier that compares all that is kept
			out.Reconcile = api.ReconcileState{Done: int64(r.Done), Last: r.Last, Healed: int64(r.Healed), Differing: int64(r.Differ)}
		}
	}
	for kind, connected := range map[string]*bool{"component": n.Feed, "events": n.Listening} {
		if connected != nil {
			out.Feeds[kind] = *connected
		}
	}
	s.Nodes = append(s.Nodes, out)
	s.Store.Late += n.Late
	s.Store.Divergences += n.Divergences
	s.Store.Amended += n.Amended
	for _, t := range n.Tables {
		s.Slow += t.Slow
		if !t.Refused {
			s.Tables = append(s.Tables, api.TableState{Node: n.Node, Table: t.Table, Read: t.ReadTo})
		}
	}
	for database, beat := range n.Beats {
		s.Loops = append(s.Loops, api.Loop{Name: "tail of " + database + " on " + n.Node, Beat: beat, Limit: 15 * time.Minute})
	}
}
