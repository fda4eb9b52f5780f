package query

import (
	"cmp"
	"encoding/json"
	"math"

	"recourse/audit"
)

// A CoverageDoc is a coverage in JSON. Its names are a promise.
type CoverageDoc struct {
	Complete  bool         `json:"complete"`
	Gaps      []GapDoc     `json:"gaps"`
	From      *audit.Time  `json:"from"` // null: since ever
	FromISO   *string      `json:"from_iso"`
	To        *audit.Time  `json:"to"` // null: no end
	ToISO     *string      `json:"to_iso"`
	Stretches []StretchDoc `json:"stretches"`
}

// A GapDoc is a gap in JSON.
type GapDoc struct {
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

// A StretchDoc is a part of one table's time in JSON.
type StretchDoc struct {
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

// Doc is the coverage as JSON has it.
func (c Coverage) Doc() CoverageDoc {
	doc := CoverageDoc{Complete: c.Whole(), Gaps: GapDocs(c.Gaps), Stretches: StretchDocs(c.Stretches)}
	doc.From, doc.FromISO = Since(c.From)
	doc.To, doc.ToISO = Since(c.To)
	return doc
}

// Whole is Complete, but false beside a gap or a stretch that was not read,
// whatever the maker of the coverage says.
func (c Coverage) Whole() bool { return c.Complete && len(c.Gaps) == 0 && len(c.Open()) == 0 }

// Since is a time in JSON, null for the begin of all times and for their end.
func Since(t audit.Time) (*audit.Time, *string) {
	if t <= 0 {
		return nil, nil
	}
	return Number(t), ISO(t)
}

// Number is a time in JSON, null for what is no finite number: JSON has no word
// for it.
func Number(t audit.Time) *audit.Time {
	if f := float64(t); math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &t
}

// ISO is a time for people in JSON, null for one that RFC 3339 cannot say.
func ISO(t audit.Time) *string {
	if t.Go().IsZero() {
		return nil
	}
	s := t.ISO()
	return &s
}

// StretchDocs are stretches as JSON has them.
func StretchDocs(list []TableStretch) []StretchDoc {
	docs := make([]StretchDoc, len(list))
	for i, s := range list {
		docs[i] = StretchDoc{Database: s.Table.Database, Table: s.Table.Name, State: s.Cover, Reason: s.Reason, Nodes: s.Nodes}
		docs[i].From, docs[i].FromISO = Since(s.From)
		docs[i].To, docs[i].ToISO = Since(s.To)
	}
	return docs
}

// GapDocs are gaps as JSON has them.
func GapDocs(gaps []audit.Gap) []GapDoc {
	docs := make([]GapDoc, len(gaps))
	for i, g := range gaps {
		docs[i] = GapDoc{
			Node: g.Node, Database: g.Table.Database, Table: g.Table.Name, From: Number(g.From), FromISO: ISO(g.From),
			To: Number(g.To), ToISO: ISO(g.To), Kind: cmp.Or(g.Kind, audit.GapUnreadable), Reason: g.Reason, Observed: Number(g.Observed),
		}
		if g.Entries > 0 {
			docs[i].Entries = &gaps[i].Entries
		}
		if g.Healed != 0 {
			docs[i].Healed = Number(g.Healed)
		}
	}
	return docs
}

// A Stated coverage has a form in JSON: that of [CoverageDoc].
type Stated struct{ Coverage }

// MarshalJSON is the coverage's Doc.
func (s Stated) MarshalJSON() ([]byte, error) { return json.Marshal(s.Doc()) }
