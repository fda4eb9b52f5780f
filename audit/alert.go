package audit

import "slices"

// A Finding is one rule's match: evidence, never edited.
type Finding struct {
	Rule    string // the rule's id
	Version string // hash of the rule's definition
	Group   map[string]string
	Changes []Seq // the changes that made the rule match, in order
	First   Time
	Last    Time
	Unknown bool // something the rule looked at was unknown
}

// An Alert is what a responder answers: the findings of one rule and group,
// with a state that people change.
type Alert struct {
	ID        string            `json:"id"` // hash of rule, version, group and first change
	Rule      string            `json:"rule"`
	RuleName  string            `json:"rule_name"`
	Severity  string            `json:"severity"`
	Risk      int               `json:"risk"`
	Attack    []string          `json:"attack"`
	State     AlertState        `json:"state"`
	Title     string            `json:"title"`
	Group     map[string]string `json:"group"`
	FirstSeq  Seq               `json:"first_seq"`
	LastSeq   Seq               `json:"last_seq"`
	FirstTime Time              `json:"first_time"`
	LastTime  Time              `json:"last_time"`
	Count     int               `json:"count"`
	Changes   []Evidence        `json:"changes"`
	// Stored is how many changes it lists before Changes: those that it has had since
	// it was stored last. Rules say it to the store; what the store gives has all in Changes.
	Stored  int  `json:"-"`
	Unknown bool `json:"unknown"` // something the rule looked at was unknown
	// Suppressed counts the matches that were left out of Changes.
	Suppressed int  `json:"suppressed"`
	Late       bool `json:"late"`
	// Alerts are the ids of the alerts that are evidence, for a rule that looks at
	// alerts of others. Changes has, of each, the change with which it began.
	Alerts []string `json:"alerts,omitempty"`
	// MergedInto is the id of the alert that this one turned out to be part of: a
	// change that came late joined the two, and that one has all the evidence.
	MergedInto string `json:"merged_into,omitempty"`
	// Folded are the changes that it rests on beside Changes, by number alone: of an
	// alert on very many, those after the first.
	Folded Seqs `json:"folded,omitzero"`

	// What the rule says of its alerts.
	Experimental bool     `json:"experimental,omitempty"` // it is recorded, and nobody is told
	Inhibits     []string `json:"inhibits,omitempty"`     // ids of rules whose alerts on the same entity it explains
	// Dedupe is for how long after an alert, by the changes' times, another one of the
	// same rule and group is but a repetition; 0: none is.
	Dedupe Duration `json:"dedupe_ms,omitempty"`
	// GroupBy are the fields of Group that such a repetition has to be alike in; nil: all.
	GroupBy []string `json:"group_by,omitempty"`
	// Realert is by how much the count has to grow for people to be told again; 0 is
	// RealertFactor.
	Realert float64 `json:"realert,omitempty"`
	Runbook string  `json:"runbook,omitempty"` // what to do, in a sentence or as a URL

	// RaisedSeq is the change with which it was raised; 0 if that is not known.
	RaisedSeq Seq `json:"raised_seq,omitempty"`

	// What people made of it; see Act.
	Assignee    string  `json:"assignee,omitempty"`
	Verdict     Verdict `json:"verdict,omitempty"`      // of one that is closed; empty: nobody said
	DuplicateOf string  `json:"duplicate_of,omitempty"` // the alert that it is a duplicate of

	// Muted is why nobody is told of it; empty: those are who are to be told.
	Muted    MuteReason `json:"muted,omitempty"`
	MutedBy  string     `json:"muted_by,omitempty"` // the silence or the alert that is the reason
	Withheld int        `json:"withheld,omitempty"` // how often somebody would have been told

	// Repeats counts the alerts that repeat it (see Dedupe), RepeatedChanges their
	// changes. Each is an alert of its own, muted by this one.
	Repeats         int `json:"repeats,omitempty"`
	RepeatedChanges int `json:"repeated_changes,omitempty"`
}

// RealertFactor is by how much an alert's count has to grow for people to be told
// again, if its rule says nothing else.
const RealertFactor = 10

// A Duration is a length of time in milliseconds, as a Time is.
type Duration float64

// Severities are those of alerts, the least first.
var Severities = []string{"info", "low", "medium", "high", "critical"}

// SeverityRank orders severities; one that is none of Severities is below all.
func SeverityRank(severity string) int { return slices.Index(Severities, severity) }

// Evidence names one change that an alert rests on.
type Evidence struct {
	Seq      Seq    `json:"seq"`
	Database string `json:"database"`
	Table    string `json:"table"`
	Key      ID     `json:"key"`
	Time     Time   `json:"time"`
}

// An AlertState is where an alert stands.
type AlertState string

// The states of an alert. One that is reopened is open again.
const (
	AlertOpen       AlertState = "open"         // nobody has answered it
	AlertAcked      AlertState = "acknowledged" // somebody has seen it
	AlertInProgress AlertState = "in-progress"  // somebody works on it
	AlertClosed     AlertState = "closed"
)

// AlertStates are all of them.
var AlertStates = []AlertState{AlertOpen, AlertAcked, AlertInProgress, AlertClosed}

// A Verdict is what an alert turned out to be.
type Verdict string

// The verdicts.
const (
	VerdictTrue      Verdict = "true"      // what the rule looks for, and harmful
	VerdictBenign    Verdict = "benign"    // what the rule looks for, and meant to be
	VerdictFalse     Verdict = "false"     // not what the rule looks for
	VerdictDuplicate Verdict = "duplicate" // of another alert
)

// Verdicts are all of them.
var Verdicts = []Verdict{VerdictTrue, VerdictBenign, VerdictFalse, VerdictDuplicate}

// A MuteReason is why nobody is told of an alert.
type MuteReason string

// The reasons, in the order in which they are looked for.
const (
	MutedExperimental MuteReason = "experimental" // its rule is
	MutedSilence      MuteReason = "silence"      // MutedBy is its id
	MutedInhibited    MuteReason = "inhibited"    // by the alert MutedBy, whose rule explains it
	MutedRepeat       MuteReason = "repeat"       // of the alert MutedBy
	MutedMerged       MuteReason = "merged"       // it is part of the alert MutedBy
)
