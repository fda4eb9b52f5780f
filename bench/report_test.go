package main

import (
	"strings"
	"testing"
	"time"

	"recourse/bench/gen"
)

// some is a run of which a person can check the figures.
func some() *results {
	r := newResults()
	r.Config = gen.Config{Seed: 1, Groups: 1000, Multi: 0.25}
	r.Data = gen.Summary{Groups: 1000, Changes: 1000, Distinct: 200, Bytes: 417_000}
	r.Rounds, r.Variants = 3, 2
	r.Systems = []string{ours, lite, elect}
	for _, l := range []struct {
		name string
		cpu  time.Duration
		size int64
	}{
		{ours, 18 * time.Millisecond, 125_000}, {ours, 90 * time.Millisecond, 125_000}, {ours, 17 * time.Millisecond, 125_000},
		{packed, 50 * time.Millisecond, 150_000}, {lite, 20 * time.Millisecond, 490_000}, {elect, 80 * time.Millisecond, 790_000},
	} {
		r.Loads[l.name] = append(r.Loads[l.name], load{usage: usage{CPU: l.cpu, Wall: 10 * time.Millisecond, Memory: memory{Peak: 600 << 20}}, Bytes: l.size})
	}
	ms := time.Millisecond
	for _, q := range []question{{Kind: recordHistory, ID: "c-1"}, {Kind: recordHistory, ID: "c-2"}} {
		r.add(q, r.Systems, []answer{{Took: 2 * ms, Count: 7, Says: "7"}, {Took: ms, Count: 7, Says: "7"}, {Took: 3 * ms, Count: 7, Says: "7"}})
	}
	r.add(question{Kind: rareWord, Word: "b06f1e"}, r.Systems, []answer{{Took: ms, Count: 1, Says: "1"}, {Took: ms, Count: 5, Says: "5"}, {Took: ms, Count: 5, Says: "5"}})
	r.Scanned = []float64{500_000}
	return r
}

func TestTargets(t *testing.T) {
	want := map[string]verdict{
		"CPU of the whole ingest, with 50 rules ÷ SQLite's":           metAim,
		"the same with the built-in rules ÷ SQLite's":                 missed,
		"the same ÷ PostgreSQL's":                                     metLeast,
		"bytes on disk ÷ the JSON lines'":                             metAim,
		"q1, p50 ÷ the better peer's":                                 noFigure,
		"q2, p50 ÷ the better peer's":                                 metLeast,
		"q3, p50 ÷ the better peer's":                                 metAim,
		"history of a record with its diffs, p50":                     missed,
		"all of one user's changes printed, wall ÷ ripgrep's":         noFigure,
		"changes scanned a second by a query that nothing helps":      metLeast,
		"changes taken in a second":                                   metAim,
		"most memory resident with no budget (this version has none)": metLeast,
	}
	for _, got := range some().targets() {
		if v, ok := want[got.What]; ok && got.verdict() != v {
			t.Errorf("%s: %s, want %s (%g)", got.What, got.verdict(), v, got.Got)
		}
		delete(want, got.What)
	}
	for what := range want {
		t.Errorf("there is no target %q", what)
	}
}

func TestReport(t *testing.T) {
	r := some()
	r.Missing = []string{"ripgrep: not installed"}
	r.Growth = &growth{Changes: 5000, Whole: load{usage: usage{CPU: time.Second, Wall: time.Second}, Bytes: 1 << 20}}
	for i := range r.Growth.Parts {
		r.Growth.Parts[i] = 500
		r.Growth.Within.CPU[i+1] = time.Duration(i+1) * 5 * time.Millisecond
		r.Growth.Tenths[i] = load{usage: usage{CPU: time.Duration(10+i) * time.Millisecond, Wall: time.Second}, Bytes: 1 << 20}
	}
	r.Growth.Within.known = 11
	var b strings.Builder
	if err := r.write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Left out: ripgrep: not installed.",
		"`auditgen -seed 1 -n 1000 -multi 0.25`",
		"| CPU of the whole ingest, with 50 rules ÷ SQLite's | 0.9 | ≤ 1.2 | ≤ 0.9 | aim met |",
		"| CPU of the last tenth ÷ the first tenth, of one process | 1 | ≤ 1.3 | ≤ 1.15 | aim met |",
		"| 10 | 10 µs |",
		"| the same, each tenth by a process that opens the store | 1.9 | ≤ 1.3 | ≤ 1.15 | MISSED |",
		"| recourse | 18 µs (18, 90, 17) | 125 B | 100,000 | 600 / 0 / 0 MiB |",
		"| recourse, built-in rules | 50 µs (50) | 150 B | 100,000 | 600 / 0 / 0 MiB |",
		"| q2 | history of a record | 2 / 2 (2) | 1 / 1 (1) | 3 / 3 (3) |",
		"they are all the same",
		"| q3 | 1 | 5 | 5 |",
		"| 10 | 38 µs | 500 | 1 MiB | 0 / 0 / 0 MiB |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
}

// TestDiffer: what should be the same and is not, is told.
func TestDiffer(t *testing.T) {
	r := some()
	two := []string{ours, lite}
	r.add(question{Kind: hourly, User: "u7"}, two, []answer{{Says: "1|2"}, {Says: "1|3"}})
	r.add(question{Kind: rareWord, Word: "x"}, []string{lite, elect}, []answer{{Says: "1"}, {Says: "2"}})
	r.add(question{Kind: wordPrefix, Word: "x"}, two, []answer{{Says: "1"}, {Says: "2"}}) // means something else
	if len(r.Differ) != 2 || !strings.Contains(r.Differ[0], "SQLite says 1|3") || !strings.HasPrefix(r.Differ[1], "q3") {
		t.Errorf("differ: %q", r.Differ)
	}
}
