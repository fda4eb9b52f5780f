package ingest

import (
	"fmt"
	"math"

	"recourse/audit"
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
	At      audit.Time `json:"at"`
	Count   int64      `json:"n"`
	Creates int64      `json:"creates,omitempty"`
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
func (n *counting) look(count int64, now audit.Time) {
	n.Last = recordCount{At: now, Count: count, Creates: n.Creates}
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

// countError is by how much Harper's number may be wrong. Up to a thousand
// records it counts them; beyond, it counts for half a second and estimates the
// rest.
func countError(count int64) int64 {
	if count <= 1000 {
		return 2
	}
	return int64(math.Ceil(float64(count) * 0.1))
}

// shortage judges the last look, once the tail has read up to it: whether it has
// fewer records than there can be, for the second time in a row, and the alarm
// about it.
func (r *round) shortage(tm *tableMemory, read audit.Time) (bool, Alarm) {
	n := &tm.Count
	if tm.Sourced || tm.Expires || tm.Off != 0 || n.Base.At == 0 || n.Last.At <= n.Base.At || read <= n.Last.At || r.behind {
		return false, Alarm{}
	}
	deletes := n.deletes()
	least := n.Base.Count + n.Last.Creates - deletes
	if n.Last.Count >= least-countError(n.Base.Count) {
		n.Short = 0
		return false, Alarm{}
	}
	if n.Short++; n.Short < shortLooks {
		return false, Alarm{}
	}
	return true, Alarm{
		Rule: LogRecordsVanished, Table: tm.Table, Begin: n.Base.At, End: n.Last.At, Count: int(least - n.Last.Count),
		Title: fmt.Sprintf("%s has %d records where at least %d should be (about %d at %s, %d inserted and %d deleted since): some vanished without a delete",
			namedTable(tm.Table), n.Last.Count, least, n.Base.Count, clock(n.Base.At), n.Last.Creates, deletes),
	}
}
