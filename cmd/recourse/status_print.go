package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
	"time"
)

// printStatus writes one screen.
func printStatus(e *env, s status) {
	say := func(format string, args ...any) { fmt.Fprintf(e.stdout, format+"\n", args...) }
	say("%d changes, %s on disk%s", s.Changes, bytesWords(s.Disk), freeWords(s))
	if s.Oldest != nil {
		say("from %s to %s", s.Oldest.ISO(), s.Newest.ISO())
	}
	for _, n := range s.Nodes {
		say("node %s: every table read to %s, %s", printable(n.Node), n.Read.ISO(), leftWords(n))
		var names []string
		for _, t := range n.Behind {
			names = append(names, printable(t.Database+"."+t.Table))
		}
		if len(names) > 0 {
			say("  behind the others: %s", few(names))
		}
	}
	say("coverage: %s", coverWords(s.Coverage))
	say("%d gaps%s", s.Gaps, gapWords(s))
	say("words indexed to change %d, %d behind; rules at change %d, %d behind", s.Index.Seq, s.Index.Lag, s.Rules.Seq, s.Rules.Lag)
	if q := s.Rules.Quarantined; len(q) > 0 {
		say("  rules in quarantine, which judge nothing for a while: %s", few(q))
	}
	if r := s.Rules; len(r.Evicted) > 0 {
		say("  rules that gave up what they knew, for want of room, by %s: %s", r.EvictedAt.Format(time.RFC3339), evictedWords(r.Evicted))
	}
	say("%d alerts open%s", s.Alerts.Open, severityWords(s.Alerts))
}

func freeWords(s status) string {
	out := ""
	if s.Free != nil {
		out = ", " + bytesWords(*s.Free) + " free"
	}
	if s.Memory != nil {
		out += "; memory limit " + bytesWords(*s.Memory)
	}
	return out
}

// leftWords say how long ago that was, and how long Harper still keeps what
// came since.
func leftWords(n nodeStatus) string {
	lag := time.Duration(n.Lag) * time.Millisecond
	left := time.Duration(n.Left) * time.Millisecond
	out := lag.Round(time.Second).String() + " ago; "
	if left < 0 {
		return out + "Harper may have deleted what was not read"
	}
	return out + left.Round(time.Minute).String() + " until Harper deletes what was not read"
}

func coverWords(c coverStatus) string {
	switch {
	case c.Tables == 0:
		return "no log was read"
	case c.Oldest == nil:
		return fmt.Sprintf("%d tables, of which some were never read, or no account was kept", c.Tables)
	case c.Complete:
		return fmt.Sprintf("%d tables, all of them whole since %s", c.Tables, c.Oldest.ISO())
	}
	return fmt.Sprintf("%d tables, not whole since %s: recourse coverage", c.Tables, c.Oldest.ISO())
}

func gapWords(s status) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(s.Kinds)) {
		if kind != string(audit.GapBefore) {
			parts = append(parts, fmt.Sprintf("%d %s", s.Kinds[kind], kind))
		}
	}
	out := ""
	if len(parts) > 0 {
		out = ": " + strings.Join(parts, ", ")
	}
	if s.Healed > 0 {
		out += fmt.Sprintf("; %d healed", s.Healed)
	}
	return out
}

// severityWords count the open alerts, the worst first.
func severityWords(a alertsStatus) string {
	var parts []string
	for _, severity := range slices.Backward(audit.Severities) {
		if n := a.BySeverity[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
