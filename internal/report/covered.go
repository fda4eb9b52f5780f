package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
	"recourse/query"
)

// A Covered is what is known of how far the logs were read.
type Covered struct {
	From, To audit.Time // asked for; 0: not limited
	Tables   []query.TableCoverage
	Gaps     []audit.Gap // healed ones too, if they are to be printed
}

type coveredDoc struct {
	Database  string       `json:"database"`
	Table     string       `json:"table"`
	Node      *string      `json:"node,omitempty"`
	Complete  bool         `json:"complete"`
	Oldest    *audit.Time  `json:"oldest"`
	OldestISO *string      `json:"oldest_iso"`
	ReadTo    *audit.Time  `json:"read_to"`
	ReadToISO *string      `json:"read_to_iso"`
	Share     float64      `json:"share"`
	Stretches []stretchDoc `json:"stretches"`
}

type coveredSummary struct {
	Complete  bool        `json:"complete"`
	Tables    int         `json:"tables"`
	Gaps      int         `json:"gaps"`
	Oldest    *audit.Time `json:"oldest"`
	OldestISO *string     `json:"oldest_iso"`
	ReadTo    *audit.Time `json:"read_to"`
	ReadToISO *string     `json:"read_to_iso"`
	Share     float64     `json:"share"`
}

// Complete says that all that was asked for is covered.
func (c Covered) Complete() bool {
	return len(c.Tables) > 0 && !slices.ContainsFunc(c.Tables, func(t query.TableCoverage) bool { return !t.Complete })
}

// summary is of all tables: the one that is covered least far back, the one that
// is read least far, and the mean of the shares.
func (c Covered) summary() (oldest, readTo audit.Time, mean float64) {
	for i, t := range c.Tables {
		if i == 0 {
			readTo = t.ReadTo
		}
		oldest, readTo = max(oldest, t.Oldest), min(readTo, t.ReadTo)
		mean += t.Share / float64(len(c.Tables))
	}
	return oldest, readTo, mean
}

// unhealed counts the gaps that hide something which there was to be read: that
// a log began is none.
func (c Covered) unhealed() int {
	n := 0
	for _, g := range c.Gaps {
		if g.Healed == 0 && g.Kind != audit.GapBefore {
			n++
		}
	}
	return n
}

func (c Covered) summaryDoc() coveredSummary {
	oldest, readTo, mean := c.summary()
	doc := coveredSummary{Complete: c.Complete(), Tables: len(c.Tables), Gaps: c.unhealed(), Share: mean}
	doc.Oldest, doc.OldestISO = query.Since(oldest)
	doc.ReadTo, doc.ReadToISO = query.Since(readTo)
	return doc
}

func coveredDocs(list []query.TableCoverage) []coveredDoc {
	docs := make([]coveredDoc, len(list))
	for i, t := range list {
		d := coveredDoc{Database: t.Table.Database, Table: t.Table.Name, Complete: t.Complete, Share: t.Share, Stretches: query.StretchDocs(t.Stretches)}
		if t.Node != "" {
			d.Node = &list[i].Node
		}
		d.Oldest, d.OldestISO = query.Since(t.Oldest)
		d.ReadTo, d.ReadToISO = query.Since(t.ReadTo)
		docs[i] = d
	}
	return docs
}

// Covered prints how far the logs were read.
func (p *Printer) Covered(c Covered) error {
	return p.print(output{
		document: func() any {
			return struct {
				Tables  []coveredDoc   `json:"tables"`
				Gaps    []gapDoc       `json:"gaps"`
				Summary coveredSummary `json:"summary"`
			}{coveredDocs(c.Tables), query.GapDocs(c.Gaps), c.summaryDoc()}
		},
		lines: func() []any {
			var lines []any
			for _, d := range coveredDocs(c.Tables) {
				lines = append(lines, d)
			}
			return append(lines, summaryLine{c.summaryDoc()})
		},
		page:  func(g *page) { g.covered(c) },
		sheet: c.sheet,
		notes: func() []string { return []string{c.words()} },
	})
}

// sheet is a row a stretch.
func (c Covered) sheet() sheet {
	s := sheet{names: []string{"database", "table", "node", "from", "from_iso", "to", "to_iso", "state", "reason", "nodes"}}
	for _, t := range c.Tables {
		for _, part := range t.Stretches {
			s.rows = append(s.rows, []string{
				Visible(t.Table.Database), Visible(t.Table.Name), Visible(t.Node), part.From.String(), sinceWords(part.From), untilNumber(part.To), untilWords(part.To, true),
				Visible(string(part.Cover)), Visible(part.Reason), Visible(strings.Join(part.Nodes, " ")),
			})
		}
	}
	return s
}

