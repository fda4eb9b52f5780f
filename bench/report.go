package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/bench/host"
)

// A paper is a Markdown document that is being written.
type paper struct{ strings.Builder }

func (p *paper) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *paper) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

// head begins a table.
func (p *paper) head(cells ...string) {
	p.line("")
	p.row(cells...)
	p.line("|%s", strings.Repeat("---|", len(cells)))
}

// write writes the report of a run.
func (r *results) write(w io.Writer) error {
	var p paper
	p.line("# Measured against SQLite, PostgreSQL and ripgrep\n")
	p.line("%s. Begun %s. %d rounds in one run, in each of which every system was loaded and asked %d variants of each question, one system after the other; load of the machine at the beginning of the rounds: %s.\n",
		host.Machine(), r.Began.UTC().Format("2 January 2006, 15:04 UTC"), r.Rounds, r.Variants, strings.Join(r.Busy, ", "))
	p.line("%s.\n", strings.Join(r.Versions, "; "))
	for _, m := range r.Missing {
		p.line("Left out: %s.\n", m)
	}
	p.line("Data: `auditgen%s`: %d groups, %d changes of %d records, %.0f bytes a line.", r.flags(), r.Data.Groups, r.Data.Changes, r.Data.Distinct, float64(r.Data.Bytes)/float64(r.Data.Groups))
	own := slices.Contains(r.Systems, ours)
	if own {
		r.writeTargets(&p)
	}
	r.writeLoads(&p)
	r.writeAnswers(&p)
	if own {
		r.writeOwn(&p)
	}
	if r.Growth != nil {
		r.Growth.write(&p)
	}
	p.line("\n## How it was measured\n\n%s", method)
	_, err := io.WriteString(w, p.String())
	return err
}

// flags are those of auditgen that make the data set.
func (r *results) flags() string {
	c := r.Config
	text := fmt.Sprintf(" -seed %d -n %d", c.Seed, c.Groups)
	for _, f := range []struct {
		name  string
		value float64
	}{{"multi", c.Multi}, {"nested", c.Nested}, {"large", c.Large}} {
		if f.value > 0 {
			text += fmt.Sprintf(" -%s %g", f.name, f.value)
		}
	}
	return text
}

func (r *results) writeTargets(p *paper) {
	p.line("\n## Targets")
	p.head("measure", "figure", "at least", "aim", "")
	for _, t := range r.targets() {
		sign := "≤ "
		if t.More {
			sign = "≥ "
		}
		got := short(t.Got) + t.Unit
		if t.Why != "" {
			got = t.Why
		}
		p.row(t.What, got, sign+short(t.Least)+t.Unit, sign+short(t.Aim)+t.Unit, string(t.verdict()))
	}
}

func (r *results) writeLoads(p *paper) {
	p.line("\n## Taking the changes in")
	p.head("", "CPU a change, median (each round)", "on disk a change", "changes a second", "most memory: all / own / mapped files")
	names := r.Systems
	if own := slices.Index(names, ours); own >= 0 {
		names = slices.Insert(slices.Clone(names), own+1, packed)
	}
	for _, name := range names {
		if len(r.Loads[name]) == 0 {
			continue
		}
		var each []string
		for _, l := range r.Loads[name] {
			each = append(each, short(perChange(l.CPU, r.Data.Changes)))
		}
		m := r.memory(name)
		p.row(name, fmt.Sprintf("%s µs (%s)", short(r.cpu(name)), strings.Join(each, ", ")), fmt.Sprintf("%.0f B", r.bytes(name)), short(r.rate(name)),
			fmt.Sprintf("%.0f / %.0f / %.0f MiB", mebibytes(m.Peak), mebibytes(m.Anon), mebibytes(m.File)))
	}
}

func (r *results) writeAnswers(p *paper) {
	p.line("\n## Questions, p50 / p99 (the first) in ms")
	p.head(append([]string{"", "question"}, r.Systems...)...)
	for _, k := range kinds {
		cells := []string{string(k.kind), k.what}
		for _, name := range r.Systems {
			cell := "–"
			if took := r.took(name, k.kind); len(took) > 0 {
				cell = pair(took) + " (" + short(millis(took[0])) + ")"
			}
			cells = append(cells, cell)
		}
		p.row(cells...)
	}
	p.line("\nWhere the systems mean the same by a question, their answers were compared: %s.", r.agreement())
	for i, d := range r.Differ {
		if i == 10 {
			p.line("* and %d more", len(r.Differ)-i)
			break
		}
		p.line("* %s", d)
	}
	p.line("\nChanges with a word: those that the record has after them (SQLite, PostgreSQL), or that wrote or removed it (recourse). Found, over all variants:")
	p.head(append([]string{""}, r.Systems...)...)
	for _, k := range kinds {
		if k.kind.byWords() {
			cells := []string{string(k.kind)}
			for _, name := range r.Systems {
				cells = append(cells, strconv.Itoa(r.found(name, k.kind)))
			}
			p.row(cells...)
		}
	}
}

func (r *results) agreement() string {
	if len(r.Systems) < 2 {
		return "there is only one"
	}
	if len(r.Differ) == 0 {
		return "they are all the same"
	}
	return fmt.Sprintf("%d differ", len(r.Differ))
}

func (r *results) writeOwn(p *paper) {
	p.line("\n## One user's changes, all printed\n\nOf %s among %d groups, into a pipe.", lister, min(smallGroups, r.Data.Groups))
	p.head("", "wall, median", "CPU, median", "lines")
	for _, row := range []struct {
		name string
		l    []listing
	}{{"`recourse search`, a process", r.List}, {"`rg` on the JSON lines, a process", r.Grep}} {
		if len(row.l) > 0 {
			var cpu []time.Duration
			for _, one := range row.l {
				cpu = append(cpu, one.CPU)
			}
			p.row(row.name, short(millis(median(walls(row.l))))+" ms", short(millis(median(cpu)))+" ms", strconv.Itoa(row.l[0].Lines))
		}
	}
	if len(r.ListIn) > 0 {
		p.row("recourse in a process that is open, found but not printed", short(millis(median(r.ListIn)))+" ms", "–", "–")
	}
	p.line("\n## recourse alone, p50 / p99 in ms")
	p.head("", "")
	for _, name := range ownMeasures {
		if took := r.Own[name]; len(took) > 0 {
			p.row(name, pair(took))
		}
	}
	if len(r.Scanned) > 0 {
		p.row("scan by a query that nothing helps", short(median(r.Scanned))+" changes a second")
		p.row("scan by a condition of rules", short(median(r.ScannedByRules))+" changes a second")
	}
}

func pair(took []time.Duration) string {
	return short(millis(median(took))) + " / " + short(millis(quantile(took, 0.99)))
}

// short is a figure with three digits that count.
func short(f float64) string {
	switch {
	case f >= 1000:
		digits := strconv.FormatFloat(f, 'f', 0, 64)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
