package report

import (
	"cmp"

	"recourse/audit"
	"recourse/query"
)

// A Coverage says how far an answer can be relied on to be whole. The zero value
// is that nobody knows.
type Coverage = query.Coverage

// coverageDoc is a coverage in JSON. Its names are a promise.
type coverageDoc struct {
	Complete  bool         `json:"complete"`
	Gaps      []gapDoc     `json:"gaps"`
	From      *audit.Time  `json:"from"` // null: since ever
	FromISO   *string      `json:"from_iso"`
	To        *audit.Time  `json:"to"` // null: no end
	ToISO     *string      `json:"to_iso"`
	Stretches []stretchDoc `json:"stretches"`
}

type gapDoc struct {
	Node     string        `json:"node"`
	Database string        `json:"database"`
	Table    string        `json:"table"`
	From     *audit.Time   `json:"from"`
	FromISO  *string       `json:"from_iso"`
	To       *audit.Time   `json:"to"`
	ToISO    *string       `json:"to_iso"`
	Kind     audit.GapKind `json:"kind"`
	Reason   string        `json:"reason"`
	Entries  *int          `json:"entries"` // null is not known
	Observed *audit.Time   `json:"observed"`
	Healed   *audit.Time   `json:"healed,omitempty"`
}

// A stretchDoc is a part of one table's time.
type stretchDoc struct {
	Database string      `json:"database"`
	Table    string      `json:"table"`
	From     *audit.Time `json:"from"` // null: since ever
	FromISO  *string     `json:"from_iso"`
	To       *audit.Time `json:"to"` // null: to this day
	ToISO    *string     `json:"to_iso"`
	State    audit.Cover `json:"state"`
	Reason   string      `json:"reason,omitempty"`
	Nodes    []string    `json:"nodes,omitempty"`
}

func newCoverageDoc(c Coverage) coverageDoc {
	doc := coverageDoc{Complete: isComplete(c), Gaps: gapDocs(c.Gaps), Stretches: stretchDocs(c.Stretches)}
	doc.From, doc.FromISO = since(c.From)
	doc.To, doc.ToISO = since(c.To)
	return doc
}

// since is a time, or null for the begin of all times and for their end.
func since(t audit.Time) (*audit.Time, *string) {
	if t <= 0 {
		return nil, nil
	}
	return timeDoc(t), isoDoc(t)
}

// isComplete is false beside a gap, whatever the caller says.
func isComplete(c Coverage) bool { return c.Complete && len(c.Gaps) == 0 && len(c.Open()) == 0 }

func stretchDocs(list []query.TableStretch) []stretchDoc {
	docs := make([]stretchDoc, len(list))
	for i, s := range list {
		docs[i] = stretchDoc{Database: s.Table.Database, Table: s.Table.Name, State: s.Cover, Reason: s.Reason, Nodes: s.Nodes}
		docs[i].From, docs[i].FromISO = since(s.From)
		docs[i].To, docs[i].ToISO = since(s.To)
	}
	return docs
}

func gapDocs(gaps []audit.Gap) []gapDoc {
	docs := make([]gapDoc, len(gaps))
	for i, g := range gaps {
		docs[i] = gapDoc{
			Node: g.Node, Database: g.Table.Database, Table: g.Table.Name, From: timeDoc(g.From), FromISO: isoDoc(g.From),
			To: timeDoc(g.To), ToISO: isoDoc(g.To), Kind: cmp.Or(g.Kind, audit.GapUnreadable), Reason: g.Reason, Observed: timeDoc(g.Observed),
		}
		if g.Entries > 0 {
			docs[i].Entries = &gaps[i].Entries
		}
		if g.Healed != 0 {
			docs[i].Healed = timeDoc(g.Healed)
		}
	}
	return docs
}
