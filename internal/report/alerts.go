package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// alertDoc is an alert in JSON: the alert's own fields, and its times for
// people.
type alertDoc struct {
	audit.Alert
	Attack    []string          `json:"attack"`
	Group     map[string]string `json:"group"`
	FirstSeq  *audit.Seq        `json:"first_seq"`
	LastSeq   *audit.Seq        `json:"last_seq"`
	FirstTime *audit.Time       `json:"first_time"`
	FirstISO  *string           `json:"first_time_iso"`
	LastTime  *audit.Time       `json:"last_time"`
	LastISO   *string           `json:"last_time_iso"`
	Changes   []evidenceDoc     `json:"changes"`
	History   []eventDoc        `json:"history,omitempty"`
	Coverage  *coverageDoc      `json:"coverage,omitempty"` // of its tables, from the first change to the last
}

// eventDoc is a line of an alert's history in JSON.
type eventDoc struct {
	audit.AlertEvent
	At    *audit.Time `json:"at"`
	AtISO *string     `json:"at_iso"`
}

type evidenceDoc struct {
	Seq *audit.Seq `json:"seq"`
	audit.Evidence
	Time *audit.Time `json:"time"`
}

// seqDoc is a change's number, or nil: a finding about the log itself may rest on
// what is not stored.
func seqDoc(s audit.Seq) *audit.Seq {
	if s == 0 {
		return nil
	}
	return &s
}

// seqText is a change's number for people, empty when there is none.
func seqText(s audit.Seq) string {
	if s == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(s), 10)
}

func newAlertDoc(a audit.Alert) alertDoc {
	doc := alertDoc{
		Alert: a, Attack: append([]string{}, a.Attack...), Group: a.Group,
		FirstSeq: seqDoc(a.FirstSeq), LastSeq: seqDoc(a.LastSeq),
		FirstTime: timeDoc(a.FirstTime), FirstISO: isoDoc(a.FirstTime), LastTime: timeDoc(a.LastTime), LastISO: isoDoc(a.LastTime),
		Changes: make([]evidenceDoc, len(a.Changes)),
	}
	if doc.Group == nil {
		doc.Group = map[string]string{}
	}
	for i, e := range a.Changes {
		doc.Changes[i] = evidenceDoc{seqDoc(e.Seq), e, timeDoc(e.Time)}
	}
	return doc
}

// Alerts prints a list of alerts, in the order given.
func (p *Printer) Alerts(alerts []audit.Alert) error {
	return p.print(output{
		document: func() any {
			docs := make([]alertDoc, len(alerts))
			for i, a := range alerts {
				docs[i] = newAlertDoc(a)
			}
			return struct {
				Alerts []alertDoc `json:"alerts"`
			}{docs}
		},
		lines: func() []any {
			lines := make([]any, len(alerts))
			for i, a := range alerts {
				lines[i] = newAlertDoc(a)
			}
			return lines
		},
		page: func(g *page) {
			if len(alerts) == 0 {
				g.line(plain, "no alerts")
				return
			}
			g.alerts(alerts)
		},
		sheet: func() sheet { return alertSheet(alerts) },
	})
}

func (g *page) alerts(alerts []audit.Alert) {
	cols := []column{
		{name: "ID", keep: true}, {name: "SEVERITY"}, {name: "RISK", right: true}, {name: "STATE"}, {name: "FIRST"},
		{name: "CHANGES", right: true}, {name: "GROUP", flex: true}, {name: "TITLE", flex: true},
	}
	rows := make([][]cell, len(alerts))
	for i, a := range alerts {
		rows[i] = []cell{
			{text: cut(Visible(a.ID), 16)}, {Visible(a.Severity), severityPaint(a.Severity)}, {text: strconv.Itoa(a.Risk)}, {text: stateWord(a)},
			{text: iso(a.FirstTime, false)}, {text: strconv.Itoa(a.Count)}, {text: groupWords(a.Group)}, {text: Visible(a.Title) + alertMarks(a)},
		}
	}
	g.table(cols, rows)
}

func severityPaint(s string) paint {
	switch s {
	case "critical", "high":
		return bad
	case "medium":
		return warn
	}
	return plain
}

// stateWord is an alert's state, or that it is open and nobody is told of it.
func stateWord(a audit.Alert) string {
	if a.Muted != "" && a.State == audit.AlertOpen {
		return "muted"
	}
	return Visible(string(a.State))
}

func alertMarks(a audit.Alert) string {
	s := ""
	if a.Unknown {
		s += " [something looked at was unknown]"
	}
	if a.Late {
		s += " [late]"
	}
	return s
}

func groupWords(group map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(group)) {
		parts = append(parts, Visible(k)+"="+Visible(group[k]))
	}
	return strings.Join(parts, " ")
}

