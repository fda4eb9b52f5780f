package report

import (
	"fmt"
	"strconv"
	"time"

	"recourse/query"
)

// Sessions prints changes put together where they follow one another.
func (p *Printer) Sessions(s *query.Sessions) error {
	return p.print(output{
		document: func() any { return s },
		lines:    func() []any { return linesOf(s.Sessions, s.Summary) },
		page: func(g *page) {
			if len(s.Sessions) > 0 {
				g.sessions(s.Sessions)
				g.gap()
			}
			g.wrapped(plain, 0, sessionsWords(s.Summary))
			g.foot(s.Summary.Footing)
		},
		sheet: func() sheet { return sessionSheet(s.Sessions) },
		notes: func() []string { return append([]string{sessionsWords(s.Summary)}, footNotes(s.Summary.Footing)...) },
	})
}

func sessionsWords(s query.SessionsSummary) string {
	if s.Changes == 0 {
		return notFoundWords(s.Coverage.Coverage, "no change that matches")
	}
	return fmt.Sprintf("%s of %s, parted by pauses of %s", count(s.Sessions, "session"), count(s.Changes, "change"), time.Duration(s.GapMS)*time.Millisecond)
}

func took(ms float64) string {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond).String()
}

func sessionHead() []column {
	return []column{
		{name: "FROM", keep: true}, {name: "TOOK", right: true}, {name: "USER"}, {name: "NODE"}, {name: "CHANGES", right: true}, {name: "RECORDS", right: true},
		{name: "OPS", flex: true}, {name: "TABLES", flex: true},
	}
}

func sessionCells(s *query.Session) []cell {
	return []cell{
		{text: instant(s.From)}, {text: took(s.TookMS)}, userText(s.User), {text: Visible(s.Node)}, {text: strconv.Itoa(s.Changes)}, {text: strconv.Itoa(s.Records)},
		{text: countedWords(s.Ops, 5)}, {text: countedWords(s.Tables, 5)},
	}
}

func (g *page) sessions(list []query.Session) {
	rows := make([][]cell, len(list))
	for i := range list {
		rows[i] = sessionCells(&list[i])
	}
	g.table(sessionHead(), rows)
}

func sessionSheet(list []query.Session) sheet {
	s := sheet{names: []string{"from", "from_iso", "to", "to_iso", "duration_ms", "user", "node", "table", "changes", "records", "ops", "tables", "first_seq", "last_seq", "unknown"}}
	for i := range list {
		o := &list[i]
		s.rows = append(s.rows, []string{
			exactInstant(o.From), instant(o.From), exactInstant(o.To), instant(o.To), strconv.FormatFloat(o.TookMS, 'f', -1, 64), exactUser(o.User), Visible(o.Node), Visible(o.Table),
			strconv.Itoa(o.Changes), strconv.Itoa(o.Records), countedWords(o.Ops, len(o.Ops)), countedWords(o.Tables, len(o.Tables)),
			seqText(o.First), seqText(o.Last), strconv.Itoa(o.Unknown),
		})
	}
	return s
}
