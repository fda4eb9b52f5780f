package querytest

import (
	"fmt"
	"strings"
	"time"

	"recourse/audit"
	"recourse/query"
)

// Pipes makes pipes as text that may follow a query of the corpus.
func (g *Corpus) Pipes() string {
	var b strings.Builder
	for range g.R.IntN(3) {
		b.WriteString(" | " + g.changePipe())
	}
	if g.R.IntN(4) == 0 {
		return b.String()
	}
	pipe, columns := g.rowPipe()
	b.WriteString(" | " + pipe)
	for range g.R.IntN(3) {
		column := pick(g.R, columns...)
		b.WriteString(" | " + pick(g.R, "sort "+column, "sort -"+column, fmt.Sprintf("limit %d", 1+g.R.IntN(9)), "where "+column+">2", "where -"+column+":eve",
			"sort "+column+" | limit 3"))
	}
	return b.String()
}

var fieldsOf = []string{"user", "op", "kind", "table", "node", "id", "db", "after.status", "before.total", "delta.total", "late", "hour", "after.meta.c"}

func (g *Corpus) field() string { return pick(g.R, fieldsOf...) }

func (g *Corpus) changePipe() string {
	switch g.R.IntN(8) {
	case 0:
		return fmt.Sprintf("limit %d", 1+g.R.IntN(60))
	case 1:
		return "first by(" + g.field() + ")"
	case 2:
		a, b := g.field(), g.field()
		if a == b {
			return "last by(" + a + ")"
		}
		return "last by(" + a + "," + b + ")"
	case 3:
		return pick(g.R, "sort ", "sort -") + g.field()
	case 4:
		return "pivot " + pick(g.R, "actors hub 40", "records", "txns", "records hub 3", "touching hub 30")
	case 5:
		return fmt.Sprintf("limit 20 | context %d %d%s", g.R.IntN(3), g.R.IntN(4), pick(g.R, "", " same actor", " same record", " same txn", " same table"))
	case 6:
		return "history"
	}
	return "where " + Where
}

// Where is the one condition that Language knows.
const Where = "svc or || within (a | b)"

// Language reads the queries of a corpus.
func Language(now time.Time) query.Language {
	return query.Language{Now: now, Condition: func(string) (query.Expr, error) {
		return query.Of(query.Where{Text: "svc", Holds: func(c *audit.Change) (bool, error) { return holds(c), nil }}), nil
	}}
}

func holds(c *audit.Change) bool { return strings.HasPrefix(c.User, "svc") || c.Seq%3 == 0 }

func (g *Corpus) rowPipe() (pipe string, columns []string) {
	switch g.R.IntN(7) {
	case 0:
		return "fields seq,user,after.status,time", []string{"seq", "user", "after.status"}
	case 1:
		return fmt.Sprintf("top %d %s", 1+g.R.IntN(5), pick(g.R, "user", "attr", "table", "after.status", "mark", "op")), []string{"count", "others"}
	case 2:
		return "stats by(" + pick(g.R, "day", "table") + ") max(time) count", []string{"count"}
	case 3:
		return pick(g.R, "facets", "facets rare 3", "facets 2 by(user,attr,mark)", "facets by(op)"), []string{"count", "value", "distinct"}
	case 4:
		f := pick(g.R, "user", "user,op", "attr", "after.status", "attr,user", "hour,mark")
		return "stats by(" + f + ") count", []string{"count", strings.Split(f, ",")[0]}
	case 5:
		return "seq (" + g.step() + ") then (" + g.step() + ")" + pick(g.R, "", " then (op:update)", " not (op:delete)", " not (user:eve)") + " within " +
			pick(g.R, "1h", "1d", "30d") + pick(g.R, "", " by(user)", " by(id)", " by(user,table)"), []string{"from", "to"}
	}
	return "stats" + pick(g.R, "", " by(user)", " by(op,table)") + " count distinct(id) sum(after.total) min(after.total) max(before.status) avg(delta.total) p50(after.total) p95(seq) as tail",
		[]string{"count", "tail", "distinct(id)", "max(before.status)"}
}

func (g *Corpus) step() string {
	return pick(g.R, "op:update", "op:upsert", "kind:write", "user:svc-*", "attr:status", "paid", "op:delete or op:patch", "*")
}
