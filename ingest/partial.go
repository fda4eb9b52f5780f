package ingest

import (
	"cmp"
	"context"
	"iter"

	"recourse/audit"
	"recourse/internal/harper"
)

// An Archive is a store that can also tell what it holds. *store.DB is one.
type Archive interface {
	Sink
	// Tables counts the stored changes by table.
	Tables(context.Context) (map[audit.Table]int, error)
	// Follow yields the stored changes after a seq.
	Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error]
	// Gaps lists what could not be read before.
	Gaps(context.Context) ([]audit.Gap, error)
	// Spans lists what was read.
	Spans(context.Context) ([]audit.Span, error)
}

// A PartialAnswer shows less than it should: it ended early because the server
// could not read an entry, or it was to show a table's whole log and lacks
// changes that the store holds from other readings, because the log was trimmed
// or wiped in between. What it does show is stored.
type PartialAnswer struct {
	Where string      `json:"where"`
	Table audit.Table `json:"table"`
	// Reason is the server's error; empty for an answer that ended as it should.
	Reason string `json:"reason"`
	Read   int    `json:"read"` // changes that it shows
	// Hidden counts the stored changes that an answer over the whole log should
	// have shown when it was read, and does not. It is -1, not known, for an answer
	// over a range, and for one that was cut short at a time that nobody noted.
	Hidden int `json:"hidden"`

	until audit.Time // changes up to this time were to be shown
	shown int        // of Read, those up to it
}

// partialOf describes an answer that was cut short, or was to be the whole log.
func partialOf(c capture, r *reading, truncated *harper.TruncatedError) PartialAnswer {
	p := PartialAnswer{Where: c.where, Table: c.table, Read: len(r.changes), Hidden: -1, until: cmp.Or(c.at, c.date)}
	if truncated != nil {
		p.Reason = truncated.Message
		if c.at == 0 && c.date > 0 {
			p.until += 999 // a Date is cut to the second
		}
	} else if p.until == 0 {
		// What was shown was there to be shown.
		for i := range r.changes {
			p.until = max(p.until, r.changes[i].Time)
		}
	}
	if c.whole() && p.until > 0 {
		p.Hidden = 0
	}
	for i := range r.changes {
		if r.changes[i].Time <= p.until {
			p.shown++
		}
	}
	return p
}

// cutReason is how the reason of the gap begins that a cut-short answer leaves.
const cutReason = "a captured answer ended early: "

// cutShort is the gap that an answer leaves which ended early. Where in it the
// unreadable entry lies is not known, nor what follows it. It is none if an
// earlier import of the answer has left it.
func (im *Importer) cutShort(ctx context.Context, c capture, r *reading, truncated *harper.TruncatedError) ([]audit.Gap, error) {
	if truncated == nil {
		return nil, nil
	}
	read := cmp.Or(c.at, r.stamp.Observed)
	if c.at == 0 && c.date > 0 {
		read = c.date + dateSlack // a Date is cut to the second
	}
	g := audit.Gap{
		Node: r.stamp.Node, Table: c.table, From: c.from, To: read, Kind: audit.GapUnreadable, Observed: r.stamp.Observed,
		Reason: cutReason + truncated.Message,
	}
	if c.to > 0 {
		g.To = min(c.to, read)
	}
	gaps, err := im.Store.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range gaps {
		if k.Node == g.Node && k.Table == g.Table && k.From == g.From && k.Reason == g.Reason && c.to == 0 && c.at == 0 {
			return nil, nil
		}
	}
	return []audit.Gap{g}, nil
}

// hidden works out how much each reading of a whole log hides, and drops those
// that hide nothing.
func (im *Importer) hidden(ctx context.Context, report *ImportReport) error {
	if len(report.Partial) == 0 {
		return nil
	}
	tables, err := im.Store.Tables(ctx)
	if err != nil {
		return err
	}
	asked := map[audit.Table][]int{}
	for i, p := range report.Partial {
		if p.Hidden >= 0 && tables[p.Table] > p.shown {
			asked[p.Table] = append(asked[p.Table], i)
		}
	}
	if len(asked) > 0 {
		for c, err := range im.Store.Follow(ctx, 0) {
			if err != nil {
				return err
			}
			for _, i := range asked[c.Key.Table] {
				if p := &report.Partial[i]; c.Time <= p.until && c.Cluster == im.Cluster {
					p.Hidden++
				}
			}
		}
	}
	kept := report.Partial[:0]
	for _, p := range report.Partial {
		if p.Hidden > 0 {
			p.Hidden = max(0, p.Hidden-p.shown)
		}
		if p.Reason != "" || p.Hidden > 0 {
			kept = append(kept, p)
		}
	}
	report.Partial = kept
	return nil
}
