package main

import (
	"errors"
	"fmt"
	"time"

	"recourse/audit"
	"recourse/bench/host"
	"recourse/bench/worlds"
	"recourse/rules"
)

// A raised alert, and the change on which it was, or on which people were first told
// of it.
type raised struct {
	alert    audit.Alert
	seq      audit.Seq
	at       audit.Time
	told     bool // people are told of it
	withheld bool // they would be, but for what it repeats or what explains it
}

// A verdict is what an alert turned out to be.
type verdict int

const (
	falseAlert verdict = iota // it rests on harmless changes
	trueAlert                 // it rests on an incident
	neutral                   // it rests on what only prepares an incident
)

// A stream is what the rules made of one stream of changes.
type stream struct {
	config    worlds.Config
	changes   int
	took      time.Duration // processors' time of judging alone, with the collector's
	incidents []worlds.Incident
	alerts    []raised
	index     map[string]int             // where an alert stands in alerts, by its id
	truth     map[audit.Seq]worlds.Event // of changes that are part of an incident or a trap; without the change
	order     map[int][]audit.Seq        // the changes of an incident
	stats     rules.Stats
}

// A waitingChange is a change, and how many records its table had before it.
type waitingChange struct {
	change audit.Change
	rows   int64
}

const lot = 4096 // changes judged at a time, so that asking the clock costs nothing

// judge makes a stream and gives it to the rules.
func judge(set *rules.Set, c worlds.Config) (_ *stream, err error) {
	s := &stream{config: c, truth: map[audit.Seq]worlds.Event{}, order: map[int][]audit.Seq{}, index: map[string]int{}}
	o, err := newOffice()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	own := map[audit.ChangeID]bool{}
	counted := map[audit.Table][]rules.Rows{} // by the snapshot that was taken before
	engine := rules.NewEngine(set, rules.Options{
		Own:       func(id audit.ChangeID) bool { return own[id] },
		Baselines: func(t audit.Table) []rules.Rows { return counted[t] },
	})
	grown := map[string]int{}
	take := func(alerts []audit.Alert, c *audit.Change) {
		for _, a := range alerts {
			k, known := s.index[a.ID]
			if !known {
				k = len(s.alerts)
				s.index[a.ID] = k
				s.alerts = append(s.alerts, raised{seq: c.Seq, at: c.Time})
			}
			s.alerts[k].alert, grown[a.ID] = a, k
		}
	}
	var waiting []waitingChange
	var last audit.Change
	flush := func() error {
		began := host.CPU()
		for i := range waiting {
			c := &waiting[i].change
			if counted[c.Key.Table] == nil && !s.config.Bare {
				counted[c.Key.Table] = []rules.Rows{{At: c.Time - 1, Rows: waiting[i].rows}}
			}
			alerts, err := engine.Eval(c)
			if err != nil {
				return err
			}
			take(alerts, c)
			last = *c
		}
		s.took += host.CPU() - began
		waiting = waiting[:0]
		return o.file(s, grown, &last)
	}
	s.incidents, err = worlds.Run(c, func(e *worlds.Event) error {
		s.changes++
		s.note(e)
		if e.Own {
			own[e.Change.Identify()] = true
		}
		if waiting = append(waiting, waitingChange{e.Change, e.Rows}); len(waiting) < lot {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return nil, fmt.Errorf("judge %s of seed %d: %w", c.Kind, c.Seed, err)
	}
	take(engine.Advance(last.Time+3_600_000), &last) // nothing more comes, so what waits is decided
	s.stats = engine.Stats()
	if err := o.file(s, grown, &last); err != nil {
		return nil, fmt.Errorf("judge %s of seed %d: %w", c.Kind, c.Seed, err)
	}
	return s, nil
}

// note keeps the truth about a change.
func (s *stream) note(e *worlds.Event) {
	if e.Incident == 0 && e.Trap == "" {
		return
	}
	t := *e
	t.Change = audit.Change{}
	s.truth[e.Change.Seq] = t
	if e.Incident > 0 && !e.Prepares {
		s.order[e.Incident] = append(s.order[e.Incident], e.Change.Seq)
	}
}

// verdict says what an alert rests on: at least half of its evidence must be of
// incidents. It also names these, and the trap that most of the rest is part of.
func (s *stream) verdict(a *audit.Alert) (v verdict, incidents map[int]bool, trap string) {
	incidents, traps := map[int]bool{}, map[string]int{}
	bad, prepares := 0, 0
	for _, e := range a.Changes {
		t, known := s.truth[e.Seq]
		switch {
		case known && t.Prepares:
			prepares++
		case known && t.Incident > 0:
			incidents[t.Incident] = true
			bad++
		default:
			traps[t.Trap]++
		}
	}
	for name, n := range traps {
		if n > traps[trap] || n == traps[trap] && name > trap {
			trap = name
		}
	}
	switch {
	case 2*(bad+prepares) < len(a.Changes):
		return falseAlert, nil, trap
	case bad == 0:
		return neutral, nil, ""
	}
	return trueAlert, incidents, ""
}
