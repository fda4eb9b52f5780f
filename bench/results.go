package main

import (
	"fmt"
	"slices"
	"time"

	"recourse/bench/gen"
)

// results is all that a run found.
type results struct {
	Config   gen.Config
	Data     gen.Summary
	Rounds   int
	Variants int
	Versions []string // of the systems that took part
	Missing  []string // what was left out, and why
	Began    time.Time
	Busy     []string // the load of the machine, at the beginning of each round

	Systems []string // names, in the order of the report
	Loads   map[string][]load
	Answers map[string]map[kind][]answer
	Differ  []string // answers that differ where they mean the same

	Grep, List     []listing // of the lister, by ripgrep and by recourse
	ListIn         []time.Duration
	Own            map[string][]time.Duration // by the name of a measure
	Scanned        []float64                  // changes a second, by a query
	ScannedByRules []float64                  // by a condition of rules
	Budget         string                     // of memory; empty if the program has none
	Growth         *growth
}

func newResults() *results {
	return &results{Loads: map[string][]load{}, Answers: map[string]map[kind][]answer{}, Own: map[string][]time.Duration{}, Began: time.Now()}
}

// add keeps the answers of all systems to one question, in the order of
// Systems, and compares what they say.
func (r *results) add(q question, systems []string, answers []answer) {
	said := map[string][]string{}
	for i, name := range systems {
		if r.Answers[name] == nil {
			r.Answers[name] = map[kind][]answer{}
		}
		r.Answers[name][q.Kind] = append(r.Answers[name][q.Kind], answers[i])
		if q.Kind.byWords() && name == (&recourse{}).Name() {
			continue // it means something else by a word
		}
		said[answers[i].Says] = append(said[answers[i].Says], name)
	}
	if len(said) < 2 {
		return
	}
	text := fmt.Sprintf("%s %+v:", q.Kind, q)
	for _, name := range systems {
		i := slices.Index(systems, name)
		text += fmt.Sprintf(" %s says %.80s;", name, answers[i].Says)
	}
	r.Differ = append(r.Differ, text)
}

// cpu is the median of what a change cost a system to take in, in microseconds.
func (r *results) cpu(system string) float64 {
	var all []float64
	for _, l := range r.Loads[system] {
		all = append(all, perChange(l.CPU, r.Data.Changes))
	}
	return median(all)
}

// bytes is what a change takes on disk.
func (r *results) bytes(system string) float64 {
	var all []float64
	for _, l := range r.Loads[system] {
		all = append(all, float64(l.Bytes)/float64(r.Data.Changes))
	}
	return median(all)
}

// rate is how many changes a system takes in a second.
func (r *results) rate(system string) float64 {
	var all []float64
	for _, l := range r.Loads[system] {
		all = append(all, float64(r.Data.Changes)/l.Wall.Seconds())
	}
	return median(all)
}

// memory is the most of all rounds.
func (r *results) memory(system string) memory {
	var m memory
	for _, l := range r.Loads[system] {
		m = m.max(l.Memory)
	}
	return m
}

// took are the times of a system's answers to a kind of question.
func (r *results) took(system string, k kind) []time.Duration {
	var out []time.Duration
	for _, a := range r.Answers[system][k] {
		out = append(out, a.Took)
	}
	return out
}

// found is how many changes a system found, over all variants of one round.
func (r *results) found(system string, k kind) int {
	n := 0
	for i, a := range r.Answers[system][k] {
		if i < r.Variants {
			n += a.Count
		}
	}
	return n
}
