package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A dialect is in what the SQL of two systems differs.
type dialect struct {
	match  func(word string, prefix bool) string // the condition that a row has a word
	newest string                                // the column by which hits of words are listed
}

// sqlOf is a question as SQL: one statement a line, the rows of changes with
// their whole record, as the answer of recourse has them.
func sqlOf(q question, d dialect) string {
	within := fmt.Sprintf("ts >= %s AND ts < %s", number(q.From), number(q.To))
	const columns = "SELECT id, ts, op, usr, tbl, rid, body FROM ev WHERE "
	top := func(where string) string {
		return "SELECT usr, count(*) FROM ev WHERE " + where + " GROUP BY usr ORDER BY 2 DESC, 1 LIMIT 10;"
	}
	newest := func(where, by string) string {
		return fmt.Sprintf("SELECT count(*) FROM ev WHERE %s;\n%s%s ORDER BY %s DESC LIMIT %d;", where, columns, where, by, page)
	}
	switch q.Kind {
	case newestOfUser:
		return newest("usr = "+quoteSQL(q.User)+" AND tbl = "+quoteSQL(q.Table)+" AND "+within, "ts")
	case recordHistory:
		return columns + "tbl = " + quoteSQL(q.Table) + " AND rid = " + quoteSQL(q.ID) + " ORDER BY ts;"
	case rareWord:
		return columns + d.match(q.Word, false) + ";"
	case topUsers:
		return top(within)
	case topDeleters:
		return top("op = 'delete' AND tbl = " + quoteSQL(q.Table) + " AND " + within)
	case hourly:
		return "SELECT CAST(floor(ts / 3600000) AS bigint), count(*) FROM ev WHERE usr = " + quoteSQL(q.User) + " GROUP BY 1 ORDER BY 1;"
	default:
		return newest(d.match(q.Word, true), d.newest)
	}
}

// sqlAnswer reads what sqlOf was answered, columns parted by bars.
func sqlAnswer(q question, lines []string, took time.Duration) (answer, error) {
	a := answer{Took: took, Count: len(lines)}
	switch q.Kind {
	case newestOfUser, wordPrefix:
		if len(lines) == 0 {
			return answer{}, fmt.Errorf("%s: no count in the answer", q.Kind)
		}
		n, err := strconv.Atoi(lines[0])
		if err != nil {
			return answer{}, fmt.Errorf("%s: read the count: %w", q.Kind, err)
		}
		if got := len(lines) - 1; got != min(n, page) {
			return answer{}, fmt.Errorf("%s: %d rows of %d", q.Kind, got, n)
		}
		a.Count = n
	case topUsers, topDeleters, hourly:
		a.Says = strings.Join(lines, " ")
		return a, nil
	}
	a.Says = strconv.Itoa(a.Count)
	return a, nil
}

func quoteSQL(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
