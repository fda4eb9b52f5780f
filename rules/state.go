package rules

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
)

// What an engine keeps over a restart, under these names. Of a group the name
// holds a hash, since its fields come from the log.
const (
	engineState = "engine"
	rulePrefix  = "rule/"
	groupPrefix = "group/"
)

// ErrState says that an engine's saved state cannot be read.
var ErrState = errors.New("the rules' state is damaged")

type savedEngine struct {
	_                         struct{} `cbor:",toarray"`
	Seq                       audit.Seq
	Changes                   uint64
	EventClock, ObservedClock float64
}

type savedRule struct {
	_       struct{} `cbor:",toarray"`
	Hash    string
	Touches uint64
	Stats   RuleStats
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

func stateName(rule, key string) string {
	sum := sha256.Sum256([]byte(key))
	return groupPrefix + rule + "/" + hex.EncodeToString(sum[:16])
}

// State is what has changed of the engine's state since the last call: names
// with their new value, or nil for those to be removed. It belongs into the
// transaction that saves the alerts and the number of the last change; all that
// was ever saved and not removed is what Restore takes. When saving fails, make
// a new engine and restore it.
func (e *Engine) State() (map[string][]byte, error) {
	out := map[string][]byte{}
	save := func(name string, x any) error {
		b, err := cbor.Marshal(x)
		out[name] = b
		return err
	}
	err := save(engineState, savedEngine{Seq: e.seq, Changes: e.changes,
		EventClock: float64(e.eventClock), ObservedClock: float64(e.observedClock)})
	for _, name := range e.gone {
		out[name] = nil
	}
	for _, r := range e.rules {
		if !r.changed {
			continue
		}
		r.stats.Groups = len(r.groups)
		err = errors.Join(err, save(rulePrefix+r.ID, savedRule{Hash: r.Hash, Touches: r.touches, Stats: r.stats}))
		for key := range r.gone {
			out[stateName(r.ID, key)] = nil
		}
		for _, g := range r.dirty {
			if !g.dropped {
				err = errors.Join(err, save(stateName(r.ID, g.key), saveGroup(g)))
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("save rules' state: %w", err)
	}
	for _, r := range e.rules {
		r.changed = false
		for _, g := range r.dirty {
			g.dirty = false
		}
		clear(r.dirty)
		r.dirty = r.dirty[:0]
		clear(r.gone)
	}
	e.gone = nil
	return out, nil
}

// Restore gives a new engine the state that another one had. A rule whose
// definition is no longer the same begins anew. The engine is not to be used
// after an error.
func (e *Engine) Restore(state map[string][]byte) error {
	if len(state) == 0 {
		return nil
	}
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
			r.touches, r.stats = s.Touches, s.Stats
			r.stats.Rule = r.ID
			same[r.ID] = r
		}
	}
	for name := range state {
		id, isGroup := strings.CutPrefix(name, groupPrefix)
		if isGroup {
			id = id[:max(strings.LastIndexByte(id, '/'), 0)]
		} else if id = strings.TrimPrefix(name, rulePrefix); name == engineState {
			continue
		}
		r := same[id]
		if r == nil {
			e.gone = append(e.gone, name)
			continue
		}
		if isGroup {
			var g savedGroup
			if err := load(state, name, &g); err != nil {
				return err
			}
			loaded := g.group(&r.w)
			r.groups[loaded.name] = &list.Element{Value: loaded}
		}
	}
	slices.Sort(e.gone)
	for _, r := range same {
		r.order()
	}
	return nil
}

// order puts the restored groups in the order in which they were touched.
func (r *ruleState) order() {
	groups := make([]*group, 0, len(r.groups))
	for _, el := range r.groups {
		groups = append(groups, el.Value.(*group))
	}
	slices.SortFunc(groups, func(a, b *group) int {
		if a.touched < b.touched {
			return -1
		}
		return 1
	})
	for _, g := range groups {
		r.groups[g.name] = r.recent.PushBack(g)
	}
}

func load(state map[string][]byte, name string, to any) error {
	if err := cbor.Unmarshal(state[name], to); err != nil {
		return fmt.Errorf("read state of %s: %w: %w", name, ErrState, err)
	}
	return nil
}

func saveEvidence(e audit.Evidence) savedEvidence {
	return savedEvidence{Seq: e.Seq, Database: e.Database, Table: e.Table, Key: string(e.Key), Time: float64(e.Time)}
}

func (s savedEvidence) evidence() audit.Evidence {
	return audit.Evidence{Seq: s.Seq, Database: s.Database, Table: s.Table, Key: audit.ID(s.Key), Time: audit.Time(s.Time)}
}

func saveGroup(g *group) savedGroup {
	s := savedGroup{Values: g.values, Newest: float64(g.newest), Cursor: float64(g.cursor), Begun: g.begun, Rewound: g.rewound, Behind: g.behind,
		Touched: g.touched, Observed: float64(g.observed)}
	for _, e := range g.entries {
		s.Entries = append(s.Entries, savedEntry{Distinct: e.distinct, Evidence: saveEvidence(e.evidence),
			Unknown: e.unknown, Late: e.late, Alerted: e.alerted})
	}
	for _, a := range g.alerts {
		sa := savedAlert{ID: a.id, From: float64(a.from), To: float64(a.to), First: float64(a.first), Last: float64(a.last),
			FirstSeq: a.firstSeq, LastSeq: a.lastSeq, Count: a.count, Unknown: a.unknown, Late: a.late}
		for _, e := range a.evidence {
			sa.Evidence = append(sa.Evidence, saveEvidence(e))
		}
		s.Alerts = append(s.Alerts, sa)
	}
	return s
}

func (s savedGroup) group(w *windowing) *group {
	g := &group{values: s.Values, key: groupKey(s.Values), name: groupName(s.Values), newest: audit.Time(s.Newest), cursor: audit.Time(s.Cursor),
		begun: s.Begun, rewound: s.Rewound, behind: s.Behind, touched: s.Touched, observed: audit.Time(s.Observed)}
	for _, e := range s.Entries {
		ev := e.Evidence.evidence()
		g.entries = append(g.entries, &entry{time: ev.Time, distinct: e.Distinct, evidence: ev,
			unknown: e.Unknown, late: e.Late, alerted: e.Alerted})
		g.note(w, len(g.entries)-1)
	}
	for _, a := range s.Alerts {
		o := &openAlert{id: a.ID, from: audit.Time(a.From), to: audit.Time(a.To), first: audit.Time(a.First),
			last: audit.Time(a.Last), firstSeq: a.FirstSeq, lastSeq: a.LastSeq, count: a.Count, unknown: a.Unknown, late: a.Late}
		for _, e := range a.Evidence {
			o.evidence = append(o.evidence, e.evidence())
		}
		g.alerts = append(g.alerts, o)
	}
	return g
}
