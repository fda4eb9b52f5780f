package report

import (
	"recourse/audit"
	"recourse/query"
)

// partialWords say of an answer that was interrupted that it is not all.
const partialWords = "partial: interrupted; this is what was found until then, and there may be more"

// footNotes are what stands below the answer of a verb.
func footNotes(f query.Footing) []string {
	notes := coverageNotes(f.Coverage.Coverage)
	if f.Partial {
		notes = append([]string{partialWords}, notes...)
	}
	return notes
}

// foot writes what an answer rests on.
func (g *page) foot(f query.Footing) {
	if f.Partial {
		g.wrapped(warn, 0, partialWords)
	}
	g.coverage(f.Coverage.Coverage)
}

// linesOf are rows as lines of NDJSON, with the summary last.
func linesOf[T any](rows []T, summary any) []any {
	lines := make([]any, 0, len(rows)+1)
	for i := range rows {
		lines = append(lines, &rows[i])
	}
	return append(lines, summaryLine{summary})
}

// notFoundWords say that there is nothing, or that nobody knows.
func notFoundWords(c Coverage, what string) string {
	if isComplete(c) {
		return "none: " + what + " in what is stored, and the log was read whole there"
	}
	return "unknown: " + what + " in what is stored, and the log is not known to be whole there"
}

// refCells are a change's number, time, user and operation.
func refCells(r *query.Ref) []cell {
	if r == nil {
		return []cell{{}, {}, {}, {}}
	}
	return []cell{{text: seqText(r.Seq)}, {text: refTime(r)}, user(r.UserName()), {Visible(string(r.Op)), opPaint(r.Op)}}
}

var refColumns = []column{{name: "CHANGE", right: true, keep: true}, {name: "TIME", keep: true}, {name: "USER"}, {name: "OP"}}

// refTexts are the same for a sheet.
func refTexts(r *query.Ref) []string {
	if r == nil {
		return []string{"", "", "", "", ""}
	}
	return []string{seqText(r.Seq), r.At().String(), iso(r.At(), true), Visible(r.UserName()), Visible(string(r.Op))}
}

// refNames are the names of the columns of refTexts, each with a prefix.
func refNames(prefix string) []string {
	return []string{prefix + "seq", prefix + "time", prefix + "time_iso", prefix + "user", prefix + "op"}
}

func refTime(r *query.Ref) string { return iso(r.At(), false) }

// refWords name a change in a sentence.
func refWords(r *query.Ref) string {
	return "#" + seqText(r.Seq) + " of " + refTime(r) + " by " + user(r.UserName()).text + " (" + Visible(string(r.Op)) + ")"
}

// clusterWords are a cluster's name behind a record's, where there are several.
func clusterWords(name string) string {
	if name == "" {
		return ""
	}
	return " in cluster " + Visible(name)
}

// recordWords name a record of a verb's answer.
func recordWords(r query.RecordRef) string { return record(r.Record()) + clusterWords(r.Cluster) }

// userText is a user's name that may be missing.
func userText(name *string) cell {
	if name == nil {
		return user("")
	}
	return user(*name)
}

// exactUser is the same for a sheet: empty where the log named none.
func exactUser(name *string) string {
	if name == nil {
		return ""
	}
	return Visible(*name)
}

// instant is a time of a verb's answer that may be missing.
func instant(t *audit.Time) string {
	if t == nil {
		return "unknown"
	}
	return iso(*t, false)
}

// exactInstant is the same as a number for a sheet.
func exactInstant(t *audit.Time) string {
	if t == nil {
		return ""
	}
	return t.String()
}
