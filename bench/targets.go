package main

import (
	"fmt"
	"time"
)

// A target is what is wanted of a figure. Where less is better both bounds are
// upper ones, where more is better lower ones.
type target struct {
	What       string
	Least, Aim float64
	More       bool    // more is better
	Got        float64 // the figure
	Unit       string
	Why        string // why there is no figure; empty if there is
}

// A verdict is how a figure stands to its target.
type verdict string

const (
	metAim   verdict = "aim met"
	metLeast verdict = "met"
	missed   verdict = "MISSED"
	noFigure verdict = "not measured"
)

func (t target) verdict() verdict {
	reaches := func(bound float64) bool {
		if t.More {
			return t.Got >= bound
		}
		return t.Got <= bound
	}
	switch {
	case t.Why != "":
		return noFigure
	case reaches(t.Aim):
		return metAim
	case reaches(t.Least):
		return metLeast
	}
	return missed
}

const (
	ours  = "recourse"
	lite  = "SQLite"
	elect = "PostgreSQL"
	// packed is recourse loaded with the rules that come with it, which are more
	// than the 50 of the measure, and of more forms.
	packed = "recourse, built-in rules"
)

// targets holds the figures of a run against what is wanted of them.
func (r *results) targets() []target {
	out := []target{
		r.ratio("CPU of the whole ingest, with 50 rules ÷ SQLite's", 1.2, 0.9, r.cpu(ours), r.cpu(lite)),
		r.ratio("the same ÷ PostgreSQL's", 0.3, 0.2, r.cpu(ours), r.cpu(elect)),
		r.ratio("the same with the built-in rules ÷ SQLite's", 1.2, 0.9, r.cpu(packed), r.cpu(lite)),
		r.ratio("with the built-in rules ÷ PostgreSQL's", 0.3, 0.2, r.cpu(packed), r.cpu(elect)),
		r.ratio("bytes on disk ÷ the JSON lines'", 0.45, 0.30, r.bytes(ours), float64(r.Data.Bytes)/float64(r.Data.Changes)),
		r.ratio("the same with the built-in rules", 0.45, 0.30, r.bytes(packed), float64(r.Data.Bytes)/float64(r.Data.Changes)),
		r.peak("most memory resident with "+r.budget(), mebibytes(r.memory(ours).Peak)),
		r.peak("the same with the built-in rules, too", mebibytes(r.memory(packed).Peak)),
	}
	if g := r.Growth; g != nil {
		out = append(out, r.peak(fmt.Sprintf("the same with %d changes%s", g.Changes, g.judged()), mebibytes(g.Whole.Memory.Peak)))
	}
	out = append(out, r.figure("changes taken in a second", 50_000, 80_000, r.rate(ours), "/s", true),
		r.figure("with the built-in rules", 50_000, 80_000, r.rate(packed), "/s", true))
	if g := r.Growth; g != nil {
		if g.Within.known == len(g.Within.CPU) {
			out = append(out, r.ratio("CPU of the last tenth ÷ the first tenth, of one process"+g.judged(), 1.3, 1.15, g.within(9), g.within(0)))
		}
		out = append(out, r.ratio("the same, each tenth by a process that opens the store"+g.judged(), 1.3, 1.15, g.cpu(9), g.cpu(0)))
	}
	for _, k := range kinds {
		if k.six {
			out = append(out, r.ratio(fmt.Sprintf("%s, p50 ÷ the better peer's", k.kind), 3, 1, millis(median(r.took(ours, k.kind))), r.better(k.kind)))
		}
	}
	history := r.took(ours, recordHistory)
	return append(out,
		r.ratio("all of one user's changes printed, wall ÷ ripgrep's", 6, 2, millis(median(walls(r.List))), millis(median(walls(r.Grep)))),
		r.figure("history of a record with its diffs, p50", 1.5, 0.5, millis(median(history)), " ms", false),
		r.figure("the same, p99", 5, 3, millis(quantile(history, 0.99)), " ms", false),
		r.figure("a page 100,000 deep, newest first, p50", 2, 1, millis(median(r.Own[deepPage])), " ms", false),
		r.figure("changes by the hour, of any filter, p50", 10, 5, millis(median(r.Own[hoursOfAny])), " ms", false),
		r.figure("top users, of any filter, p50", 10, 5, millis(median(r.Own[topOfAny])), " ms", false),
		r.figure("changes scanned a second by a query that nothing helps", 400_000, 600_000, median(r.Scanned), "/s", true),
		r.figure("the same by a condition of rules", 400_000, 600_000, median(r.ScannedByRules), "/s", true),
	)
}

func (r *results) budget() string {
	if r.Budget == "" {
		return "no budget (this version has none)"
	}
	return "a budget of " + r.Budget
}

// better is the p50 of the peer that answers a kind of question faster.
func (r *results) better(k kind) float64 {
	best := 0.0
	for _, name := range []string{lite, elect} {
		if took := r.took(name, k); len(took) > 0 {
			if ms := millis(median(took)); best == 0 || ms < best {
				best = ms
			}
		}
	}
	return best
}

// ratio is one figure by another; 0 is a figure that there is not.
func (r *results) ratio(what string, least, aim, got, by float64) target {
	t := r.figure(what, least, aim, got, "", false)
	switch {
	case t.Why != "":
	case by == 0:
		t.Why = "nothing to compare it with"
	default:
		t.Got /= by
	}
	return t
}

func (r *results) peak(what string, mib float64) target {
	return r.figure(what, 700, 512, mib, " MiB", false)
}

func (r *results) figure(what string, least, aim, got float64, unit string, more bool) target {
	t := target{What: what, Least: least, Aim: aim, Got: got, Unit: unit, More: more}
	if got == 0 {
		t.Why = "there is no figure"
	}
	return t
}

func walls(l []listing) []time.Duration {
	var out []time.Duration
	for _, one := range l {
		out = append(out, one.Wall)
	}
	return out
}