// Alert prints one alert with its history and the changes that it rests on, and how
// whole the log of their tables is; nil for an alert that is about no table.
func (p *Printer) Alert(a audit.Alert, cov *Coverage, history ...audit.AlertEvent) error {
	return p.print(output{
		document: func() any {
			doc := newAlertDoc(a)
			for _, h := range history {
				doc.History = append(doc.History, eventDoc{h, timeDoc(h.At), isoDoc(h.At)})
			}
			if cov != nil {
				c := newCoverageDoc(*cov)
				doc.Coverage = &c
			}
			return doc
		},
		page: func(g *page) {
			g.line(bold, "%s", Visible(a.Title))
			g.line(severityPaint(a.Severity), "%s, risk %d, %s", Visible(a.Severity), a.Risk, Visible(string(a.State)))
			fields := [][2]string{
				{"id", Visible(a.ID)},
				{"rule", Visible(a.Rule) + "  " + Visible(a.RuleName)},
				{"group", groupWords(a.Group)},
				{"attack", Visible(strings.Join(a.Attack, " "))},
				{"first", moment(a.FirstTime, a.FirstSeq)},
				{"last", moment(a.LastTime, a.LastSeq)},
			}
			for _, f := range fields {
				g.line(plain, "  %-7s %s", f[0], f[1])
			}
			if a.Unknown {
				g.line(warn, "  something that the rule looked at was unknown")
			}
			if a.Late {
				g.line(warn, "  late: rests on changes found by reading again what had been passed")
			}
			g.standing(a)
			g.history(history)
			g.gap()
			g.line(plain, "%s", evidenceCount(a))
			g.evidence(a.Changes)
			if cov != nil {
				g.gap()
				g.coverage(*cov)
			}
		},
		sheet: func() sheet { return evidenceSheet(a.Changes) },
		notes: func() []string {
			notes := []string{fmt.Sprintf("%s (%s, risk %d, %s), rule %s, %s", Visible(a.Title), Visible(a.Severity), a.Risk, Visible(string(a.State)), Visible(a.Rule), groupWords(a.Group)), evidenceCount(a)}
			if cov != nil {
				notes = append(notes, coverageNotes(*cov)...)
			}
			return notes
		},
	})
}

// moment is a time and the change that was then, if one is stored.
func moment(t audit.Time, s audit.Seq) string {
	if s == 0 {
		return iso(t, true)
	}
	return iso(t, true) + "  #" + seqText(s)
}

func evidenceCount(a audit.Alert) string {
	if len(a.Changes) == 0 {
		// The ingestor's own alerts are about the log, and may have no change to show.
		if a.Count == 0 {
			return "rests on no single change"
		}
		return fmt.Sprintf("concerns %d, none of which is listed", a.Count)
	}
	s := count(a.Count, "change")
	if a.Count != len(a.Changes) {
		s += fmt.Sprintf(", of which %d are listed", len(a.Changes))
	}
	if a.FirstSeq == 0 {
		s += ", none of which is stored"
	}
	if a.Suppressed > 0 {
		s += fmt.Sprintf(", %d suppressed", a.Suppressed)
	}
	return s
}

func (g *page) evidence(list []audit.Evidence) {
	cols := []column{{name: "SEQ", right: true, keep: true}, {name: "TIME", keep: true}, {name: "RECORD", flex: true}}
	rows := make([][]cell, len(list))
	for i, e := range list {
		key := audit.Key{Table: audit.Table{Database: e.Database, Name: e.Table}, ID: e.Key}
		rows[i] = []cell{{text: cmp.Or(seqText(e.Seq), "-")}, {text: iso(e.Time, false)}, {text: record(key)}}
	}
	if len(rows) > 0 {
		g.table(cols, rows)
	}
}

func evidenceSheet(list []audit.Evidence) sheet {
	s := sheet{names: []string{"seq", "time", "time_iso", "database", "table", "key"}}
	for _, e := range list {
		s.rows = append(s.rows, []string{
			seqText(e.Seq), e.Time.String(), iso(e.Time, true), Visible(e.Database), Visible(e.Table), visibleJSON(string(e.Key)),
		})
	}
	return s
}

func alertSheet(alerts []audit.Alert) sheet {
	s := sheet{names: []string{"id", "severity", "risk", "state", "rule", "title", "group", "attack", "count", "first_time", "first_time_iso", "last_time", "last_time_iso", "first_seq", "last_seq", "unknown", "late"}}
	for _, a := range alerts {
		s.rows = append(s.rows, []string{
			Visible(a.ID), Visible(a.Severity), strconv.Itoa(a.Risk), Visible(string(a.State)), Visible(a.Rule), Visible(a.Title), groupWords(a.Group),
			Visible(strings.Join(a.Attack, " ")), strconv.Itoa(a.Count), a.FirstTime.String(), iso(a.FirstTime, true), a.LastTime.String(), iso(a.LastTime, true),
			seqText(a.FirstSeq), seqText(a.LastSeq), strconv.FormatBool(a.Unknown), strconv.FormatBool(a.Late),
		})
	}
	return s
}
