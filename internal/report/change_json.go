package report

import (
	"recourse/audit"
	"recourse/query"
)

// changeDoc is a change in JSON. Its names are a promise; docs/json.md explains
// each.
type changeDoc struct {
	Seq         audit.Seq      `json:"seq"`
	ID          audit.ChangeID `json:"id"`
	Time        *audit.Time    `json:"time"`
	TimeISO     *string        `json:"time_iso"`
	Cluster     string         `json:"cluster,omitempty"`
	Node        string         `json:"node"`
	Database    string         `json:"database"`
	Table       string         `json:"table"`
	Key         audit.ID       `json:"key"`
	User        *string        `json:"user"`
	Op          audit.Op       `json:"op"`
	Reported    audit.Op       `json:"op_reported"`
	Changed     []string       `json:"changed"`
	Diff        []editDoc      `json:"diff"`
	DiffUnknown bool           `json:"diff_unknown,omitempty"`
	Before      imageDoc       `json:"before"`
	After       imageDoc       `json:"after"`
	Group       audit.Group    `json:"group"`
	Nth         int            `json:"nth,omitempty"`
	Lossy       bool           `json:"lossy,omitempty"`
	Late        bool           `json:"late,omitempty"`
	Sent        audit.Value    `json:"sent,omitzero"`
	Synthetic   bool           `json:"synthetic,omitempty"`
	Note        string         `json:"note,omitempty"`
}

// editDoc is one edit. An attribute that is not there has no old or no new,
// which tells it from null.
type editDoc struct {
	Path string      `json:"path"`
	Old  audit.Value `json:"old,omitzero"`
	New  audit.Value `json:"new,omitzero"`
}

type imageDoc struct {
	State  audit.State  `json:"state"`
	Source audit.Source `json:"source"`
	Trust  audit.Trust  `json:"trust"`
	Body   audit.Value  `json:"body,omitzero"`
}

func (p *Printer) changeDoc(c *audit.Change) changeDoc {
	doc := changeDoc{
		Seq: c.Seq, ID: c.ID, Time: timeDoc(c.Time), TimeISO: isoDoc(c.Time), Cluster: c.Cluster, Node: c.Node,
		Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID,
		Op: c.Op, Reported: c.Reported, Before: p.imageDoc(c.Before), After: p.imageDoc(c.After),
		Group: c.Group, Nth: c.Nth, Lossy: c.Lossy, Late: c.Late, Note: c.Note,
	}
	doc.Synthetic = c.Synthetic
	if !p.o.NoImages {
		doc.Sent = c.Sent
	}
	if c.User != "" {
		doc.User = &c.User
	}
	d, known := c.Diff()
	if doc.DiffUnknown = !known; known {
		doc.Changed = append([]string{}, d.Attributes()...)
		doc.Diff = editDocs(d)
	}
	return doc
}

func editDocs(d audit.Diff) []editDoc {
	docs := make([]editDoc, len(d))
	for i, e := range d {
		docs[i] = editDoc(e)
	}
	return docs
}

func (p *Printer) imageDoc(i audit.Image) imageDoc {
	doc := imageDoc{State: i.State, Source: i.Source, Trust: i.Trust}
	if !p.o.NoImages && i.State == audit.Present {
		doc.Body = i.Body
	}
	return doc
}

// timeDoc is null for what is no finite number, isoDoc for a time that RFC 3339
// cannot say.
func timeDoc(t audit.Time) *audit.Time { return query.Number(t) }

func isoDoc(t audit.Time) *string { return query.ISO(t) }

// iso is a time for a reader's eye, to the millisecond or in full.
func iso(t audit.Time, full bool) string {
	at := t.Go()
	switch {
	case at.IsZero():
		return t.String()
	case full:
		return t.ISO()
	}
	return at.Format("2006-01-02T15:04:05.000Z")
}
