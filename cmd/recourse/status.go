package main

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/rules"
)

func statusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "what is stored, and how far the logs were read",
		Description: "Looks at the data folder alone and asks no server; doctor does.\n\n" +
			"Exit codes: 0; 9 busy.\n\nExample:\n   recourse status -o json",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runStatus(c, e)
		},
	}
}

// A status is what status prints as JSON.
type status struct {
	Changes  int            `json:"changes"`
	Oldest   *audit.Time    `json:"oldest"`
	Newest   *audit.Time    `json:"newest"`
	Lag      *int64         `json:"lag_ms"` // of the node that is furthest behind
	Nodes    []nodeStatus   `json:"nodes"`
	Gaps     int            `json:"gaps"` // that hide something; where a log begins is none
	Kinds    map[string]int `json:"gap_kinds"`
	Healed   int            `json:"gaps_healed"`
	Coverage coverStatus    `json:"coverage"`
	Index    indexStatus    `json:"index"`
	Rules    rulesStatus    `json:"rules"`
	Alerts   alertsStatus   `json:"alerts"`
	Disk     int64          `json:"disk_bytes"`
	Free     *int64         `json:"disk_free_bytes"` // null is not known
	PerItem  float64        `json:"bytes_per_change"`
	Memory   *int64         `json:"memory_limit_bytes"` // null is none
	Version  string         `json:"version"`
}

// A coverStatus is how whole the logs of all tables are, each from the first
// moment that is covered to now.
type coverStatus struct {
	Complete bool        `json:"complete"`
	Tables   int         `json:"tables"`
	Oldest   *audit.Time `json:"oldest"` // of the table that is covered least far back; null: one is not covered at all
	Share    float64     `json:"share"`  // of the table that is covered least
}

type nodeStatus struct {
	Node   string        `json:"node"`
	Read   audit.Time    `json:"read_to"` // the table that is furthest behind
	Lag    int64         `json:"lag_ms"`
	Tables int           `json:"tables"`
	Behind []tableBehind `json:"behind"` // those further behind than others of the node
	// Left is how long it takes until Harper deletes what was not read, by the
	// retention that is configured or else Harper's default; below zero it may
	// have.
	Left int64 `json:"retention_left_ms"`
}

type tableBehind struct {
	Database string     `json:"database"`
	Table    string     `json:"table"`
	Read     audit.Time `json:"read_to"`
}

// An indexStatus says up to which change words are indexed. Lag are those that
// could be but are not: of the newest, as many as are no whole block, it is none.
type indexStatus struct {
	Seq audit.Seq `json:"seq"`
	Lag audit.Seq `json:"lag"`
}

type rulesStatus struct {
	Seq audit.Seq `json:"seq"`
	Lag audit.Seq `json:"lag"`
	// Quarantined are the rules that cost too much and do not judge for a while.
	Quarantined []string `json:"quarantined,omitempty"`
	// Evicted is what rules gave up before its time, for want of room, up to EvictedAt.
	Evicted   []rules.Evicted `json:"evicted,omitempty"`
	EvictedAt *time.Time      `json:"evicted_at,omitempty"`
}

type alertsStatus struct {
	Open       int            `json:"open"`
	BySeverity map[string]int `json:"by_severity"`
}

func runStatus(c *cli.Context, e *env) (err error) {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	s, err := w.status(c.Context, e)
	if err != nil {
		return err
	}
	return printDocument(c, e, "status", s, func() { printStatus(e, s) })
}

