package api

import (
	"cmp"
	"slices"
	"time"

	"recourse/audit"
)

// lags is what follows from a state about how far behind the reading is.
type lags struct {
	table  map[tableOf]time.Duration     // of what was read at all
	node   map[string]time.Duration      // the worst of the node's tables that were read
	unread map[string]int                // tables of the node that were never read
	best   map[audit.Table]time.Duration // of the node that read it furthest: each logs what the others do
	never  []audit.Table                 // read on no node, in order
}

type tableOf struct {
	node  string
	table audit.Table
}

// lagsOf compares how far each table was read with the clock of its node: ours,
// where the node's is not known. A table that was read beyond that has no lag.
func lagsOf(s State) lags {
	l := lags{map[tableOf]time.Duration{}, map[string]time.Duration{}, map[string]int{}, map[audit.Table]time.Duration{}, nil}
	skew := map[string]time.Duration{}
	for _, n := range s.Nodes {
		if n.Skew != nil {
			skew[n.Node] = *n.Skew
		}
	}
	seen := map[audit.Table]bool{}
	for _, t := range s.Tables {
		seen[t.Table] = true
		if t.Read == 0 {
			l.unread[t.Node]++
			continue
		}
		lag := max(0, s.At.Add(skew[t.Node]).Sub(t.Read.Go()))
		l.table[tableOf{t.Node, t.Table}] = lag
		l.node[t.Node] = max(l.node[t.Node], lag)
		if least, there := l.best[t.Table]; !there || lag < least {
			l.best[t.Table] = lag
		}
	}
	for table := range seen {
		if _, read := l.best[table]; !read {
			l.never = append(l.never, table)
		}
	}
	slices.SortFunc(l.never, compareTables)
	return l
}

// worst is the table that is furthest behind on the node that is furthest.
func (l lags) worst() (table audit.Table, lag time.Duration) {
	for t, d := range l.best {
		if d > lag || d == lag && (table == audit.Table{} || compareTables(t, table) < 0) {
			table, lag = t, d
		}
	}
	return table, lag
}

func compareTables(a, b audit.Table) int {
	return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
}
