package query

import (
	"fmt"
	"strings"

	"recourse/audit"
)

// ask says what is open, from what is not known and what is not done.
func (g *gathering) ask() {
	c := g.c
	say := func(n int, format string, args ...any) {
		if n > 0 {
			c.Questions = append(c.Questions, fmt.Sprintf(format, args...))
		}
	}
	if c.Partial {
		c.Questions = append(c.Questions, "This report was interrupted: what is not in it was not looked for.")
	}
	if !c.Whole() {
		c.Questions = append(c.Questions, "The log is not known to be whole where this report looks. What happened in the stretches that were not read?")
	}
	say(g.unnamed, "For %s the log names nobody. Who made them?", plural(g.unnamed, "change"))
	say(g.unknown, "Of %s an image is not known. What did they edit? A baseline or a backup may tell.", plural(g.unknown, "change"))
	say(g.doubtful, "%s rest on an image that may be wrong (provisional).", plural(g.doubtful, "change"))
	say(g.late, "%s were found late, by reading again. Why did they come late?", plural(g.late, "change"))
	say(g.lossy, "%s were read as JSON, which loses dates and bytes.", plural(g.lossy, "change"))
	say(g.odd, "Of %s not all could be read.", plural(g.odd, "change"))
	if c.Blast != nil {
		s := &c.Blast.Summary
		say(s.StillBad, "%s are still as these changes left them. Are they to be taken back?", plural(s.StillBad, "record"))
		say(s.Unknown, "Of %s nobody knows whether they are.", plural(s.Unknown, "record"))
		say(len(s.Writers), "%s have since written records that were touched. Are their values to be kept?", g.writers())
	}
	for _, u := range g.elsewhere {
		say(u.N, "%s made %s that are not in this report. Are they in question too?", quote(u.Value), plural(u.N, "change"))
	}
	open := 0
	for _, a := range c.Alerts {
		if a.State == audit.AlertOpen {
			open++
		}
	}
	say(open, "%s on these changes are open.", plural(open, "alert"))
	if len(g.seqs) > 0 && len(c.Alerts) == 0 && !c.Partial {
		c.Questions = append(c.Questions, "No rule has alerted on these changes. Should one?")
	}
}

// writers are others who wrote since, the first few by name.
func (g *gathering) writers() string {
	const most = 5
	var names []string
	all := g.c.Blast.Summary.Writers
	for _, w := range all[:min(most, len(all))] {
		if w.User == nil {
			names = append(names, "somebody whom the log does not name")
			continue
		}
		names = append(names, quote(*w.User))
	}
	if more := len(all) - most; more > 0 {
		names = append(names, plural(more, "other"))
	}
	return strings.Join(names, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