func (w *workspace) status(ctx context.Context, e *env) (status, error) {
	stats, err := w.store.Stats(ctx)
	if err != nil {
		return status{}, err
	}
	s := status{Changes: stats.Changes, Disk: stats.Disk, Version: version, Nodes: []nodeStatus{}}
	if stats.Changes > 0 {
		s.Oldest, s.Newest = &stats.Oldest, &stats.Newest
		s.PerItem = float64(stats.Disk) / float64(stats.Changes)
	}
	if free, err := freeBytes(e.at(w.dir)); err == nil {
		s.Free = &free
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		s.Memory = &limit
	}
	s.Index.Seq = w.index.Progress()
	s.Index.Lag = w.index.Behind(w.store.Last())
	if s.Rules.Seq, err = w.store.Progress(ctx, rulesProgress); err != nil {
		return s, err
	}
	s.Rules.Lag = w.store.Last() - s.Rules.Seq
	if s.Rules.Quarantined, err = w.quarantinedRules(ctx); err != nil {
		return s, err
	}
	evicted, err := w.evictedRules(ctx)
	if err != nil {
		return s, err
	}
	if s.Rules.Evicted = evicted.Rules; len(evicted.Rules) > 0 {
		s.Rules.EvictedAt = &evicted.At
	}
	if s.Alerts, err = w.alertStatus(ctx); err != nil {
		return s, err
	}
	reading, err := w.reading(ctx, e)
	if err != nil {
		return s, err
	}
	s.countGaps(reading.Gaps)
	s.Coverage = coverOf(reading)
	cursors, err := w.store.Cursors(ctx)
	if err != nil {
		return s, err
	}
	s.addNodes(cursors, e.now(), w.retention())
	return s, nil
}

func (w *workspace) alertStatus(ctx context.Context) (alertsStatus, error) {
	out := alertsStatus{BySeverity: map[string]int{}}
	alerts, err := w.store.AlertHeads(ctx)
	for _, a := range alerts {
		if a.State == audit.AlertOpen {
			out.Open++
			out.BySeverity[a.Severity]++
		}
	}
	return out, err
}

// retention is how long Harper is taken to keep its log.
func (w *workspace) retention() time.Duration {
	if w.cfg.Retention > 0 {
		return time.Duration(w.cfg.Retention)
	}
	return 72 * time.Hour
}

func (s *status) countGaps(gaps []audit.Gap) {
	s.Kinds = map[string]int{}
	for _, g := range gaps {
		if g.Healed != 0 {
			s.Healed++
			continue
		}
		if g.Kind != audit.GapBefore {
			s.Gaps++
		}
		s.Kinds[string(kindOf(g))]++
	}
}

func coverOf(r *query.Reading) coverStatus {
	out := coverStatus{Tables: len(r.Tables), Complete: len(r.Tables) > 0, Share: 1}
	var oldest audit.Time
	none := len(r.Tables) == 0
	for _, t := range r.Tables {
		c := r.Table(t, 0, audit.Time(math.Inf(1)))
		out.Complete = out.Complete && c.Complete
		out.Share = min(out.Share, c.Share)
		oldest = max(oldest, c.Oldest)
		none = none || c.Share == 0
	}
	if none {
		out.Share = 0
	} else {
		out.Oldest = &oldest
	}
	return out
}

// behind is how much further than others of its node a table's reading may be
// back, in milliseconds, and is not worth a word.
const behind = 60_000

// addNodes sums up the cursors by node.
func (s *status) addNodes(cursors []audit.Cursor, now time.Time, retention time.Duration) {
	newest := map[string]audit.Time{}
	for _, c := range cursors {
		newest[c.Node] = max(newest[c.Node], c.Time)
	}
	at := map[string]int{}
	for _, c := range cursors {
		i, known := at[c.Node]
		if !known {
			i = len(s.Nodes)
			at[c.Node] = i
			s.Nodes = append(s.Nodes, nodeStatus{Node: c.Node, Read: c.Time, Behind: []tableBehind{}})
		}
		n := &s.Nodes[i]
		n.Tables++
		n.Read = min(n.Read, c.Time)
		n.Lag = int64(audit.TimeOf(now) - n.Read)
		n.Left = retention.Milliseconds() - n.Lag
		if c.Time < newest[c.Node]-behind {
			n.Behind = append(n.Behind, tableBehind{c.Table.Database, c.Table.Name, c.Time})
		}
	}
	for i := range s.Nodes {
		if s.Lag == nil || s.Nodes[i].Lag > *s.Lag {
			s.Lag = &s.Nodes[i].Lag
		}
	}
}
