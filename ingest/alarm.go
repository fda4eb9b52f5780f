package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"strconv"
	"strings"

	"recourse/audit"
)

// An AlarmRule names what the ingestor itself can find wrong with a log. Rules
// of this kind are no rule files: what they look at, no single change shows.
type AlarmRule string

// The rules of the ingestor.
const (
	LogPurged             AlarmRule = "log-purged"
	LogUnreadable         AlarmRule = "log-unreadable"
	LogAnonymous          AlarmRule = "log-anonymous"
	LogAuditOff           AlarmRule = "log-audit-off"
	LogRetentionShortened AlarmRule = "log-retention-shortened"
	LogTableDropped       AlarmRule = "log-table-dropped"
	LogTableRecreated     AlarmRule = "log-table-recreated"
	LogAttributeDropped   AlarmRule = "log-attribute-dropped"
	LogReload             AlarmRule = "log-reload"
	LogRecordsVanished    AlarmRule = "log-records-vanished"
	LogUnauditedWrite     AlarmRule = "log-unaudited-write"
	LogOutage             AlarmRule = "log-outage"
	LogLate               AlarmRule = "log-late"
	LogClockStep          AlarmRule = "log-clock-step"
	LogSlow               AlarmRule = "log-slow"
)

// alarmKinds is what every alert of a rule has in common. Severity and risk are
// on the scale of the rules that come with the program, attack names tactic and
// technique of MITRE ATT&CK as they do.
var alarmKinds = map[AlarmRule]struct {
	name     string
	severity string
	risk     int
	attack   string
}{
	LogPurged:             {"The audit log was deleted", "critical", 90, "TA0005/T1070 TA0005/T1562.008"},
	LogUnreadable:         {"An entry of the log cannot be read", "medium", 45, "TA0005/T1070"},
	LogAnonymous:          {"Changes that name no user", "medium", 40, "TA0040/T1565.001"},
	LogAuditOff:           {"The audit log is switched off", "critical", 85, "TA0005/T1562.008"},
	LogRetentionShortened: {"The audit log is kept for a shorter time", "high", 60, "TA0005/T1562.008"},
	LogTableDropped:       {"A table was dropped", "high", 60, "TA0040/T1485 TA0005/T1070"},
	LogTableRecreated:     {"A table was dropped and made again", "high", 65, "TA0040/T1485 TA0005/T1070"},
	LogAttributeDropped:   {"An attribute was dropped", "medium", 45, "TA0040/T1485"},
	LogReload:             {"Records came without a log", "medium", 45, "TA0040/T1565.001"},
	LogRecordsVanished:    {"Records vanished without a delete", "high", 60, "TA0040/T1485 TA0005/T1562.008"},
	LogUnauditedWrite:     {"A record was written without the log", "high", 65, "TA0040/T1565.001 TA0005/T1562.008"},
	LogOutage:             {"The log was not read for too long", "high", 50, "TA0005/T1562.008"},
	LogLate:               {"Changes appeared behind what was read", "low", 25, "TA0005/T1070.006"},
	LogClockStep:          {"The server's clock was set", "medium", 40, "TA0005/T1070.006"},
	LogSlow:               {"A stretch of the log is very slow to read", "low", 20, "TA0040/T1499"},
}

// An Alarm is one finding about the log itself, ready to become an alert. Rule
// and Title are needed.
type Alarm struct {
	Rule AlarmRule
	Node string
	// Table is what it is about; without a name it is about a database, without
	// both about the whole node.
	Table audit.Table
	User  string // who did it; empty: nobody knows
	// Begin and End are the time that it is about. Begin is part of the alert's
	// identity: the same finding made twice is one alert.
	Begin, End audit.Time
	// Case tells apart what the same rule finds in one table at one time, such as
	// the id of a job. It is part of the identity.
	Case  string
	Title string // one plain sentence; names in it are made with named
	// Severity and Risk are in place of the rule's own; empty is those.
	Severity string
	Risk     int
	// Count is how many changes it concerns; it is at least that of Changes.
	Count   int
	Changes []audit.Evidence // a Seq of 0 is not known, as before the change is stored
	Unknown bool             // something of it is inferred, and may be otherwise
	Late    bool
}

