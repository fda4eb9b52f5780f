package audit

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
	Unknown   bool              `json:"unknown"` // something the rule looked at was unknown
	// Suppressed counts the matches that were left out of Changes.
	Suppressed int  `json:"suppressed"`
	Late       bool `json:"late"`
	// Alerts are the ids of the alerts that are evidence, for a rule that looks at
	// alerts of others. Changes has, of each, the change with which it began.
	Alerts []string `json:"alerts,omitempty"`
	// MergedInto is the id of the alert that this one turned out to be part of: a
	// change that came late joined the two, and that one has all the evidence.
	MergedInto string `json:"merged_into,omitempty"`
}

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

// The states of an alert.
const (
	AlertOpen   AlertState = "open"
	AlertAcked  AlertState = "acknowledged"
	AlertClosed AlertState = "closed"
)
