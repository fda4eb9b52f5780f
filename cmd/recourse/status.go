package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
)

func statusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "what is stored, and how far the logs were read",
		Description: "Exit codes: 0; 9 busy.\n\nExample:\n   recourse status -o json",
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
	Changes int          `json:"changes"`
	Oldest  *audit.Time  `json:"oldest"`
	Newest  *audit.Time  `json:"newest"`
	Nodes   []nodeStatus `json:"nodes"`
	Gaps    int          `json:"gaps"`
	Index   indexStatus  `json:"index"`
	Rules   rulesStatus  `json:"rules"`
	Alerts  alertsStatus `json:"alerts"`
	Disk    int64        `json:"disk_bytes"`
	PerItem float64      `json:"bytes_per_change"`
	Version string       `json:"version"`
}

type nodeStatus struct {
	Node string     `json:"node"`
	Read audit.Time `json:"read_to"` // the table that is furthest behind
	Lag  int64      `json:"lag_ms"`
}

type indexStatus struct {
	Seq audit.Seq `json:"seq"`
	Lag audit.Seq `json:"lag"`
}

type rulesStatus struct {
	Seq audit.Seq `json:"seq"`
}

type alertsStatus struct {
	Open int `json:"open"`
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
	s := status{Changes: stats.Changes, Gaps: stats.Gaps, Disk: stats.Disk, Version: version, Nodes: []nodeStatus{}}
	if stats.Changes > 0 {
		s.Oldest, s.Newest = &stats.Oldest, &stats.Newest
		s.PerItem = float64(stats.Disk) / float64(stats.Changes)
	}
	s.Index.Seq = w.index.Progress()
	s.Index.Lag = w.store.Last() - s.Index.Seq
	if s.Rules.Seq, err = w.store.Progress(ctx, rulesProgress); err != nil {
		return s, err
	}
	alerts, err := w.store.Alerts(ctx)
	if err != nil {
		return s, err
	}
	for _, a := range alerts {
		if a.State == audit.AlertOpen {
			s.Alerts.Open++
		}
	}
	cursors, err := w.store.Cursors(ctx)
	if err != nil {
		return s, err
	}
	for _, cur := range cursors {
		i := slices.IndexFunc(s.Nodes, func(n nodeStatus) bool { return n.Node == cur.Node })
		if i < 0 {
			i = len(s.Nodes)
			s.Nodes = append(s.Nodes, nodeStatus{Node: cur.Node, Read: cur.Time})
		}
		s.Nodes[i].Read = min(s.Nodes[i].Read, cur.Time)
		s.Nodes[i].Lag = int64(audit.TimeOf(e.now()) - s.Nodes[i].Read)
	}
	return s, nil
}

func printStatus(e *env, s status) {
	fmt.Fprintf(e.stdout, "%d changes, %.1f MB on disk\n", s.Changes, float64(s.Disk)/1e6)
	if s.Oldest != nil {
		fmt.Fprintf(e.stdout, "from %s to %s\n", s.Oldest.ISO(), s.Newest.ISO())
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(e.stdout, "node %s: every table read to %s\n", printable(n.Node), n.Read.ISO())
	}
	fmt.Fprintf(e.stdout, "%d gaps; index at change %d, %d behind; rules at change %d; %d alerts open\n",
		s.Gaps, s.Index.Seq, s.Index.Lag, s.Rules.Seq, s.Alerts.Open)
}
