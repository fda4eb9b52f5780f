package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"time"

	"recourse/audit"
	"recourse/bench/worlds"
	"recourse/rules"
)

// A find is how one incident was found.
type find struct {
	worlds.Incident
	seed    uint64
	rules   []string   // that found it, the first first; none: it was missed
	after   audit.Time // from its first change to the first alert
	damaged int        // its changes up to then; all if it was missed
}

// A measurement gathers the streams.
type measurement struct {
	set      *rules.Set
	rules    map[string]*ruleCount
	finds    []find
	noise    []string // false alerts of peaceful streams, for people
	worlds   map[string]*worldCount
	changes  int
	took     time.Duration
	userDays float64 // peaceful
	attacked struct{ good, bad int }
	quiet    int // false alerts of peaceful streams
	withheld int // alerts of peaceful streams of which nobody is told
}

// A ruleCount is one rule's part.
type ruleCount struct {
	id        string
	silent    bool // experimental: recorded, and not counted for the pack
	good, bad int  // alerts of attacked streams
	noise     int  // alerts of peaceful streams
	withheld  int  // alerts of all streams that repeat others or that others explain; in none of the above
	found     int  // incidents
	alone     int  // incidents that no other rule found
	first     int  // incidents that it was the first to find
	evaluated uint64
	undecided uint64 // including those skipped because an image was unknown
	errors    uint64
	traps     map[string]int
}

// A worldCount is one kind of system's part.
type worldCount struct {
	changes  int
	userDays float64
	noise    int
	found    int
	all      int
}

func newMeasurement(set *rules.Set) *measurement {
	m := &measurement{set: set, rules: map[string]*ruleCount{}, worlds: map[string]*worldCount{}}
	for _, r := range set.Rules() {
		m.rules[r.ID] = &ruleCount{id: r.ID, silent: r.Status == rules.Experimental, traps: map[string]int{}}
	}
	return m
}

func (m *measurement) add(s *stream) {
	m.changes += s.changes
	m.took += s.took
	for _, st := range s.stats.Rules {
		r := m.rules[st.Rule]
		r.evaluated += st.Evaluated
		r.undecided += st.Undecided + st.SkippedUnknown
		r.errors += st.Errors
	}
	w := m.worlds[s.config.Kind]
	if w == nil {
		w = &worldCount{}
		m.worlds[s.config.Kind] = w
	}
	w.changes += s.changes
	if s.config.Attacks == 0 {
		days := float64(s.config.Users * s.config.Days)
		w.userDays += days
		m.userDays += days
		m.peaceful(s, w)
		return
	}
	m.hostile(s, w)
}

// peaceful counts the alerts of a stream without an attack: all are false.
func (m *measurement) peaceful(s *stream, w *worldCount) {
	for i := range s.alerts {
		a := &s.alerts[i]
		r := m.rules[a.alert.Rule]
		if !a.told && !r.silent {
			r.withheld++
			m.withheld++
			continue
		}
		_, _, trap := s.verdict(&a.alert)
		r.noise++
		r.traps[cmp.Or(trap, "everyday work")]++
		m.noise = append(m.noise, fmt.Sprintf("%s %d, %s: %s: %s (%d changes; %s)", s.config.Kind, s.config.Seed,
			a.at.Go().Format("Mon 2 Jan 15:04"), a.alert.Rule, a.alert.Title, a.alert.Count, cmp.Or(trap, "everyday work")))
		if !r.silent {
			m.quiet++
			w.noise++
		}
	}
}

// hostile counts the incidents of a stream, and the alerts.
func (m *measurement) hostile(s *stream, w *worldCount) {
	found := map[int][]raised{}
	for _, a := range s.alerts {
		r := m.rules[a.alert.Rule]
		if !a.told && !r.silent {
			r.withheld++
			continue
		}
		v, incidents, _ := s.verdict(&a.alert)
		switch v {
		case trueAlert:
			r.good++
		case falseAlert:
			r.bad++
		}
		if r.silent {
			continue
		}
		switch v {
		case trueAlert:
			m.attacked.good++
		case falseAlert:
			m.attacked.bad++
		}
		for id := range incidents {
			found[id] = append(found[id], a)
		}
	}
	for _, in := range s.incidents {
		f := find{Incident: in, seed: s.config.Seed, damaged: in.Changes}
		alerts := found[in.ID]
		slices.SortFunc(alerts, func(a, b raised) int { return cmp.Compare(a.seq, b.seq) })
		for _, a := range alerts {
			if !slices.Contains(f.rules, a.alert.Rule) {
				f.rules = append(f.rules, a.alert.Rule)
			}
		}
		w.all++
		if len(alerts) > 0 {
			w.found++
			f.after = max(alerts[0].at-in.Begins, 0)
			order := s.order[in.ID]
			f.damaged = sort.Search(len(order), func(i int) bool { return order[i] > alerts[0].seq })
			m.rules[f.rules[0]].first++
		}
		for _, id := range f.rules {
			m.rules[id].found++
			if len(f.rules) == 1 {
				m.rules[id].alone++
			}
		}
		m.finds = append(m.finds, f)
	}
}

// list prints what was missed, or the alerts without a cause.
func (m *measurement) list(what string, out io.Writer) error {
	var lines []string
	switch what {
	case "missed":
		for _, f := range m.finds {
			if len(f.rules) == 0 {
				lines = append(lines, fmt.Sprintf("%s %d, %s: %s, %s (%d changes)", f.World, f.seed, f.Begins.Go().Format("Mon 2 Jan 15:04"), f.Attack, f.Pace, f.Changes))
			}
		}
	case "false":
		lines = m.noise
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(out, l); err != nil {
			return err
		}
	}
	return nil
}
