package rules

import "maps"

// Stats counts what an engine did. The counts are part of its state and go on
// after a restart; a rule whose definition has changed starts at zero.
type Stats struct {
	Changes  uint64 // given to Eval, each once
	Repeated uint64 // given to Eval again, and passed over; since the engine was made
	Rules    []RuleStats
}

// RuleStats counts what one rule did, in changes unless it says otherwise.
type RuleStats struct {
	Rule      string `json:"rule"`
	Evaluated uint64 `json:"evaluated"` // whose condition was decided
	Matched   uint64 `json:"matched"`   // whose condition held
	Alerts    uint64 `json:"alerts"`    // alerts begun
	Own       uint64 `json:"own"`       // that matched and were ours
	Excepted  uint64 `json:"excepted"`  // that matched and that an exception held of
	// Exceptions is how many of these each exception held of, by its id.
	Exceptions     map[string]uint64 `json:"exceptions,omitempty"`
	Missing        uint64            `json:"missing"`         // that matched and have no value in a field that makes their group (alert.missing)
	SkippedUnknown uint64            `json:"skipped_unknown"` // not decided: an image was not known
	Undecided      uint64            `json:"undecided"`       // not decided: a value the condition turns on is missing
	Errors         uint64            `json:"errors"`          // not decided: the condition failed
	LastError      string            `json:"last_error,omitempty"`
	LastErrorSeq   uint64            `json:"last_error_seq,omitempty"`
	Quarantine     Quarantine        `json:"quarantine"`
	Groups         int               `json:"groups"`          // groups held now
	GroupsEvicted  uint64            `json:"groups_evicted"`  // groups given up before their time, for want of room
	ChangesEvicted uint64            `json:"changes_evicted"` // given up before their window had passed, for want of room
	EvidenceCut    uint64            `json:"evidence_cut"`    // that an alert counts and does not list, for want of room
	Rewound        uint64            `json:"rewound"`         // so much older than their group's newest that their window was begun anew
	EachCut        uint64            `json:"each_cut"`        // with more elements of each than are taken
	Merged         uint64            `json:"merged"`          // alerts that a late change made part of another
	Heard          uint64            `json:"heard"`           // alerts of other rules
	Learned        uint64            `json:"learned"`         // values that were new, and not told while the rule learned
	Learning       bool              `json:"learning"`        // it has not seen enough yet to call anything new
	UnknownRows    uint64            `json:"unknown_rows"`    // not decided: how many records the table has is not known
	Cold           int               `json:"cold"`            // groups held now whose baseline is not armed: too little history
	Armed          int               `json:"armed"`           // groups held now whose baseline is
}

// Stats counts what the engine did so far.
func (e *Engine) Stats() Stats {
	s := Stats{Changes: e.changes, Repeated: e.repeated}
	for _, r := range e.rules {
		r.expire(e)
		r.stats.Groups = r.held.n
		r.stats.Learning = r.learns(e)
		r.stats.Armed, r.stats.Cold = r.arms(e.newest)
		stats := r.stats
		stats.Exceptions = maps.Clone(stats.Exceptions)
		s.Rules = append(s.Rules, stats)
	}
	return s
}
