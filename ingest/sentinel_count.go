package ingest

import (
	"fmt"

	"recourse/audit"
	"recourse/internal/harper"
)

// counting compares how many records Harper says that a table has with how many
// it should at least have, by the inserts and deletes that are stored. What
// Harper says is an estimate, and may count deleted records for as long as the
// log has their deletes; so every delete of that time may lower it.
type counting struct {
	Base    recordCount `json:"base"`
	Creates int64       `json:"creates,omitempty"` // stored since the base, of records that were new
	// Deletes are those stored, by the hour in which they were learned.
	Deletes map[int64]int64 `json:"deletes,omitempty"`
	Last    recordCount     `json:"last"`            // the last look, with the creates until then
	Short   int             `json:"short,omitempty"` // so many looks in a row found too few
}

// A recordCount is one look at a table's number of records.
type recordCount struct {
	At    audit.Time `json:"at"`
	Count int64      `json:"n"`
	// Low and High are the limits between which the number is, where Harper
	// guessed; else they are the number.
	Low     int64 `json:"low"`
	High    int64 `json:"high"`
	Creates int64 `json:"creates,omitempty"` // stored since the base
}

// rebaseAfter is how long a base is compared with, in milliseconds: long enough
// to see records vanish one by one.
const rebaseAfter = 24 * hour

// shortLooks is how many looks in a row must find too few records.
const shortLooks = 2

func (n *counting) take(c *audit.Change, now audit.Time, mine bool) {
	switch {
	case c.Op.Kind() == audit.KindDelete:
		if n.Deletes == nil {
			n.Deletes = map[int64]int64{}
		}
		n.Deletes[int64(now/hour)]++
	case c.Op == audit.OpInsert && mine && n.Base.At != 0 && c.Time > n.Base.At:
		// Harper's insert skips keys that exist.
		n.Creates++
	}
}

// look keeps what Harper says now. It is judged at a later look, when the tail
// has read what was written until now.
func (n *counting) look(info harper.TableInfo, now audit.Time) {
	n.Last = recordCount{At: now, Count: info.RecordCount, Low: info.RecordCount, High: info.RecordCount, Creates: n.Creates}
	if info.CountRange != [2]int64{} {
		n.Last.Low, n.Last.High = info.CountRange[0], info.CountRange[1]
	}
	if n.Base.At == 0 || n.Short == 0 && now-n.Base.At > rebaseAfter {
		n.Base, n.Creates, n.Last.Creates = n.Last, 0, 0
		n.Base.Creates = 0
	}
}

// rebase begins anew from the last look.
func (n *counting) rebase() {
	n.Short = 0
	n.Base = recordCount{}
}

func (n *counting) deletes() int64 {
	var sum int64
	for _, d := range n.Deletes {
		sum += d
	}
	return sum
}

func (n *counting) forget(before audit.Time) {
	for h := range n.Deletes {
		if audit.Time(h)*hour < before {
			delete(n.Deletes, h)
		}
	}
}

// countError is by how much a number that Harper counted may be wrong all the
// same: what is written while it counts may be in it or not.
func countError(count int64) int64 { return max(2, count/100) }

// shortage judges the last look, once the tail has read up to it: whether it has
// fewer records than there can be, for the second time in a row, and the alarm
// about it.
func (r *round) shortage(tm *tableMemory, read audit.Time) (bool, Alarm) {
	n := &tm.Count
	if tm.Sourced || tm.Expires || tm.Off != 0 || n.Base.At == 0 || n.Last.At <= n.Base.At || read <= n.Last.At || r.behind {
		return false, Alarm{}
	}
	deletes := n.deletes()
	least := n.Base.Low + n.Last.Creates - deletes
	if n.Last.High >= least-countError(n.Base.Low) {
		n.Short = 0
		return false, Alarm{}
	}
	if n.Short++; n.Short < shortLooks {
		return false, Alarm{}
	}
	return true, Alarm{
		Rule: LogRecordsVanished, Table: tm.Table, Begin: n.Base.At, End: n.Last.At, Count: int(least - n.Last.High),
		Title: fmt.Sprintf("%s has about %d records where at least %d should be (about %d at %s, %d inserted and %d deleted since): some vanished without a delete",
			namedTable(tm.Table), n.Last.Count, least, n.Base.Count, clock(n.Base.At), n.Last.Creates, deletes),
	}
}
