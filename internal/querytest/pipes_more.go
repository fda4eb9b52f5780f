package querytest

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"recourse/audit"
	"recourse/query"
)

// related are the changes of all that some have in common with one of a list, in
// the order of answers, and those of the list.
func (e *evaluation) related(same func(a, b *audit.Change) bool) []audit.Change {
	var out []audit.Change
	for i := range e.all {
		c := &e.all[i]
		for j := range e.changes {
			if e.changes[j].Seq == c.Seq || same(&e.changes[j], c) {
				out = append(out, *c)
				break
			}
		}
	}
	newestFirst(out)
	return out
}

func (e *evaluation) history() {
	touched := map[audit.Key]bool{}
	for _, c := range e.changes {
		if c.Op.Kind() != audit.KindMessage {
			touched[c.Key] = true
		}
	}
	e.changes = nil
	for _, c := range e.all {
		if touched[c.Key] {
			e.changes = append(e.changes, c)
		}
	}
	slices.SortStableFunc(e.changes, func(a, b audit.Change) int {
		return cmp.Or(cmp.Compare(a.Key.Table.Database, b.Key.Table.Database), cmp.Compare(a.Key.Table.Name, b.Key.Table.Name),
			cmp.Compare(a.Key.ID, b.Key.ID), cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
	})
}

func (e *evaluation) pivot(p query.PipePivot) {
	hub := cmp.Or(p.Hub, 1000)
	users, records := map[string]int{}, map[audit.Key]int{}
	for _, c := range e.all {
		users[c.User]++
		records[c.Key]++
	}
	actors := func(a, b *audit.Change) bool { return a.User == b.User && users[a.User] <= hub }
	keys := func(a, b *audit.Change) bool {
		return a.Key == b.Key && records[a.Key] <= hub && a.Op.Kind() != audit.KindMessage
	}
	for range max(p.Depth, 1) {
		switch p.To {
		case "actors":
			e.changes = e.related(actors)
		case "records":
			e.changes = e.related(keys)
		case "txns":
			e.changes = e.related(func(a, b *audit.Change) bool { return a.Time == b.Time })
		case "touching":
			e.changes = e.related(keys)
			e.changes = e.related(actors)
		}
	}
}

func (e *evaluation) context(p query.PipeContext) {
	all := slices.Clone(e.all)
	newestFirst(all)
	keep := map[audit.Seq]bool{}
	for _, c := range e.changes {
		var row []audit.Change
		at := 0
		for _, d := range all {
			same := map[string]bool{"": true, "actor": d.User == c.User, "record": d.Key == c.Key, "txn": d.Time == c.Time, "table": d.Key.Table == c.Key.Table}
			if d.Seq == c.Seq {
				at = len(row)
			}
			if same[p.Same] {
				row = append(row, d)
			}
		}
		for _, d := range row[max(0, at-p.After):min(len(row), at+1+p.Before)] {
			keep[d.Seq] = true
		}
	}
	e.changes = slices.DeleteFunc(all, func(c audit.Change) bool { return !keep[c.Seq] })
}

// sequences tries, for each change that ends one, the latest before it that matches
// the step before, and so on, in each group by itself.
func (e *evaluation) sequences(p query.PipeSeq) {
	newestFirst(e.changes)
	within := audit.Time(p.Within / time.Millisecond)
	e.columns = append(columnNames(p.By), "from", "to", "seqs", "records")
	e.rows = nil
	type found struct {
		first audit.Change
		row   []any
	}
	var all []found
	groups := map[string][]audit.Change{}
	for _, c := range e.changes {
		name := groupName(valuesAt(&c, p.By))
		groups[name] = append(groups[name], c)
	}
	for _, changes := range groups {
		for from := 0; from < len(changes); {
			chain, next := nearest(changes[from:], p, within)
			if chain == nil {
				break
			}
			from += next
			first, last := chain[len(chain)-1], chain[0]
			row := valuesAt(&first, p.By)
			var seqs, keys []string
			for _, c := range slices.Backward(chain) {
				seqs = append(seqs, strconv.Itoa(int(c.Seq)))
				if k := c.Key.String(); len(keys) == 0 || keys[len(keys)-1] != k {
					keys = append(keys, k)
				}
			}
			all = append(all, found{first, append(row, first.Time, last.Time, seqs, keys)})
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.first.Time, a.first.Time), cmp.Compare(b.first.Seq, a.first.Seq))
	})
	for _, f := range all {
		e.rows = append(e.rows, f.row)
	}
}

// nearest is the first sequence that becomes whole as one goes back in time, latest
// change first, and how many changes that takes. For each change it looks for the
// best chain that it may begin: the one that ended the earliest.
func nearest(changes []audit.Change, p query.PipeSeq, within audit.Time) ([]audit.Change, int) {
	n := len(p.Steps)
	begun := 0 // no chain may begin before this place: a change of Not lies there
	for at := range changes {
		c := changes[at]
		if chain := chainTo(changes[begun:at+1], p.Steps, n-1, within); chain != nil && len(chain) == n {
			return chain, at + 1
		}
		if p.But && p.Not.Match(&c) {
			begun = at // it may end one itself
			if !p.Steps[n-1].Match(&c) {
				begun = at + 1
			}
		}
	}
	return nil, 0
}

// chainTo goes through changes, latest first, whose last one is to be the first step
// of a chain: the change of each later step is the nearest to it that can be.
func chainTo(changes []audit.Change, steps []query.Expr, last int, within audit.Time) []audit.Change {
	// best[i] is the best chain from step i on, of the changes so far.
	best := make([][]audit.Change, len(steps))
	for at, c := range changes {
		updated := slices.Clone(best)
		for i := range steps {
			if !steps[i].Match(&c) {
				continue
			}
			if i == last {
				updated[i] = []audit.Change{c}
				continue
			}
			if best[i+1] == nil || best[i+1][0].Time-c.Time > within {
				continue
			}
			chain := append(slices.Clone(best[i+1]), c)
			if i == 0 {
				if at == len(changes)-1 {
					return chain
				}
				continue
			}
			updated[i] = chain
		}
		best = updated
	}
	return nil
}
