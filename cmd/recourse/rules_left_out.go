package main

import (
	"fmt"
	"io"

	"recourse/rules"
)

// leftOut says, a line for each reason, what rules did not take into account, and
// which rules: an answer that they give is not whole for it. It is empty when they took
// all.
func leftOut(stats []rules.RuleStats) []string {
	var lines []string
	for _, why := range []struct {
		of   func(rules.RuleStats) uint64
		text string
	}{
		{func(s rules.RuleStats) uint64 { return s.Errors }, "the condition failed on a change"},
		{func(s rules.RuleStats) uint64 { return s.Quarantine.Skipped }, "a change was passed over in quarantine"},
		{func(s rules.RuleStats) uint64 { return s.GroupsEvicted }, "a group was given up before its time, for want of room"},
		{func(s rules.RuleStats) uint64 { return s.ChangesEvicted }, "a change was given up within its window, for want of room"},
		{func(s rules.RuleStats) uint64 { return s.EachCut }, "a change had more elements of each than are taken"},
		{func(s rules.RuleStats) uint64 { return s.SkippedUnknown }, "a change was not decided, as it is not known what the record was"},
		{func(s rules.RuleStats) uint64 { return s.Undecided }, "a change was not decided, as a value is missing"},
		{func(s rules.RuleStats) uint64 { return s.UnknownRows }, "a change was not decided, as it is not known how many records the table has"},
	} {
		var total uint64
		var ids []string
		for _, s := range stats {
			if n := why.of(s); n > 0 {
				total += n
				ids = append(ids, s.Rule)
			}
		}
		if total > 0 {
			lines = append(lines, fmt.Sprintf("left out %d times: %s (%s)", total, why.text, few(ids)))
		}
	}
	return lines
}

func sayLeftOut(to io.Writer, stats []rules.RuleStats) {
	for _, line := range leftOut(stats) {
		fmt.Fprintln(to, line)
	}
}

// failed says that a rule's condition failed on changes, or that it was put into
// quarantine.
func failed(s rules.RuleStats) bool { return s.Errors > 0 || s.Quarantine.Times > 0 }
