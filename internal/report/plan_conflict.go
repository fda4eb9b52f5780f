package report

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/revert"
)

// Conflict prints one conflict for a person to decide.
func (p *Printer) Conflict(c *revert.Conflict) error {
	var b bytes.Buffer
	g := &page{b: &b, color: p.o.Color, width: p.o.Width}
	g.conflict(c)
	_, err := p.w.Write(b.Bytes())
	return err
}

func (g *page) conflict(c *revert.Conflict) {
	g.line(warn, "%s   CONFLICT %s   number %d   %s", record(c.Key()), Visible(string(c.Class)), c.N, count(len(c.Changes), "selected change"))
	g.wrapped(warn, 2, decision(c))
	if c.Why != "" {
		g.wrapped(warn, 2, Visible(c.Why))
	}
	if c.Record {
		g.wrapped(plain, 2, "? the record as a whole")
	}
	for _, n := range slices.Sorted(maps.Keys(c.Attrs)) {
		g.wrapped(plain, 2, "? "+Visible(n)+"  "+conflictWords(c.Attrs[n]))
		for _, p := range pathWords(c.Attrs[n].Paths) {
			g.wrapped(faint, 6, p)
		}
	}
	for _, w := range withheldWords(c.Withheld) {
		g.wrapped(plain, 2, w)
	}
	for _, e := range c.Evidence {
		g.wrapped(faint, 2, "because of "+evidenceWords(e))
	}
	g.blind(c.Blind)
}

// decision is the options, the default in brackets, or what was decided.
func decision(c *revert.Conflict) string {
	if c.Resolution != nil {
		r := c.Resolution
		return "decided: " + Visible(r.Option) + ", by " + user(r.By).text + " at " + Visible(r.At) + ": " + Visible(r.Reason)
	}
	opts := make([]string, len(c.Options))
	for i, o := range c.Options {
		if opts[i] = Visible(o); o == c.Default {
			opts[i] = "[" + opts[i] + "]"
		}
	}
	return "not decided: " + strings.Join(opts, " ")
}

func conflictWords(a revert.Attribute) string {
	s := fmt.Sprintf("now %s · base %s · attacker set %s · without the attack %s", known(a, "current", a.Current, true),
		known(a, "base", a.Base, true), known(a, "theirs", a.Theirs, true), known(a, "target", a.Target, true))
	if a.Delta != nil {
		s += ", or " + value(a.Delta) + " if the later change was an increment"
	}
	return s
}

func evidenceWords(e revert.Evidence) string {
	return fmt.Sprintf("%s by %s at %s (change %s…)", Visible(string(e.Op)), user(e.User).text, iso(e.Time, false), e.ID.String()[:12])
}

// withheldWords say what the option apply would write.
func withheldWords(a *revert.Action) []string {
	if a == nil {
		return nil
	}
	out := []string{"apply would " + Visible(a.Do) + " the record:"}
	for _, w := range writes(a, revert.Policy{}) {
		out = append(out, "  "+w.sign+" "+Visible(w.name)+"  "+w.from+" → "+w.to)
	}
	return out
}
