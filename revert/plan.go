package revert

import (
	"maps"
	"slices"

	"recourse/audit"
)

// A Plan is what would be written and what would not, for a person to read
// before anything is. The same histories, selection, ledger, policy and
// decisions give the same plan, byte for byte, but for Created, Author, Tool and
// Expires.
type Plan struct {
	Header      Header
	Actions     []Action      // in the order in which they are carried out
	Conflicts   []Conflict    // by table and key
	Kept        []Kept        // records with nothing to write, by table and key
	Containment []Containment // accounts that are proposed to be deactivated, by name

	sealed *sealedLines // nil, but of a plan that was just made
}

// A Header says of what a plan was made.
type Header struct {
	Kind        string              `json:"kind"` // "revert-plan", or "revert-review" for a copy without values
	V           int                 `json:"v"`    // 2
	ID          string              `json:"id"`   // the digest's first 12 digits
	Digest      string              `json:"digest"`
	Of          string              `json:"of,omitempty"`        // of a review copy: the plan's digest
	Created     string              `json:"created,omitempty"`   // RFC 3339; not in the digest
	Author      string              `json:"author,omitempty"`    // not in the digest
	Tool        string              `json:"tool,omitempty"`      // not in the digest
	Expires     string              `json:"expires,omitempty"`   // RFC 3339, after which it is not to be applied; empty: never; not in the digest
	Approvals   int                 `json:"approvals,omitempty"` // how many people must approve it, at least
	Instance    Instance            `json:"instance"`
	History     HistoryInfo         `json:"history"`
	Selection   SelectionInfo       `json:"selection"`
	Purpose     string              `json:"purpose,omitempty"` // undo, redo or restore; empty: to revert the selection
	Undoes      []string            `json:"undoes,omitempty"`  // the plans whose applies it takes back
	Since       audit.Time          `json:"since,omitempty"`   // the time that it restores
	Ledger      string              `json:"ledger_digest"`     // over what earlier applies did with changes of these records
	Applies     map[string]string   `json:"ledger,omitempty"`  // the same by plan
	Policy      Policy              `json:"policy"`
	Managed     map[string][]string `json:"managed"` // attributes that the server assigns, by table; never written
	Counts      Counts              `json:"counts"`
	Classes     map[Class]int       `json:"conflicts"` // conflicts by class
	Warnings    []string            `json:"warnings"`
	Coverage    *Coverage           `json:"coverage,omitempty"` // nil: nobody looked
	Schema      *SchemaInfo         `json:"schema,omitempty"`   // nil: not known
	Actions     string              `json:"actions_root"`
	Conflicts   string              `json:"conflicts_root"`
	Kept        string              `json:"kept_root"`
	Containment string              `json:"containment_root"`
}

// An Instance is the Harper that a plan is about, as far as it has a name.
type Instance struct {
	ID      string   `json:"id,omitempty"`      // the cluster's name; empty: it has none
	Version string   `json:"version,omitempty"` // of Harper; empty: not known
	Nodes   []string `json:"nodes,omitempty"`   // whose logs were read, sorted
}

// Coverage is how whole the log was that a plan was made from, of its tables and
// from the first selected change to where they were read.
type Coverage struct {
	Complete bool   `json:"complete"`
	Note     string `json:"note"` // the same as a sentence
}

// HistoryInfo is the planner's input in short.
type HistoryInfo struct {
	Records  int        `json:"records"`
	Changes  int        `json:"changes"`
	Baseline int        `json:"baseline"` // records that a baseline says how they began
	Head     audit.Time `json:"head"`     // the newest change that was read; 0: none was
	Digest   string     `json:"digest"`   // over all that the planner read of them
	Gaps     []PlanGap  `json:"gaps"`     // stretches of the log of tables to be written that could not be read
}

// A PlanGap is a stretch of a table's log in which there may be changes that the
// planner does not know.
type PlanGap struct {
	Table string     `json:"table"`
	Node  string     `json:"node,omitempty"`
	From  audit.Time `json:"from"` // 0 or less: its begin
	To    audit.Time `json:"to"`
}

// SelectionInfo is the selection in short.
type SelectionInfo struct {
	Digest   string         `json:"digest"`
	Events   int            `json:"events"`
	Users    map[string]int `json:"users"`
	First    audit.Time     `json:"first"`
	Last     audit.Time     `json:"last"`
	Criteria *Criteria      `json:"criteria,omitempty"` // how it was made; not in the digest
}

// Counts sums a plan up.
type Counts struct {
	Patch    int `json:"patch"`    // records
	Insert   int `json:"insert"`   // records
	Delete   int `json:"delete"`   // records
	Conflict int `json:"conflict"` // conflicts; a record may have several
	Kept     int `json:"kept"`     // attributes that stay as a legitimate user left them
	Already  int `json:"already"`  // records with nothing left to undo
	Carried  int `json:"carried"`  // attributes of class carried
	Blind    int `json:"blind"`    // blind windows
}

// Writes is how many records would be written.
func (c *Counts) Writes() int { return c.Patch + c.Insert + c.Delete }

// A Summary is a plan in short, as `revert show -o json` prints it.
type Summary struct {
	ID        string        `json:"id"`
	Digest    string        `json:"digest"`
	Selection SelectionInfo `json:"selection"`
	Counts    Counts        `json:"counts"`
	Conflicts map[Class]int `json:"conflicts"`
	Warnings  []string      `json:"warnings"`
	Coverage  *Coverage     `json:"coverage,omitempty"`
}

// Summary sums the plan up.
func (p *Plan) Summary() Summary {
	h := &p.Header
	return Summary{ID: h.ID, Digest: h.Digest, Selection: h.Selection, Counts: h.Counts, Conflicts: h.Classes, Warnings: h.Warnings, Coverage: h.Coverage}
}

// Empty says that there is nothing to write and nothing to decide.
func (p *Plan) Empty() bool { return len(p.Actions) == 0 && len(p.Conflicts) == 0 }

// Unresolved counts the conflicts that nobody decided.
func (p *Plan) Unresolved() int {
	n := 0
	for i := range p.Conflicts {
		if p.Conflicts[i].Resolution == nil {
			n++
		}
	}
	return n
}

// Tables lists the tables that the plan writes, sorted.
func (p *Plan) Tables() []audit.Table {
	set := map[audit.Table]bool{}
	for i := range p.Actions {
		set[p.Actions[i].K.Table] = true
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b audit.Table) int {
		return compareKeys(audit.Key{Table: a}, audit.Key{Table: b})
	})
}
