package store

import (
	"slices"

	"recourse/audit"
)

// numbered is an alert whose evidence has the numbers under which changes of this
// batch are stored: who finds something wrong with a log does so before that.
func (a *appender) numbered(l audit.Alert) audit.Alert {
	if !slices.ContainsFunc(l.Changes, func(e audit.Evidence) bool { return e.Seq == 0 }) {
		return l
	}
	type moment struct {
		key audit.Key
		at  audit.Time
	}
	seqs := map[moment]audit.Seq{}
	for i := range a.r.rows {
		c := &a.r.rows[i].c
		seqs[moment{c.Key, c.Time}] = c.Seq
	}
	l.Changes = slices.Clone(l.Changes)
	for i := range l.Changes {
		e := &l.Changes[i]
		if e.Seq != 0 {
			continue
		}
		key := audit.Key{Table: audit.Table{Database: e.Database, Name: e.Table}, ID: e.Key}
		if e.Seq = seqs[moment{key, e.Time}]; e.Seq == 0 {
			continue
		}
		if l.FirstSeq == 0 || e.Seq < l.FirstSeq {
			l.FirstSeq = e.Seq
		}
		l.LastSeq = max(l.LastSeq, e.Seq)
	}
	return l
}
