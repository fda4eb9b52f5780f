package report

import (
	"fmt"
	"math"
	"strconv"

	"recourse/audit"
	"recourse/query"
)

// maxGaps is how many gaps stand below an answer on a page; the rest are
// counted.
const maxGaps = 10

// coverage writes how far an answer can be relied on to be whole.
func (g *page) coverage(c Coverage) {
	tone := warn
	if isComplete(c) {
		tone = faint
	}
	for i, n := range coverageNotes(c) {
		if i == 0 {
			g.wrapped(tone, 0, n)
			continue
		}
		g.wrapped(tone, 2, n)
	}
}

// CoverageNote is how far an answer can be relied on to be whole, as a sentence
// for people.
func CoverageNote(c Coverage) string { return coverageNotes(c)[0] }

// coverageNotes are the same as lines of text.
func coverageNotes(c Coverage) []string {
	switch {
	case isComplete(c):
		return []string{"covered: the log was read whole" + between(c.From, c.To)}
	case len(c.Stretches) > 0:
		return accountNotes(c)
	case len(c.Gaps) == 0:
		return []string{"covered: not known to be complete"}
	}
	return limited([]string{"covered: incomplete, " + count(len(c.Gaps), "gap") + " in the log may hide changes:"}, gapLines(c.Gaps), "gap")
}

func between(from, to audit.Time) string {
	s := ""
	if from > 0 {
		s = " from " + iso(from, false)
	}
	switch {
	case math.IsInf(float64(to), 1) && from > 0:
		s += " on"
	case to > 0 && !math.IsInf(float64(to), 1):
		s += " to " + iso(to, false)
	}
	return s
}

// limited is the lines after a head, as far as there is room for them.
func limited(head, lines []string, what string) []string {
	if len(lines) <= maxGaps {
		return append(head, lines...)
	}
	return append(append(head, lines[:maxGaps]...), fmt.Sprintf("and %s more", count(len(lines)-maxGaps, what)))
}

func gapLines(gaps []audit.Gap) []string {
	lines := make([]string, len(gaps))
	for i, g := range gaps {
		lines[i] = gapLine(g)
	}
	return lines
}

// An account is what was read of the tables that an answer is about, taken
// together.
type account struct {
	from, to     audit.Time // where all tables were read that were read at all
	before       bool       // of some, not all was read before
	after        bool       // of some, nobody has read what came after
	none, within []string   // tables of which nothing was read; parts between that were not
}

func accountOf(c Coverage) account {
	a := account{from: c.From, to: c.To}
	for rest := c.Stretches; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Table == rest[0].Table {
			n++
		}
		a.add(rest[:n])
		rest = rest[n:]
	}
	return a
}

// add takes in one table's stretches.
func (a *account) add(list []query.TableStretch) {
	first, last := 0, len(list)-1
	for first < len(list) && list[first].Cover != audit.Covered {
		first++
	}
	if first == len(list) {
		a.none = append(a.none, stretchLine(list[0]))
		return
	}
	for list[last].Cover != audit.Covered {
		last--
	}
	if first > 0 {
		a.before, a.from = true, max(a.from, list[first].From)
	}
	for _, s := range list[last+1:] {
		a.after = a.after || s.Cover == audit.CoverUnread
	}
	a.to = min(a.to, list[last].To)
	for _, s := range list[first:last] {
		if s.Cover == audit.CoverUnread {
			a.within = append(a.within, stretchLine(s))
		}
	}
}

// accountNotes say of an answer that is not complete what was read and what not.
func accountNotes(c Coverage) []string {
	a := accountOf(c)
	var gaps []audit.Gap
	for _, g := range c.Gaps {
		if g.Kind != audit.GapBefore || g.From > 0 && g.To > a.from {
			gaps = append(gaps, g)
		}
	}
	head := "covered" + between(a.from, a.to)
	switch {
	case len(c.Open()) == len(c.Stretches):
		head = "not covered: nothing was read of what was asked for"
	case a.to <= a.from:
		head = "not covered: there is no time at which every table was read"
	default:
		if a.before {
			head += "; nothing is known before"
		}
		if a.after {
			head += "; not read since"
		}
	}
	if len(gaps) > 0 {
		head += "; " + count(len(gaps), "gap") + " may hide changes"
	}
	lines := append(append(a.none, a.within...), gapLines(gaps)...)
	return limited([]string{head}, lines, "stretch")
}

func stretchLine(s query.TableStretch) string {
	line := Visible(s.Table.String())
	if s.From <= 0 && !math.IsInf(float64(s.To), 1) {
		line += " up to " + iso(s.To, false)
	} else {
		line += between(s.From, s.To)
	}
	line += ": " + string(s.Cover)
	if s.Reason != "" {
		line += ", " + Visible(s.Reason)
	}
	return line
}

func gapLine(g audit.Gap) string {
	s := "gap in " + Visible(g.Table.String())
	if g.Node != "" {
		s += " on " + Visible(g.Node)
	}
	return fmt.Sprintf("%s%s, %s: %s", s, between(g.From, g.To), entries(g), Visible(g.Reason))
}

func entries(g audit.Gap) string {
	switch {
	case g.Entries <= 0:
		return "an unknown number of entries"
	case g.Entries == 1:
		return "1 entry"
	}
	return strconv.Itoa(g.Entries) + " entries"
}
