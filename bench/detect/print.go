package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"recourse/bench/worlds"
)

// A sheet is a table to be printed.
type sheet struct {
	title string
	head  []string
	rows  [][]string
}

func percent(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }

// sheets is the report as tables.
func (r *report) sheets() []sheet {
	return []sheet{r.paceSheet(), r.attackSheet(), r.ruleSheet(), r.worldSheet()}
}

func (r *report) paceSheet() sheet {
	s := sheet{title: "By pace", head: []string{"pace", "incidents", "found", "recall", "95 % interval", "time to detect", "records before the alert", "of the incident"}}
	for _, l := range r.Paces {
		s.rows = append(s.rows, []string{string(l.Pace), fmt.Sprint(l.Incidents), fmt.Sprint(l.Found), percent(l.Recall),
			percent(l.Low) + " – " + percent(l.High), duration(l.Minutes), fmt.Sprint(l.Damaged), percent(l.Share)})
	}
	return s
}

func (r *report) attackSheet() sheet {
	s := sheet{title: "By attack", head: []string{"attack"}}
	for _, p := range worlds.Paces() {
		s.head = append(s.head, string(p))
	}
	s.head = append(s.head, "time to detect", "records before", "found by")
	for _, a := range r.Attacks {
		row := []string{a.Attack}
		for _, p := range worlds.Paces() {
			cell := ""
			if n := a.ByPace[p]; n[1] > 0 {
				cell = fmt.Sprintf("%d/%d", n[0], n[1])
			}
			row = append(row, cell)
		}
		s.rows = append(s.rows, append(row, duration(a.Minutes), fmt.Sprint(a.Damaged), strings.Join(a.Rules[:min(len(a.Rules), 3)], ", ")))
	}
	return s
}

func (r *report) ruleSheet() sheet {
	s := sheet{title: "By rule", head: []string{"rule", "true", "false", "precision", "noise", "incidents", "first", "alone", "withheld", "evaluated", "most false alerts from"}}
	for _, l := range r.PerRule {
		name := l.Rule
		if l.Status != "stable" {
			name += " (" + l.Status + ")"
		}
		precision := ""
		if l.True+l.False > 0 {
			precision = percent(l.Precision)
		}
		s.rows = append(s.rows, []string{name, fmt.Sprint(l.True), fmt.Sprint(l.False), precision, fmt.Sprintf("%.2f", l.Noise),
			fmt.Sprint(l.Found), fmt.Sprint(l.First), fmt.Sprint(l.Alone), fmt.Sprint(l.Withheld), fmt.Sprintf("%.1f %%", 100*l.Evaluated), l.Noisiest})
	}
	return s
}

func (r *report) worldSheet() sheet {
	s := sheet{title: "By system", head: []string{"system", "changes", "false alerts a day per 1,000 users", "incidents", "found"}}
	for _, w := range r.Worlds {
		s.rows = append(s.rows, []string{w.World, fmt.Sprint(w.Changes), fmt.Sprintf("%.1f", w.AlertsADay), fmt.Sprint(w.Incidents), fmt.Sprint(w.Found)})
	}
	return s
}

// summary is the figures of the whole pack, and what they were made with.
func (r *report) summary() string {
	bare := ""
	if r.Bare {
		bare = " No snapshot was taken before."
	}
	return fmt.Sprintf("%d rules. Seeds: %s; %d users and %d days a stream, %d changes in all.%s\n"+
		"Peaceful streams: %d alerts in %.0f user-days, which is %.2f a day per 1,000 users; %d more repeat others or are explained by others, and nobody is told.\n"+
		"Attacked streams: %s of the alerts rest on an incident.\n"+
		"Judged: %.0f changes in a second of processor time. %s.\n",
		r.Rules, r.Seeds, r.Users, r.Days, r.Changes, bare, r.FalseAlerts, r.UserDays, r.AlertsADay, r.Withheld, percent(r.Precision), r.PerSecond, r.Machine)
}

func (r *report) table(out io.Writer) error {
	if _, err := fmt.Fprint(out, r.summary()); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range r.sheets() {
		fmt.Fprintf(w, "\n%s\n", strings.ToUpper(s.title))
		for _, row := range append([][]string{s.head}, s.rows...) {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	return w.Flush()
}

func (r *report) markdown(out io.Writer) error {
	var b strings.Builder
	b.WriteString(r.summary())
	for _, s := range r.sheets() {
		fmt.Fprintf(&b, "\n### %s\n\n| %s |\n|%s\n", s.title, strings.Join(s.head, " | "), strings.Repeat("---|", len(s.head)))
		for _, row := range s.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
