package main

import (
	"fmt"

	"recourse/ingest"
	"recourse/internal/report"
)

// baselineListing is what became of each table. People get the few columns that
// fit a terminal; what a baseline cannot say they are told apart.
func baselineListing(taken []ingest.Taken, people bool) report.Listing {
	l := report.Listing{Name: "baselines", Columns: []string{
		"database", "table", "records", "begun", "ended", "source", "complete",
		"lossy", "cluster", "node", "id", "notes", "error",
	}}
	const short = 7
	if people {
		l.Columns = l.Columns[:short]
	}
	for _, t := range taken {
		notes := t.Notes
		if notes == nil {
			notes = []string{}
		}
		var begun, ended, source, id, why any // null: there is none
		if t.Begun != 0 {
			begun, source, id = t.Begun, string(t.Source), t.ID
		}
		if t.Ended != 0 {
			ended = t.Ended
		}
		if t.Err != nil {
			why = printable(t.Err.Error())
		}
		row := []any{
			t.Table.Database, t.Table.Name, t.Records, begun, ended, source, t.Ended != 0,
			t.Lossy, t.Cluster, t.Node, id, notes, why,
		}
		if people && t.Ended == 0 {
			row[4] = "never"
		}
		if people && t.Begun == 0 {
			row[3], row[5] = "never", "none"
		}
		l.Rows = append(l.Rows, row[:len(l.Columns)])
	}
	return l
}

// baselineNotes tells people what the baselines cannot say.
func baselineNotes(e *env, taken []ingest.Taken) {
	for _, t := range taken {
		for _, n := range t.Notes {
			fmt.Fprintf(e.stderr, "%s: %s\n", printable(t.Table.String()), printable(n))
		}
	}
}
