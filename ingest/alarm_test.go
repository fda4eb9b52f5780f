package ingest_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"recourse/audit"
	"recourse/ingest"
)

// TestAlarmIdentity: the same finding is the same alert, another one is not.
func TestAlarmIdentity(t *testing.T) {
	base := ingest.Alarm{Rule: ingest.LogPurged, Node: "n1", Table: dogs, Begin: 5, Title: "x", Count: 1}
	again := base
	again.Title, again.Count, again.End = "y", 9, 7
	if base.Alert().ID != again.Alert().ID {
		t.Error("a finding that grew is another alert")
	}
	ids := map[string]bool{base.Alert().ID: true}
	for _, change := range []func(*ingest.Alarm){
		func(a *ingest.Alarm) { a.Rule = ingest.LogSlow },
		func(a *ingest.Alarm) { a.Node = "n2" },
		func(a *ingest.Alarm) { a.Table = cats },
		func(a *ingest.Alarm) { a.Begin = 6 },
		func(a *ingest.Alarm) { a.Case = "job" },
		func(a *ingest.Alarm) { a.Node, a.Table.Database = "n1kennel", "" },
	} {
		other := base
		change(&other)
		id := other.Alert().ID
		if ids[id] {
			t.Errorf("%+v has the id of another finding", other)
		}
		ids[id] = true
	}
}

// TestTailAlarms: what the tail finds, told in a sentence.
func TestTailAlarms(t *testing.T) {
	const at = audit.Time(1_795_470_000_000)
	changes := []audit.Change{
		{Seq: 7, Time: at, User: "eve", Key: audit.Key{Table: dogs, ID: "1"}},
		{Seq: 9, Time: at + 1000, User: "eve", Key: audit.Key{Table: dogs, ID: "2"}},
	}
	gaps := ingest.GapAlarms([]audit.Gap{
		{Node: "n1", Table: dogs, From: at, To: at + 0.001, Kind: audit.GapUnreadable, Entries: 1},
		{Node: "n1", Table: dogs, From: at + 1000, To: at + 1000.001, Entries: 1},
		{Node: "n1", Table: dogs, From: at, To: at + 9e6, Kind: audit.GapOutage},
		{Node: "n1", Table: cats, From: 0, To: at, Kind: audit.GapPurged},
		{Node: "n1", Table: cats, From: 0, To: at, Kind: audit.GapBefore},
		{Node: "n1", Table: cats, From: 0, To: at, Kind: audit.GapUnaudited},
	}, []audit.Gap{
		{Node: "n1", Table: dogs, From: at + 500, To: at + 500.001, Kind: audit.GapUnreadable, Entries: 2},
		{Node: "n1", Table: dogs, From: at + 600, To: at + 600.001, Kind: audit.GapUnreadable, Entries: 2, Healed: at},
		{Node: "n1", Table: dogs, From: at - 9e6, To: at - 9e6, Kind: audit.GapUnreadable, Entries: 5},
	})
	if len(gaps) != 3 {
		t.Fatalf("%d alarms of gaps, want those of the hour, the outage and the purge: %+v", len(gaps), gaps)
	}
	for _, tt := range []struct {
		alarm ingest.Alarm
		rule  ingest.AlarmRule
		title string
	}{
		{gaps[0], ingest.LogUnreadable, "Harper cannot read 4 entries of the log of kennel.dogs in the hour from 2026-11-23T21:00:00Z on"},
		{gaps[1], ingest.LogOutage, "the log of kennel.dogs was not read from 2026-11-23T21:40:00Z to 2026-11-24T00:10:00Z, longer than Harper keeps it"},
		{gaps[2], ingest.LogPurged, "the log of kennel.cats was deleted before 2026-11-23T21:40:00Z before it was read, or may have been"},
		{ingest.PurgeAlarm("n1", dogs, changes, at, at+5000), ingest.LogPurged, "2 changes of kennel.dogs that were in the log from 2026-11-23T21:40:00Z on are gone from it: somebody deleted it"},
		{ingest.ReloadAlarm("n1", dogs, at, ""), ingest.LogReload, "kennel.dogs was reloaded at 2026-11-23T21:40:00Z: any of its records may have changed without an entry"},
		{ingest.ClockAlarm("n1", at, -time.Hour), ingest.LogClockStep, "the clock of n1 was set back by 1h0m0s: times of its log from 2026-11-23T21:40:00Z on may be wrong"},
		{ingest.LateAlarm("n1", dogs, changes), ingest.LogLate, "2 changes of kennel.dogs appeared late, dated 2026-11-23T21:40:00Z and after"},
		{ingest.SlowAlarm(audit.SlowWindow{Node: "n1", Table: dogs, From: at, To: at + 1, Took: 61_000, Entries: 4000}), ingest.LogSlow, "reading 4000 entries of the log of kennel.dogs at 2026-11-23T21:40:00Z took 1m1s"},
		{ingest.SlowAlarm(audit.SlowWindow{Node: "n1", Table: dogs, From: at, To: at + 1, Took: 61_000}), ingest.LogSlow, "reading the log of kennel.dogs at 2026-11-23T21:40:00Z was given up after 1m1s"},
	} {
		a := tt.alarm.Alert()
		if a.Rule != string(tt.rule) || a.Title != tt.title {
			t.Errorf("%s: %q, want %s: %q", a.Rule, a.Title, tt.rule, tt.title)
		}
		if a.RuleName == "" || a.Severity == "" || a.Risk == 0 || len(a.Attack) == 0 || a.Group["node"] != "n1" || a.State != audit.AlertOpen || a.LastTime < a.FirstTime {
			t.Errorf("alert %+v", a)
		}
	}
	late := ingest.LateAlarm("n1", dogs, changes).Alert()
	if late.FirstSeq != 7 || late.LastSeq != 9 || late.Count != 2 || !late.Late || late.Group["user"] != "eve" || late.FirstTime != at || late.LastTime != at+1000 {
		t.Errorf("the alert of late changes: %+v", late)
	}
	if back := ingest.ClockAlarm("n1", at, -time.Hour).Alert(); back.FirstTime != at || back.LastTime != at+3.6e6 {
		t.Errorf("a clock that was set back an hour: from %s to %s", back.FirstTime.ISO(), back.LastTime.ISO())
	}
}

// TestAlarmHostileNames: names that mean harm do not make a title long, or break
// out of it.
func TestAlarmHostileNames(t *testing.T) {
	evil := "x\x1b[2J\n" + strings.Repeat("ö", 5000)
	table := audit.Table{Database: evil, Name: evil}
	for _, a := range []ingest.Alarm{
		ingest.ReloadAlarm(evil, table, 1, evil), ingest.ClockAlarm(evil, 1, time.Second),
		ingest.GapAlarms([]audit.Gap{{Node: evil, Table: table}}, nil)[0],
	} {
		title := a.Alert().Title
		if n := utf8.RuneCountInString(title); n > 400 || strings.ContainsAny(title, "\x1b\n") {
			t.Errorf("title of %d characters: %q", n, title)
		}
	}
}
