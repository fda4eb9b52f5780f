package report

import (
	"fmt"
	"strconv"
	"strings"

	"recourse/audit"
)

// Change prints one change with all that is known of it.
func (p *Printer) Change(c audit.Change, r Readings) error {
	return p.print(output{
		document: func() any { return p.fullChangeDoc(&c, r) },
		page: func(g *page) {
			g.line(bold, "%s", record(c.Key))
			g.change(&c, true, !p.o.NoImages)
			g.readings(r, !p.o.NoImages)
		},
		sheet: func() sheet { return editSheet([]audit.Change{c}) },
	})
}

// History prints the changes of one record, in the order given.
func (p *Printer) History(key audit.Key, changes []audit.Change, cov Coverage) error {
	summary := struct {
		Count    int         `json:"count"`
		Coverage coverageDoc `json:"coverage"`
	}{len(changes), newCoverageDoc(cov)}
	counts := count(len(changes), "change") + " of " + record(key)
	return p.print(output{
		document: func() any {
			return struct {
				Database string      `json:"database"`
				Table    string      `json:"table"`
				Key      audit.ID    `json:"key"`
				Changes  []changeDoc `json:"changes"`
				Summary  any         `json:"summary"`
			}{key.Table.Database, key.Table.Name, key.ID, p.changeDocs(changes), summary}
		},
		lines: func() []any { return append(p.changeLines(changes), summaryLine{summary}) },
		page: func(g *page) {
			g.line(bold, "%s", record(key))
			for i := range changes {
				g.change(&changes[i], false, !p.o.NoImages)
			}
			if len(changes) == 0 {
				g.line(plain, "  no change found in what is stored")
			}
			g.gap()
			g.coverage(cov)
		},
		sheet: func() sheet { return editSheet(changes) },
		notes: func() []string { return append([]string{counts}, coverageNotes(cov)...) },
	})
}

// change writes a change: a line on who did what, and a line for each edit. In
// full it also says where the log had it.
func (g *page) change(c *audit.Change, full, bodies bool) {
	head := fmt.Sprintf("#%d  %s  %s  %s", c.Seq, iso(c.Time, full), user(c.User).text, Visible(string(c.Op)))
	if c.Reported != c.Op && c.Reported != "" {
		head += " (logged in a group of " + Visible(string(c.Reported)) + ")"
	}
	tone := opPaint(c.Op)
	if tone == plain {
		tone = bold
	}
	g.line(tone, "%s", head)
	if full {
		g.line(faint, "    id %s", c.ID)
		g.line(faint, "    time %s · node %s · record %d of %d in its group", c.Time, nodeName(c.Node), c.Group.Index+1, max(c.Group.Size, c.Group.Index+1))
		g.line(faint, "    before %s · after %s", imageWords(c.Before), imageWords(c.After))
	}
	if c.Late {
		g.line(warn, "    late: found by reading again what had been passed")
	}
	if c.Synthetic {
		g.line(warn, "    synthetic: no log told of it; it was found by comparing lists, at that time or before")
	}
	if c.Sent != nil && bodies {
		g.line(faint, "    sent %s", value(c.Sent))
	}
	if c.Lossy {
		g.line(warn, "    lossy: read as JSON, which has no dates, bytes or NaN")
	}
	if c.Note != "" {
		g.wrapped(warn, 4, "not fully read: "+Visible(c.Note))
	}
	g.edits(c, full, bodies)
}

