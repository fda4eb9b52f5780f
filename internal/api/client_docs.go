package api

import (
	"math"
	"time"

	"recourse/audit"
	"recourse/query"
)

// A changeDoc is a change as docs/json.md has it.
type changeDoc struct {
	Seq       audit.Seq      `json:"seq"`
	ID        audit.ChangeID `json:"id"`
	Time      *audit.Time    `json:"time"`
	Cluster   string         `json:"cluster"`
	Node      string         `json:"node"`
	Database  string         `json:"database"`
	Table     string         `json:"table"`
	Key       audit.ID       `json:"key"`
	User      *string        `json:"user"`
	Op        audit.Op       `json:"op"`
	Reported  audit.Op       `json:"op_reported"`
	Before    imageDoc       `json:"before"`
	After     imageDoc       `json:"after"`
	Group     audit.Group    `json:"group"`
	Nth       int            `json:"nth"`
	Lossy     bool           `json:"lossy"`
	Late      bool           `json:"late"`
	Sent      audit.Value    `json:"sent"`
	Synthetic bool           `json:"synthetic"`
	Note      string         `json:"note"`
}

type imageDoc struct {
	State  audit.State  `json:"state"`
	Source audit.Source `json:"source"`
	Trust  audit.Trust  `json:"trust"`
	Body   audit.Value  `json:"body"`
}

func (d *changeDoc) change() audit.Change {
	c := audit.Change{
		Seq: d.Seq, ID: d.ID, Cluster: d.Cluster, Node: d.Node, Op: d.Op, Reported: d.Reported,
		Key: audit.Key{Table: audit.Table{Database: d.Database, Name: d.Table}, ID: d.Key},
		Nth: d.Nth, Before: audit.Image(d.Before), After: audit.Image(d.After), Group: d.Group,
		Lossy: d.Lossy, Late: d.Late, Sent: d.Sent, Synthetic: d.Synthetic, Note: d.Note,
	}
	if d.Time != nil {
		c.Time = *d.Time
	}
	if d.User != nil {
		c.User = *d.User
	}
	return c
}

type summaryDoc struct {
	Count      int         `json:"count"`
	Total      int         `json:"total"`
	TotalExact bool        `json:"total_exact"`
	Next       *string     `json:"next"`
	Coverage   coverageDoc `json:"coverage"`
	Took       int64       `json:"took_ms"`
	Partial    string      `json:"partial"`
	Notes      []string    `json:"notes"`
}

func (d *summaryDoc) summary() query.Summary {
	s := query.Summary{Count: d.Count, Total: d.Total, TotalExact: d.TotalExact, Coverage: d.Coverage.coverage(), Took: time.Duration(d.Took) * time.Millisecond, Partial: d.Partial, Notes: d.Notes}
	if d.Next != nil {
		s.Next = *d.Next
	}
	return s
}

type coverageDoc struct {
	Complete bool        `json:"complete"`
	From     *audit.Time `json:"from"`
	To       *audit.Time `json:"to"`
	Gaps     []struct {
		Node     string        `json:"node"`
		Database string        `json:"database"`
		Table    string        `json:"table"`
		From     *audit.Time   `json:"from"`
		To       *audit.Time   `json:"to"`
		Kind     audit.GapKind `json:"kind"`
		Reason   string        `json:"reason"`
		Entries  *int          `json:"entries"`
		Observed audit.Time    `json:"observed"`
		Healed   audit.Time    `json:"healed"`
	} `json:"gaps"`
	Stretches []struct {
		Database string      `json:"database"`
		Table    string      `json:"table"`
		From     *audit.Time `json:"from"`
		To       *audit.Time `json:"to"`
		State    audit.Cover `json:"state"`
		Reason   string      `json:"reason"`
		Nodes    []string    `json:"nodes"`
	} `json:"stretches"`
}

func (d *coverageDoc) coverage() query.Coverage {
	c := query.Coverage{Complete: d.Complete, From: begin(d.From), To: end(d.To)}
	for _, s := range d.Stretches {
		c.Stretches = append(c.Stretches, query.TableStretch{Table: audit.Table{Database: s.Database, Name: s.Table},
			Stretch: audit.Stretch{From: begin(s.From), To: end(s.To), Cover: s.State, Reason: s.Reason, Nodes: s.Nodes}})
	}
	for _, g := range d.Gaps {
		gap := audit.Gap{Node: g.Node, Table: audit.Table{Database: g.Database, Name: g.Table}, From: begin(g.From), To: end(g.To),
			Kind: g.Kind, Reason: g.Reason, Observed: g.Observed, Healed: g.Healed}
		if g.Entries != nil {
			gap.Entries = *g.Entries
		}
		c.Gaps = append(c.Gaps, gap)
	}
	return c
}

// begin and end are the limits of a time that null leaves open.
func begin(t *audit.Time) audit.Time {
	if t == nil {
		return 0
	}
	return *t
}

func end(t *audit.Time) audit.Time {
	if t == nil {
		return audit.Time(math.Inf(1))
	}
	return *t
}