func sinceWords(t audit.Time) string {
	if t <= 0 {
		return "since ever"
	}
	return iso(t, true)
}

// untilNumber is an end in numbers; empty where it is now.
func untilNumber(t audit.Time) string {
	if math.IsInf(float64(t), 1) {
		return ""
	}
	return t.String()
}

func untilWords(t audit.Time, full bool) string {
	if math.IsInf(float64(t), 1) {
		return "now"
	}
	return iso(t, full)
}

// words are the summary as a sentence.
func (c Covered) words() string {
	if len(c.Tables) == 0 {
		return "nothing is known: no log was read"
	}
	oldest, readTo, mean := c.summary()
	head := "not all of what was asked for is covered"
	if c.Complete() {
		head = "all of what was asked for is covered"
	}
	head += ": " + count(len(c.Tables), "table") + ", " + share(mean)
	if oldest > 0 {
		head += ", every table from " + seconds(oldest) + " on"
	}
	if readTo > 0 {
		head += ", read to " + seconds(readTo)
	}
	return head + ", " + count(c.unhealed(), "gap")
}

// share is a part as percent; only what is whole is 100.
func share(part float64) string {
	if part < 1 {
		part = math.Floor(part*10000) / 10000
	}
	return strconv.FormatFloat(100*part, 'f', 2, 64) + "%"
}

func (g *page) covered(c Covered) {
	if len(c.Tables) == 0 {
		g.line(warn, "%s", c.words())
		return
	}
	cols := []column{{name: "TABLE", flex: true}, {name: "FROM"}, {name: "READ TO"}, {name: "COVERED", right: true}, {name: "TIME", keep: true}}
	byNode := slices.ContainsFunc(c.Tables, func(t query.TableCoverage) bool { return t.Node != "" })
	if byNode {
		cols = slices.Insert(cols, 1, column{name: "NODE", flex: true})
	}
	from, to := c.limits()
	bar := min((g.width-60)/2, 40)
	if bar < 8 || to <= from { // no room for bars, or no time
		bar, cols = 0, cols[:len(cols)-1]
	}
	rows := make([][]cell, len(c.Tables))
	for i, t := range c.Tables {
		r := []cell{{text: Visible(t.Table.String())}, shortTime(t.Oldest), shortTime(t.ReadTo), {share(t.Share), coverPaint(t.Complete)}}
		if byNode {
			r = slices.Insert(r, 1, cell{text: Visible(t.Node)})
		}
		if bar >= 8 {
			r = append(r, cell{timeline(t, from, to, bar), coverPaint(t.Complete)})
		}
		rows[i] = r
	}
	g.table(cols, rows)
	if bar >= 8 {
		g.wrapped(faint, 0, "TIME is from "+seconds(from)+" to "+seconds(to)+": = covered, x gap, - not audited, . before the log or not read")
	}
	g.open(c)
	g.gap()
	g.wrapped(coverPaint(c.Complete()), 0, c.words())
}

func coverPaint(complete bool) paint {
	if complete {
		return good
	}
	return warn
}

func shortTime(t audit.Time) cell {
	if t <= 0 {
		return cell{"unknown", warn}
	}
	return cell{text: seconds(t)}
}

// seconds is a time cut to the second.
func seconds(t audit.Time) string {
	if at := t.Go(); !at.IsZero() {
		return at.Format(time.RFC3339)
	}
	return t.String()
}

// open lists what is not covered, but for what the columns FROM and READ TO say.
func (g *page) open(c Covered) {
	cols := []column{{name: "NOT COVERED", flex: true}, {name: "FROM"}, {name: "TO"}, {name: "STATE"}, {name: "REASON", flex: true}}
	var rows [][]cell
	for _, t := range c.Tables {
		name := Visible(t.Table.String())
		if t.Node != "" {
			name += " on " + Visible(t.Node)
		}
		for _, s := range t.Open() {
			from := "since ever"
			if s.From > 0 {
				from = iso(s.From, false)
			}
			if s.Cover == audit.CoverUnread && t.Oldest > 0 && (s.From <= 0 || s.From >= t.ReadTo && c.To <= 0) {
				continue
			}
			rows = append(rows, []cell{{text: name}, {text: from}, {text: untilWords(s.To, false)}, {Visible(string(s.Cover)), warn}, {text: Visible(s.Reason)}})
		}
	}
	if len(rows) > 0 {
		g.gap()
		g.table(cols, rows)
	}
}
