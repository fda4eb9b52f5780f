package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
	"recourse/bench/gen"
	"recourse/bench/host"
)

// A rung is one store of a ladder and how long questions of it take, warm.
type rung struct {
	groups int
	sum    gen.Summary
	busy   busy
	took   map[string][]time.Duration // by the name of a measure
}

// verbFirstPage is the search that the verbs are measured beside.
const verbFirstPage = "a user's changes of a table in 6 h: newest 50, and how many"

// ladderMeasures are those of a rung, in the order of the report.
var ladderMeasures = append([]string{verbFirstPage}, verbMeasures...)

// climb measures questions and verbs on stores of several sizes.
func climb(ctx context.Context, o options, dir string) error {
	var sizes []int
	for text := range strings.SplitSeq(o.ladder, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 10_000 {
			return fmt.Errorf("-ladder %q: want numbers of groups, 10000 or more, with commas between", o.ladder)
		}
		sizes = append(sizes, n)
	}
	if o.gen.Versions == 0 {
		o.gen.Versions = 1000
	}
	var rungs []*rung
	var version string
	for _, n := range sizes {
		c := o.gen
		c.Groups = n
		own := &recourse{dir: filepath.Join(dir, "ladder"), binary: o.binary, budget: o.memory}
		var err error
		if version, err = own.Version(ctx); err != nil {
			return err
		}
		o.binary = own.binary // built once
		slog.Info("a rung is climbed", "groups", n)
		r, err := climbTo(ctx, own, dir, c, o)
		if err != nil {
			return fmt.Errorf("of %d groups: %w", n, err)
		}
		rungs = append(rungs, r)
	}
	report := func(w io.Writer) error { return writeLadder(w, version, o, rungs) }
	if o.out != "" {
		if err := writeFile(o.out, report); err != nil {
			return err
		}
	}
	return report(os.Stdout)
}

// climbTo makes a store of so many groups and asks it everything, once to warm it
// and then in so many rounds.
func climbTo(ctx context.Context, own *recourse, dir string, c gen.Config, o options) (r *rung, err error) {
	d := &dataset{Lines: filepath.Join(dir, "ladder.jsonl")}
	defer os.Remove(d.Lines)
	r = &rung{groups: c.Groups, took: map[string][]time.Duration{}}
	err = writeFile(d.Lines, func(w io.Writer) (err error) {
		d.Summary, err = gen.Write(w, c)
		return err
	})
	if err == nil {
		err = d.draw(c.Seed)
	}
	if err != nil {
		return nil, fmt.Errorf("generate groups: %w", err)
	}
	r.sum = d.Summary
	if _, err := own.Load(ctx, d); err != nil {
		return nil, err
	}
	if err := own.Open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	if r.busy, err = own.busiest(ctx); err != nil {
		return nil, err
	}
	table, err := audit.ParseTable(gen.WornTable)
	if err != nil {
		return nil, err
	}
	r.busy.record, r.busy.times = audit.Key{Table: table, ID: audit.ID(strconv.Quote(gen.WornID))}, c.Versions
	qs := slices.DeleteFunc(questions(d, o.variants, c.Seed), func(q question) bool {
		return q.Kind != newestOfUser && q.Kind != recordHistory && q.Kind != rareWord
	})
	for n := range o.rounds + 1 {
		if err := r.round(ctx, own, qs, n > 0); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// round asks everything once; only what is asked of a warm store counts.
func (r *rung) round(ctx context.Context, own *recourse, qs []question, warm bool) error {
	timed := func(name string, do func() error) error {
		began := time.Now()
		err := do()
		if took := time.Since(began); warm {
			r.took[name] = append(r.took[name], took)
		}
		return err
	}
	for _, q := range qs {
		if q.Kind != newestOfUser {
			continue
		}
		err := timed(verbFirstPage, func() error { _, err := own.Ask(ctx, q); return err })
		if err != nil {
			return err
		}
	}
	return own.verbs(ctx, r.busy, qs, timed)
}

// draw draws the sample that questions are made from.
func (d *dataset) draw(seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 1))
	every := max(d.Groups/sampleSize, 1)
	err := d.eachLine(func(line []byte) error {
		if r.IntN(every) != 0 {
			return nil
		}
		of, err := rowsOf(line)
		d.Sample = append(d.Sample, of...)
		return err
	})
	r.Shuffle(len(d.Sample), func(i, j int) { d.Sample[i], d.Sample[j] = d.Sample[j], d.Sample[i] })
	return err
}

func writeLadder(w io.Writer, version string, o options, rungs []*rung) error {
	var p paper
	p.line("# Questions and verbs as the store grows\n")
	p.line("%s. %s. `auditgen -seed %d` with a record of %d versions; %d rounds of a store that is warm, p50 in ms.",
		host.Machine(), version, o.gen.Seed, o.gen.Versions, o.rounds)
	head, users := []string{""}, []string{"changes of the busiest user"}
	for _, r := range rungs {
		head = append(head, fmt.Sprintf("%d changes", r.sum.Changes))
		users = append(users, strconv.Itoa(r.busy.changes))
	}
	p.head(append(head, "growth")...)
	p.row(append(users, "")...)
	for _, name := range ladderMeasures {
		row := []string{strings.ReplaceAll(name, "the busiest record", "a record of "+strconv.Itoa(o.gen.Versions)+" versions")}
		var first, last float64
		for i, r := range rungs {
			last = millis(median(r.took[name]))
			if i == 0 {
				first = last
			}
			row = append(row, short(last))
		}
		p.row(append(row, short(last/first)+"×")...)
	}
	_, err := io.WriteString(w, p.String())
	return err
}