func (g *page) edits(c *audit.Change, full, bodies bool) {
	d, known := c.Diff()
	switch {
	case c.Op.Kind() == audit.KindMessage:
		g.line(faint, "    a message was published; the record is as it was")
		if bodies && c.After.State == audit.Present {
			g.line(plain, "    message %s", value(c.After.Body))
		}
		return
	case !known:
		g.line(warn, "    %s: what this change edited is not known", unknownWords(c))
		if bodies {
			g.image("before", c.Before)
			g.image("after", c.After)
		}
		return
	}
	switch {
	case c.Before.State == audit.Absent && c.After.State == audit.Present:
		g.line(good, "    record created%s", trustWords(c))
	case c.Before.State == audit.Present && c.After.State == audit.Absent:
		g.line(bad, "    record deleted%s", trustWords(c))
	case c.Before.State == audit.Absent && c.After.State == audit.Absent:
		g.line(faint, "    nothing: there was no record before or after")
	case len(d) == 0:
		g.line(faint, "    nothing: before and after are the same%s", trustWords(c))
	case !full && trustWords(c) != "":
		g.line(faint, "    read%s", trustWords(c))
	}
	for _, e := range d {
		g.edit(e, full)
	}
}

// trustWords say which image cannot be fully relied on, and which the log did not
// hold but a baseline.
func trustWords(c *audit.Change) string {
	var s strings.Builder
	for _, i := range []struct {
		name  string
		image audit.Image
	}{{"before", c.Before}, {"after", c.After}} {
		switch t := i.image.Trust; {
		case i.image.Source == audit.Baselined && t == audit.Exact:
			fmt.Fprintf(&s, ", %s image of a baseline", i.name)
		case i.image.Source == audit.Baselined:
			fmt.Fprintf(&s, ", %s image of a baseline, %s", i.name, t)
		case t != audit.Exact:
			fmt.Fprintf(&s, ", %s image %s", i.name, t)
		}
	}
	return s.String()
}

// edit writes an edit by a sign and a word; in full its values are not cut.
func (g *page) edit(e audit.Edit, full bool) {
	tone, word := warn, "changed"
	switch {
	case e.Old == nil:
		tone, word = good, "added"
	case e.New == nil:
		tone, word = bad, "removed"
	}
	if full {
		g.wrapped(tone, 4, edit(e)+"  ("+word+")")
		return
	}
	suffix := "  (" + word + ")"
	g.line(tone, "    %s%s", cut(edit(e), g.width-4-len(suffix)), suffix)
}

// image writes what a known image holds.
func (g *page) image(name string, i audit.Image) {
	switch i.State {
	case audit.Present:
		g.line(plain, "    %s (%s, %s) %s", name, i.Source, i.Trust, value(i.Body))
	case audit.Absent:
		g.line(plain, "    %s (%s, %s) no record", name, i.Source, i.Trust)
	}
}

func imageWords(i audit.Image) string {
	if i.State == audit.Unknown {
		return "unknown"
	}
	return fmt.Sprintf("%s (%s, %s)", i.State, i.Source, i.Trust)
}

func nodeName(n string) string {
	if n == "" {
		return "not named"
	}
	return Visible(n)
}

// editSheet is a row an edit; a change whose edits are not known has one row
// that says so.
func editSheet(changes []audit.Change) sheet {
	s := sheet{names: []string{"seq", "time", "time_iso", "record", "user", "op", "edit", "path", "old", "new", "marks"}}
	for i := range changes {
		c := &changes[i]
		row := func(edit, path, old, next string) {
			s.rows = append(s.rows, []string{
				strconv.FormatUint(uint64(c.Seq), 10), c.Time.String(), iso(c.Time, true), record(c.Key), Visible(c.User), Visible(string(c.Op)),
				edit, path, old, next, marks(c),
			})
		}
		d, known := c.Diff()
		switch {
		case c.Op.Kind() == audit.KindMessage:
			row("none: a message", "", "", "")
		case !known:
			row(unknownWords(c), "", "", "")
		case len(d) == 0:
			row("none", "", "", "")
		}
		for _, e := range d {
			row(editWord(e), Visible(e.Path), optional(e.Old), optional(e.New))
		}
	}
	return s
}

func editWord(e audit.Edit) string {
	switch {
	case e.Old == nil:
		return "added"
	case e.New == nil:
		return "removed"
	}
	return "changed"
}

// optional is a value's JSON, or nothing for an attribute that is not there.
func optional(v audit.Value) string {
	if v == nil {
		return ""
	}
	return value(v)
}
