package report

import (
	"cmp"
	"fmt"

	"recourse/audit"
)

// standing is what became of an alert, as far as anything did.
func (g *page) standing(a audit.Alert) {
	if a.Assignee != "" {
		g.line(plain, "  assigned to %s", Visible(a.Assignee))
	}
	switch {
	case a.Verdict == audit.VerdictDuplicate:
		g.line(plain, "  verdict: a duplicate of %s", Visible(a.DuplicateOf))
	case a.Verdict != "":
		g.line(plain, "  verdict: %s", Visible(string(a.Verdict)))
	}
	if a.Muted != "" {
		g.line(warn, "  nobody is told of it: %s; it would have been told %s", mutedWords(a), times(a.Withheld))
	}
	if a.Repeats > 0 {
		g.line(plain, "  repeated by %s with %s", count(a.Repeats, "alert"), count(a.RepeatedChanges, "change"))
	}
	if a.Runbook != "" {
		g.line(plain, "  runbook %s", Visible(a.Runbook))
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func mutedWords(a audit.Alert) string {
	by := Visible(a.MutedBy)
	switch a.Muted {
	case audit.MutedExperimental:
		return "its rule is experimental"
	case audit.MutedSilence:
		return "silence " + by
	case audit.MutedInhibited:
		return "alert " + by + " explains it"
	case audit.MutedRepeat:
		return "it repeats alert " + by
	case audit.MutedMerged:
		return "it is part of alert " + by
	}
	return Visible(string(a.Muted))
}

// history is what was done with an alert, a line each.
func (g *page) history(events []audit.AlertEvent) {
	if len(events) == 0 {
		return
	}
	g.gap()
	rows := make([][]cell, len(events))
	for i, e := range events {
		what := string(e.Action)
		switch {
		case e.Action == audit.ActionAssigned:
			what += " to " + cmp.Or(e.Assignee, "nobody")
		case e.DuplicateOf != "":
			what += ": a duplicate of " + e.DuplicateOf
		case e.Verdict != "":
			what += ": " + string(e.Verdict)
		}
		rows[i] = []cell{{text: iso(e.At, false)}, {text: Visible(cmp.Or(e.By, "recourse"))}, {text: Visible(what)}, {text: Visible(e.Note)}}
	}
	g.table([]column{{name: "AT", keep: true}, {name: "BY"}, {name: "WHAT", flex: true}, {name: "NOTE", flex: true}}, rows)
}
