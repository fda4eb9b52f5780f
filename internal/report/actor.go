package report

import (
	"fmt"
	"strconv"
	"strings"

	"recourse/query"
)

// Actor prints a user's profile.
func (p *Printer) Actor(a *query.Actor, limit int) error {
	return p.print(output{
		document: func() any { return a },
		page:     func(g *page) { g.actor(a, limit) },
		sheet:    func() sheet { return actorSheet(a) },
		notes:    func() []string { return append([]string{actorWords(a)}, footNotes(a.Summary.Footing)...) },
	})
}

func actorWords(a *query.Actor) string {
	n := a.Summary
	if n.Changes == 0 {
		return notFoundWords(n.Coverage.Coverage, "no change by "+userText(a.User).text)
	}
	s := fmt.Sprintf("%s by %s to %s in %s, from %s to %s", count(n.Changes, "change"), userText(a.User).text, count(n.Records, "record"),
		count(n.Sessions, "session"), refTime(a.First), refTime(a.Last))
	if n.Late > 0 {
		s += ", " + strconv.Itoa(n.Late) + " of them found late"
	}
	return s
}

var weekdays = [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// shades are what a part of the most looks like, from none on.
var shades = []rune(" ░▒▓█")

// hours writes when changes were made: a line a weekday, a column an hour.
func (g *page) hours(hours *[7][24]int) {
	most := 1
	for _, day := range hours {
		for _, n := range day {
			most = max(most, n)
		}
	}
	g.line(bold, "     0     3     6     9     12    15    18    21     UTC, most %d in an hour", most)
	for i := range 7 {
		day := (i + 1) % 7 // Monday first
		var b strings.Builder
		total := 0
		for _, n := range hours[day] {
			shade := shades[(n*(len(shades)-1)+most-1)/most]
			b.WriteRune(shade)
			b.WriteRune(shade)
			total += n
		}
		g.line(plain, "%s  %s  %d", weekdays[day], b.String(), total)
	}
}

func (g *page) actor(a *query.Actor, limit int) {
	g.line(bold, "%s", userText(a.User).text)
	if a.Summary.Changes > 0 {
		g.gap()
		g.hours(&a.Hours)
		g.gap()
		g.actorTables(a)
		g.gap()
		g.wrapped(plain, 0, "operations: "+countedWords(a.Ops, 10))
		g.wrapped(plain, 0, "nodes: "+countedWords(a.Nodes, 10))
		g.wrapped(plain, 0, "attributes: "+countedWords(a.Attrs, 10))
		g.gap()
		shown := a.Sessions
		if limit > 0 && len(shown) > limit {
			shown = shown[len(shown)-limit:]
			g.line(warn, "%s before these; --limit 0 prints all", count(len(a.Sessions)-limit, "session"))
		}
		g.sessions(shown)
		g.actorAlerts(a)
		g.actorRecords(a)
	}
	g.gap()
	g.wrapped(plain, 0, actorWords(a))
	g.foot(a.Summary.Footing)
}

func (g *page) actorTables(a *query.Actor) {
	rows := make([][]cell, len(a.Tables))
	for i := range a.Tables {
		t := &a.Tables[i]
		var ops []string
		for _, op := range t.Ops {
			ops = append(ops, fmt.Sprintf("%s %d (first #%s)", Visible(string(op.Op)), op.Changes, seqText(op.First.Seq)))
		}
		rows[i] = []cell{
			{text: Visible(t.Database + "." + t.Table)}, {text: strconv.Itoa(t.Changes)}, {text: strconv.Itoa(t.Records)}, {text: refTime(t.First)}, {text: refTime(t.Last)},
			{text: strings.Join(ops, ", ")},
		}
	}
	g.table([]column{{name: "TABLE", flex: true}, {name: "CHANGES", right: true}, {name: "RECORDS", right: true}, {name: "FIRST SEEN"}, {name: "LAST SEEN"}, {name: "OPS", flex: true}}, rows)
}

func (g *page) actorAlerts(a *query.Actor) {
	if len(a.Alerts) == 0 {
		return
	}
	g.gap()
	rows := make([][]cell, len(a.Alerts))
	for i := range a.Alerts {
		x := &a.Alerts[i]
		rows[i] = []cell{{text: Visible(x.ID)}, {text: instant(x.First)}, {text: Visible(x.Severity)}, {text: Visible(string(x.State))}, {text: Visible(x.Rule)}, {text: strconv.Itoa(x.Changes)}, {text: Visible(x.Title)}}
	}
	g.table([]column{{name: "ALERT", flex: true}, {name: "FIRST"}, {name: "SEVERITY"}, {name: "STATE"}, {name: "RULE"}, {name: "CHANGES", right: true}, {name: "TITLE", flex: true}}, rows)
}

func (g *page) actorRecords(a *query.Actor) {
	var list []string
	for i := range a.Records {
		list = append(list, fmt.Sprintf("%s %d", recordWords(a.Records[i].RecordRef), a.Records[i].Changes))
	}
	if more := a.Summary.Records - len(a.Records); more > 0 {
		list = append(list, strconv.Itoa(more)+" more")
	}
	g.gap()
	g.wrapped(plain, 0, "records: "+strings.Join(list, ", "))
	list = nil
	for _, o := range a.Others {
		list = append(list, fmt.Sprintf("%s %s", userText(o.User).text, count(o.Records, "record")))
	}
	if more := a.Summary.Others - len(a.Others); more > 0 {
		list = append(list, strconv.Itoa(more)+" more")
	}
	if len(list) > 0 {
		g.wrapped(plain, 0, "others who changed these records: "+strings.Join(list, ", "))
	}
}

// actorSheet is a row a thing that is counted.
func actorSheet(a *query.Actor) sheet {
	s := sheet{names: []string{"what", "value", "changes", "records", "first", "last"}}
	add := func(cells ...string) { s.rows = append(s.rows, cells) }
	for i := range a.Tables {
		t := &a.Tables[i]
		add("table", Visible(t.Database+"."+t.Table), strconv.Itoa(t.Changes), strconv.Itoa(t.Records), refTime(t.First), refTime(t.Last))
		for _, op := range t.Ops {
			add("op of table", Visible(string(op.Op)+" "+t.Database+"."+t.Table), strconv.Itoa(op.Changes), "", refTime(op.First), "")
		}
	}
	for _, list := range []struct {
		what   string
		values []query.Counted
	}{{"op", a.Ops}, {"node", a.Nodes}, {"attribute", a.Attrs}} {
		for _, c := range list.values {
			add(list.what, Visible(c.Value), strconv.Itoa(c.N), "", "", "")
		}
	}
	for day := range a.Hours {
		for hour, n := range a.Hours[day] {
			if n > 0 {
				add("hour", fmt.Sprintf("%s %02d", weekdays[day], hour), strconv.Itoa(n), "", "", "")
			}
		}
	}
	for i := range a.Sessions {
		x := &a.Sessions[i]
		add("session", Visible(x.Node), strconv.Itoa(x.Changes), strconv.Itoa(x.Records), instant(x.From), instant(x.To))
	}
	for i := range a.Alerts {
		x := &a.Alerts[i]
		add("alert", Visible(x.ID+" "+x.Title), strconv.Itoa(x.Changes), "", instant(x.First), "")
	}
	for i := range a.Records {
		add("record", recordWords(a.Records[i].RecordRef), strconv.Itoa(a.Records[i].Changes), "", "", "")
	}
	for _, o := range a.Others {
		add("other user", userText(o.User).text, strconv.Itoa(o.Changes), strconv.Itoa(o.Records), "", "")
	}
	return s
}