// Alert is the alarm as an alert, to be committed with the changes, the gaps
// and the cursor that it is about.
func (a Alarm) Alert() audit.Alert {
	kind := alarmKinds[a.Rule]
	alert := audit.Alert{
		ID: a.id(), Rule: string(a.Rule), RuleName: kind.name, Severity: kind.severity, Risk: kind.risk,
		Attack: strings.Fields(kind.attack), State: audit.AlertOpen, Title: a.Title, Group: a.group(),
		FirstTime: a.Begin, LastTime: max(a.Begin, a.End), Count: max(a.Count, len(a.Changes)), Changes: a.Changes,
		Unknown: a.Unknown, Late: a.Late,
	}
	if a.Severity != "" {
		alert.Severity, alert.Risk = a.Severity, a.Risk
	}
	alert.Suppressed = alert.Count - len(a.Changes)
	for _, e := range a.Changes {
		if e.Seq == 0 {
			continue
		}
		if alert.FirstSeq == 0 || e.Seq < alert.FirstSeq {
			alert.FirstSeq = e.Seq
		}
		alert.LastSeq = max(alert.LastSeq, e.Seq)
	}
	return alert
}

// id is the same for the same rule, node, table, begin and case.
func (a Alarm) id() string {
	h := sha256.New()
	for _, part := range []string{
		string(a.Rule), a.Node, a.Table.Database, a.Table.Name, a.Case,
		strconv.FormatUint(math.Float64bits(float64(a.Begin)), 16),
	} {
		h.Write([]byte(strconv.Quote(part)))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// group is what it is about, by the names that rules have for it. A table's name
// tells its database.
func (a Alarm) group() map[string]string {
	group := map[string]string{"node": a.Node, "database": a.Table.Database, "user": a.User}
	if a.Table.Name != "" {
		group["database"], group["table"] = "", a.Table.String()
	}
	maps.DeleteFunc(group, func(_, v string) bool { return v == "" })
	return group
}

// evidenceOf names changes as evidence. At most so many are listed as an alert
// about a log may have; how many there are is the alarm's Count.
func evidenceOf(changes []audit.Change) []audit.Evidence {
	list := make([]audit.Evidence, 0, min(len(changes), maxEvidence))
	for i := range changes {
		if i == maxEvidence {
			break
		}
		list = append(list, evidence(&changes[i]))
	}
	return list
}

func evidence(c *audit.Change) audit.Evidence {
	return audit.Evidence{Seq: c.Seq, Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID, Time: c.Time}
}

// maxEvidence bounds the changes that one alert about a log lists.
const maxEvidence = 200

// named is a name from outside as a title shows it: as it is when it is a plain
// word, else in quotes, and never long.
func named(s string) string {
	const longest = 64
	plain := s != "" && len(s) <= longest && strings.IndexFunc(s, func(r rune) bool {
		return r > '~' || r <= ' ' || r == '"' || r == '\\'
	}) < 0
	if plain {
		return s
	}
	if cut := []rune(s); len(cut) > longest {
		s = string(cut[:longest-1]) + "…"
	}
	return strconv.Quote(s)
}

// namedTable is a table in a title.
func namedTable(t audit.Table) string { return named(t.Database) + "." + named(t.Name) }

// counted is a number of things in a title.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok && thing == "entry" {
		return strconv.Itoa(n) + " " + stem + "ies"
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// clock is a time in a title, to the second.
func clock(t audit.Time) string {
	g := t.Go()
	if g.IsZero() {
		return "a time that is none"
	}
	return g.Format("2006-01-02T15:04:05Z")
}
