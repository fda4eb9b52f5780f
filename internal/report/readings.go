package report

import (
	"fmt"

	"recourse/audit"
)

// Readings are what else was read of a change than what is stored as it: on
// other nodes, and otherwise.
type Readings struct {
	Observations []audit.Observation
	Divergences  []audit.Divergence
}

type observationDoc struct {
	Node        string      `json:"node"`
	Op          audit.Op    `json:"op"`
	Observed    *audit.Time `json:"observed"`
	ObservedISO *string     `json:"observed_iso"`
}

type divergenceDoc struct {
	observationDoc
	User  *string  `json:"user"`
	After imageDoc `json:"after"`
}

// fullChangeDoc is a change with all its readings.
type fullChangeDoc struct {
	changeDoc
	Observations []observationDoc `json:"observations"`
	Divergences  []divergenceDoc  `json:"divergences"`
}

func (p *Printer) fullChangeDoc(c *audit.Change, r Readings) fullChangeDoc {
	doc := fullChangeDoc{changeDoc: p.changeDoc(c), Observations: []observationDoc{}, Divergences: []divergenceDoc{}}
	for _, o := range r.Observations {
		doc.Observations = append(doc.Observations, observationDoc{o.Node, o.Op, timeDoc(o.Observed), isoDoc(o.Observed)})
	}
	for _, d := range r.Divergences {
		out := divergenceDoc{observationDoc{d.Node, d.Op, timeDoc(d.Observed), isoDoc(d.Observed)}, nil, p.imageDoc(d.After)}
		if d.User != "" {
			user := d.User
			out.User = &user
		}
		doc.Divergences = append(doc.Divergences, out)
	}
	return doc
}

// readings writes what else was read of a change.
func (g *page) readings(r Readings, bodies bool) {
	for _, o := range r.Observations {
		g.line(faint, "    also in the log of %s, as %s, read %s", nodeName(o.Node), Visible(string(o.Op)), iso(o.Observed, false))
	}
	for _, d := range r.Divergences {
		who := "by nobody named"
		if d.User != "" {
			who = "by " + Visible(d.User)
		}
		g.wrapped(warn, 4, fmt.Sprintf("read otherwise on %s at %s: %s %s, after %s",
			nodeName(d.Node), iso(d.Observed, false), Visible(string(d.Op)), who, imageWords(d.After)))
		if bodies {
			g.image("then", d.After)
		}
	}
}
