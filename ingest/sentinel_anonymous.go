package ingest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// part is the changes of one table that one transaction made without naming a
// user, or of those that came too many to be held apart, those of one minute.
type part struct {
	Time    audit.Time       `json:"t"`
	End     audit.Time       `json:"end"`
	Deletes bool             `json:"deletes,omitempty"`
	Count   int              `json:"n"`
	Learned audit.Time       `json:"learned"` // by the server's clock
	Changes []audit.Evidence `json:"changes,omitempty"`
}

// burst is changes without a user that are one alert: those of a job, or those
// of a table between two pauses.
type burst struct {
	Begin   audit.Time       `json:"begin"`
	End     audit.Time       `json:"end"`
	Count   int              `json:"n"`
	Changes []audit.Evidence `json:"changes,omitempty"`
}

// Times in milliseconds.
const (
	burstPause  = 60_000  // without such changes for so long, a burst is over
	burstLimit  = hour    // and after so long in any case
	jobPatience = 120_000 // how long a job is waited for that made a change
	jobSlack    = 1000    // by how much a job's changes may lie outside it
)

// addAnonymous takes in a change without a user.
func (tm *tableMemory) addAnonymous(c *audit.Change, now audit.Time) {
	deletes := c.Op.Kind() == audit.KindDelete
	i := len(tm.Pending) - 1
	for ; i >= 0; i-- {
		p := &tm.Pending[i]
		if p.Deletes == deletes && (p.Time == c.Time || len(tm.Pending) >= mostPending && p.Time-60_000 < c.Time && c.Time < p.Time+60_000) {
			break
		}
	}
	if i < 0 {
		tm.Pending = append(tm.Pending, part{Time: c.Time, End: c.Time, Deletes: deletes})
		i = len(tm.Pending) - 1
	}
	p := &tm.Pending[i]
	p.Time, p.End, p.Learned = min(p.Time, c.Time), max(p.End, c.Time), now
	p.Count++
	most := maxEvidence
	if len(tm.Pending) > 20 {
		most = 5 // others have enough
	}
	if len(p.Changes) < most {
		p.Changes = append(p.Changes, evidence(c))
	}
}

// anonymous raises the changes without a user: with the job that made them,
// which names one, or as nobody's. Of caching tables they are what their source
// answered.
func (r *round) anonymous() {
	touched := map[*burst]Alarm{}
	isNew := map[*burst]bool{}
	for _, tm := range r.m.sorted() {
		if tm.Sourced {
			tm.Pending = nil
		}
		slices.SortStableFunc(tm.Pending, func(a, b part) int { return cmp.Compare(a.Time, b.Time) })
		var open []part
		for _, p := range tm.Pending {
			settled := !r.behind && r.jobsUntil > p.End+jobSlack || r.server-p.Learned > jobPatience
			if !settled {
				open = append(open, p)
				continue
			}
			b, a := r.attribute(tm, p)
			isNew[b] = isNew[b] || b.Count == 0
			b.add(p)
			touched[b] = a
		}
		tm.Pending = open
	}
	for _, b := range slices.SortedFunc(maps.Keys(touched), func(a, b *burst) int { return cmp.Compare(a.Begin, b.Begin) }) {
		a := touched[b]
		a.Count, a.Changes, a.End = b.Count, b.Changes, max(a.End, b.End)
		a.Title = counted(b.Count, "change") + a.Title
		r.raise(a, isNew[b])
	}
}

// attribute finds whose part it is. The alarm lacks what the burst tells.
func (r *round) attribute(tm *tableMemory, p part) (*burst, Alarm) {
	a := Alarm{Rule: LogAnonymous, Table: tm.Table}
	if j := r.jobOf(tm.Table, p); j != nil {
		if j.Anon == nil {
			j.Anon = &burst{Begin: j.Start, End: j.Start}
		}
		a.Case, a.User, a.Begin, a.Unknown = j.ID, j.User, j.Anon.Begin, j.Table.Name == ""
		a.Severity, a.Risk = "low", 20
		who := "somebody"
		if j.User != "" {
			who = named(j.User)
		}
		a.Title = fmt.Sprintf(" of %s without a user: %s did them by the job %s (%s)", namedTable(tm.Table), who, named(j.ID), named(j.Type))
		if a.Unknown {
			a.Title = strings.Replace(a.Title, " did them by", " may have done them by", 1)
		}
		return j.Anon, a
	}
	b := tm.Burst
	if b == nil || p.Time-b.End > burstPause || p.End-b.Begin > burstLimit || p.Time < b.Begin {
		b = &burst{Begin: p.Time, End: p.End}
		tm.Burst = b
	}
	a.Begin = b.Begin
	a.Title = fmt.Sprintf(" of %s from %s on without a user, and no job that made them: nobody knows whose they are", namedTable(tm.Table), clock(b.Begin))
	return b, a
}

func (b *burst) add(p part) {
	b.Count += p.Count
	b.End = max(b.End, p.End)
	b.Changes = append(b.Changes, p.Changes[:min(len(p.Changes), maxEvidence-len(b.Changes))]...)
}

// jobOf is the job that made a part: one of the right kind, on that table, that
// ran at that time. One whose table is told goes before one of which it is not.
func (r *round) jobOf(table audit.Table, p part) *jobMemory {
	var guess *jobMemory
	for _, id := range slices.Sorted(maps.Keys(r.m.Jobs)) {
		j := r.m.Jobs[id]
		kind := loadJobs[j.Type] && !p.Deletes || deleteJobs[j.Type] && p.Deletes
		ran := j.Start-jobSlack <= p.Time && (j.End == 0 || p.End <= j.End+jobSlack)
		switch {
		case !kind || !ran:
		case j.Table == table:
			return j
		case j.Table.Name == "":
			guess = j
		}
	}
	return guess
}
