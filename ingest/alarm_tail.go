package ingest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"recourse/audit"
)

// What a tail finds by itself, as alarms. Each is to be committed with what it
// is about.

// GapAlarms are the alarms about stretches of a log that turned out not to be
// known. Known are the gaps stored before, of any table. That a log began is no
// attack, nor that a table was never logged: such gaps make none.
//
// Unreadable entries come with ordinary use of Harper too, so those of one table
// and hour are one alarm; it grows with the hour's number.
func GapAlarms(found, known []audit.Gap) []Alarm {
	var alarms []Alarm
	hours := map[hourOf]bool{}
	for _, g := range found {
		switch g.Kind {
		case audit.GapUnreadable, "":
			h := hourOf{g.Node, g.Table, wholeHour(g.From)}
			if !hours[h] {
				hours[h] = true
				alarms = append(alarms, unreadableAlarm(h, append(slices.Clone(known), found...)))
			}
		case audit.GapOutage, audit.GapPurged:
			alarms = append(alarms, gapAlarm(g))
		}
	}
	return alarms
}

// hourOf is an hour of a table's log on a node.
type hourOf struct {
	node  string
	table audit.Table
	begin audit.Time
}

const hour = audit.Time(3600_000)

func wholeHour(t audit.Time) audit.Time { return audit.Time(math.Floor(float64(t/hour))) * hour }

func unreadableAlarm(h hourOf, gaps []audit.Gap) Alarm {
	a := Alarm{Rule: LogUnreadable, Node: h.node, Table: h.table, Begin: h.begin}
	type place struct{ from, to audit.Time }
	seen := map[place]bool{}
	for _, g := range gaps {
		unreadable := g.Kind == audit.GapUnreadable || g.Kind == ""
		if !unreadable || g.Healed != 0 || (hourOf{g.Node, g.Table, wholeHour(g.From)}) != h || seen[place{g.From, g.To}] {
			continue
		}
		seen[place{g.From, g.To}] = true
		a.Count += max(1, g.Entries)
		a.End = max(a.End, g.To)
	}
	a.Title = fmt.Sprintf("Harper cannot read %s of the log of %s in the hour from %s on", counted(a.Count, "entry"), namedTable(h.table), clock(h.begin))
	return a
}

func gapAlarm(g audit.Gap) Alarm {
	a := Alarm{Rule: LogPurged, Node: g.Node, Table: g.Table, Begin: g.From, End: g.To, Count: g.Entries, Unknown: true}
	span := fmt.Sprintf("from %s to %s", clock(g.From), clock(g.To))
	if g.From == 0 {
		span = "before " + clock(g.To)
	}
	a.Title = fmt.Sprintf("the log of %s was deleted %s before it was read, or may have been", namedTable(g.Table), span)
	if g.Kind == audit.GapOutage {
		a.Rule = LogOutage
		a.Title = fmt.Sprintf("the log of %s was not read %s, longer than Harper keeps it", namedTable(g.Table), span)
	}
	return a
}

// PurgeAlarm says that changes which were read before are gone from a log that
// is kept so long: somebody deleted it. The missing ones are those stored of the
// stretch from begin to end that a new reading did not show.
func PurgeAlarm(node string, table audit.Table, missing []audit.Change, begin, end audit.Time) Alarm {
	return Alarm{
		Rule: LogPurged, Node: node, Table: table, Begin: begin, End: end,
		Count: len(missing), Changes: evidenceOf(missing),
		Title: fmt.Sprintf("%s of %s that were in the log from %s on are gone from it: somebody deleted it",
			counted(len(missing), "change"), namedTable(table), clock(begin)),
	}
}

// ReloadAlarm says that a log has a reload entry: records were copied to the
// node from another one, or a backup was put in place, without an entry for each.
func ReloadAlarm(node string, table audit.Table, at audit.Time, user string) Alarm {
	return Alarm{
		Rule: LogReload, Node: node, Table: table, User: user, Begin: at, End: at,
		Title: fmt.Sprintf("%s was reloaded at %s: any of its records may have changed without an entry", namedTable(table), clock(at)),
	}
}

// ClockAlarm says that the server's clock was set, forward if by is positive. At
// is the server's time after it.
func ClockAlarm(node string, at audit.Time, by time.Duration) Alarm {
	way := "forward"
	if by < 0 {
		way = "back"
	}
	return Alarm{
		Rule: LogClockStep, Node: node, Begin: min(at, at-ms(by)), End: max(at, at-ms(by)),
		Title: fmt.Sprintf("the clock of %s was set %s by %s: times of its log from %s on may be wrong",
			named(node), way, by.Abs().Round(time.Millisecond), clock(at)),
	}
}

// LateAlarm says that changes appeared in a log behind what had been read of it:
// they were dated back, or their transaction took longer than the overlap. They
// are the late ones of one reading, oldest first.
func LateAlarm(node string, table audit.Table, changes []audit.Change) Alarm {
	a := Alarm{Rule: LogLate, Node: node, Table: table, Count: len(changes), Changes: evidenceOf(changes), Late: true}
	user := ""
	for i, c := range changes {
		if i == 0 {
			a.Begin, a.End, user = c.Time, c.Time, c.User
		}
		a.Begin, a.End = min(a.Begin, c.Time), max(a.End, c.Time)
		if c.User != user {
			user = ""
		}
	}
	a.User = user
	a.Title = fmt.Sprintf("%s of %s appeared late, dated %s and after", counted(len(changes), "change"), namedTable(table), clock(a.Begin))
	return a
}

// SlowAlarm says that a stretch of a log takes Harper so long to read that it
// can hide what is in it.
func SlowAlarm(w audit.SlowWindow) Alarm {
	took := (time.Duration(w.Took) * time.Millisecond).Round(time.Millisecond)
	a := Alarm{Rule: LogSlow, Node: w.Node, Table: w.Table, Begin: w.From, End: w.To, Count: w.Entries}
	if w.Entries == 0 {
		a.Severity, a.Risk = "medium", 45
		a.Title = fmt.Sprintf("reading the log of %s at %s was given up after %s", namedTable(w.Table), clock(w.From), took)
		return a
	}
	a.Title = fmt.Sprintf("reading %s of the log of %s at %s took %s", counted(w.Entries, "entry"), namedTable(w.Table), clock(w.From), took)
	return a
}
