package report

import (
	"fmt"
	"strings"
	"time"

	"recourse/audit"
)

// timelinePart is the changes one by one, each with what it edited.
func (v caseView) timelinePart() htmlSection {
	s := htmlSection{Title: "Timeline"}
	if len(v.Changes) == 0 {
		s.Lines = []string{v.nothing("no change")}
		return s
	}
	s.Lines = []string{"Long values are cut, and marked with …; recourse show SEQ prints all of a change."}
	if v.Left > 0 {
		s.Lines = append(s.Lines, fmt.Sprintf("%s that came later are left out; --limit 0 tells all.", count(v.Left, "change")))
	}
	s.Head = []string{"seq", "time", "user", "op", "record", "edits"}
	for i := range v.Changes {
		c := &v.Changes[i]
		s.Rows = append(s.Rows, htmlRow{Tone: changeTone(c), Cells: []string{
			seqText(c.Seq), iso(c.Time, false), user(c.User).text, Visible(string(c.Op)), record(c.Key) + clusterWords(c.Cluster), editsWords(c),
		}})
	}
	return s
}

func changeTone(c *audit.Change) string {
	if _, known := c.Diff(); !known {
		return warn.tone()
	}
	return opPaint(c.Op).tone()
}

// editsWords are a change's edits, each cut to what a report shows of it.
func editsWords(c *audit.Change) string {
	var parts []string
	if m := marks(c); m != "" {
		parts = append(parts, "["+m+"]")
	}
	d, known := c.Diff()
	switch {
	case c.Op.Kind() == audit.KindMessage:
		parts = append(parts, "a message; no record changed")
	case !known:
		parts = append(parts, unknownWords(c))
	case len(d) == 0:
		parts = append(parts, "nothing: before and after are the same")
	}
	for _, e := range tellingFirst(d) {
		parts = append(parts, cut(edit(e), caseValue))
	}
	return strings.Join(parts, " · ")
}

// page is the report as HTML.
func (v caseView) page() htmlPage {
	p := htmlPage{Title: "Report: " + Visible(v.Title), Facts: v.facts(), Notes: v.notes(), Sections: v.parts()}
	if h := v.Histogram; h != nil && len(h.Buckets) > 0 {
		p.Chart = v.chart()
	}
	return p
}

// chartBars is how many bars a chart has at most: more buckets are put together.
const chartBars = 240

// chart draws the histogram. Each bar says in words what it is.
func (v caseView) chart() *htmlChart {
	const height, bar = 120, 5
	h := v.Histogram
	per := (len(h.Buckets) + chartBars - 1) / chartBars
	last := h.Buckets[len(h.Buckets)-1]
	c := &htmlChart{Height: height, From: iso(h.Buckets[0].From, false), To: iso(last.To, false)}
	c.Title = fmt.Sprintf("changes in each %s", h.Step*time.Duration(per))
	var counts []int
	most := 1
	for i := 0; i < len(h.Buckets); i += per {
		n := 0
		for _, b := range h.Buckets[i:min(i+per, len(h.Buckets))] {
			n += b.N
		}
		counts, most = append(counts, n), max(most, n)
	}
	c.Width = len(counts) * bar
	for i, n := range counts {
		if n == 0 {
			continue
		}
		tall := max(n*(height-4)/most, 1)
		c.Bars = append(c.Bars, htmlBar{X: i * bar, Y: height - tall, Width: bar - 1, Height: tall, Title: iso(h.Buckets[i*per].From, false) + ": " + count(n, "change")})
	}
	return c
}

// markdown writes the report as Markdown.
func (v caseView) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "# Report: %s\n\n", markdown(Visible(v.Title)))
	for _, f := range v.facts() {
		fmt.Fprintf(b, "* **%s**: %s\n", markdown(f.Name), markdown(f.Value))
	}
	b.WriteString("\n")
	for _, n := range v.notes() {
		fmt.Fprintf(b, "> %s\n>\n", markdown(n))
	}
	if h := v.Histogram; h != nil && len(h.Buckets) > 0 {
		fmt.Fprintf(b, "\n%s\n\n%s to %s, at most %d in %s\n", sparkline(countsOf(h, -1), 100), iso(h.Buckets[0].From, false),
			iso(h.Buckets[len(h.Buckets)-1].To, false), mostOf(countsOf(h, -1)), h.Step)
	}
	for _, s := range v.parts() {
		fmt.Fprintf(b, "\n## %s\n\n", markdown(s.Title))
		for _, l := range s.Lines {
			fmt.Fprintf(b, "* %s\n", markdown(l))
		}
		if s.Head == nil {
			continue
		}
		if len(s.Lines) > 0 {
			b.WriteString("\n")
		}
		v.markdownTable(b, &s)
	}
}

func (v caseView) markdownTable(b *strings.Builder, s *htmlSection) {
	out := sheet{names: s.Head}
	for _, r := range s.Rows {
		out.rows = append(out.rows, r.Cells)
	}
	out.writeMarkdown(b)
}

func mostOf(counts []int) int {
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	return most
}
