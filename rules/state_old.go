package rules

import (
	"fmt"
	"strings"

	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
)

// What an engine kept before its state was in snapshots: the engine, each rule and
// each group under a name of its own, with the evidence of open alerts in that of
// their group. It is still read.
const (
	rulePrefix  = "rule/"
	groupPrefix = "group/"
)

type savedEngine struct {
	_                         struct{} `cbor:",toarray"`
	Seq                       audit.Seq
	Changes                   uint64
	EventClock, ObservedClock float64
}

type savedGroup struct {
	_              struct{} `cbor:",toarray"`
	Values         []string
	Newest, Cursor float64
	Begun          bool
	Rewound        bool
	Behind         bool
	Touched        uint64
	Observed       float64
	Entries        []savedEntry
	Alerts         []savedAlert
}

type savedEntry struct {
	_                      struct{} `cbor:",toarray"`
	Distinct               string
	Evidence               savedEvidence
	Unknown, Late, Alerted bool
}

type savedEvidence struct {
	_                    struct{} `cbor:",toarray"`
	Seq                  audit.Seq
	Database, Table, Key string
	Time                 float64
}

type savedAlert struct {
	_                     struct{} `cbor:",toarray"`
	ID                    string
	From, To, First, Last float64
	FirstSeq, LastSeq     audit.Seq
	Count                 int
	Evidence              []savedEvidence
	Unknown, Late         bool
}

// restoreOld takes state of that form. All of its names are to be removed.
func (e *Engine) restoreOld(state map[string][]byte) error {
	var saved savedEngine
	if err := load(state, engineState, &saved); err != nil {
		return err
	}
	e.seq, e.changes = saved.Seq, saved.Changes
	e.eventClock, e.observedClock = audit.Time(saved.EventClock), audit.Time(saved.ObservedClock)
	same := map[string]*ruleState{}
	for _, r := range e.rules {
		var s savedRule
		if state[rulePrefix+r.ID] == nil {
			continue
		}
		if err := load(state, rulePrefix+r.ID, &s); err != nil {
			return err
		}
		if s.Hash == r.Hash {
			r.touches, r.stats, r.fresh = s.Touches, s.Stats, false
			r.stats.Rule = r.ID
			same[r.ID] = r
		}
	}
	for name := range state {
		if name != engineState {
			e.gone = append(e.gone, name)
		}
		id, isGroup := strings.CutPrefix(name, groupPrefix)
		r := same[id[:max(strings.LastIndexByte(id, '/'), 0)]]
		if !isGroup || r == nil {
			continue
		}
		var g savedGroup
		if err := load(state, name, &g); err != nil {
			return err
		}
		r.restore(g.group())
	}
	return nil
}

func load(state map[string][]byte, name string, to any) error {
	if err := cbor.Unmarshal(state[name], to); err != nil {
		return fmt.Errorf("read state of %s: %w: %w", name, ErrState, err)
	}
	return nil
}

func (s savedEvidence) evidence() audit.Evidence {
	return audit.Evidence{Seq: s.Seq, Database: s.Database, Table: s.Table, Key: audit.ID(s.Key), Time: audit.Time(s.Time)}
}

func (s savedGroup) group() *readGroup {
	g := &readGroup{values: s.Values}
	g.newest, g.cursor, g.begun, g.rewound, g.behind = audit.Time(s.Newest), audit.Time(s.Cursor), s.Begun, s.Rewound, s.Behind
	g.touched, g.observed = s.Touched, audit.Time(s.Observed)
	for _, e := range s.Entries {
		ev := e.Evidence.evidence()
		g.entries = append(g.entries, readEntry{counted: e.Distinct, evidence: ev,
			entry: entry{time: ev.Time, seq: ev.Seq, unknown: e.Unknown, late: e.Late, alerted: e.Alerted}})
	}
	for _, a := range s.Alerts {
		o := &openAlert{id: a.ID, listed: len(a.Evidence), from: audit.Time(a.From), to: audit.Time(a.To), first: audit.Time(a.First),
			last: audit.Time(a.Last), firstSeq: a.FirstSeq, lastSeq: a.LastSeq, count: a.Count, unknown: a.Unknown, late: a.Late}
		for _, e := range a.Evidence {
			o.evidence = append(o.evidence, e.evidence())
		}
		g.alerts = append(g.alerts, o)
	}
	return g
}
