package revert

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"recourse/audit"
)

// A Tie is how a change may belong to a selection.
type Tie string

// The ties, the strongest first.
const (
	TieTransaction Tie = "transaction" // of the same transaction as a selected change
	TieUser        Tie = "user"        // by a user of the selection, since its first change
	TieReferences  Tie = "references"  // it has made a record refer to one of the selection
	TieValues      Tie = "values"      // it has written a value that a selected change brought in
)

// Ties lists them.
func Ties() []Tie { return []Tie{TieTransaction, TieUser, TieReferences, TieValues} }

// How much a tie says, of 100. A value says more the longer it is.
const (
	scoreTransaction = 95
	scoreCreated     = 90 // it refers to a record that a selected change made
	scoreUser        = 70
	scoreTouched     = 40 // it refers to a record that a selected change wrote
	scoreValue       = 40
	mostOfValue      = 40 // more than scoreValue, a point a byte
	unsureValue      = 20 // less, where one of the records may have had it before
)

// An ExpandRequest is what proposals are made of, besides the stored changes.
type ExpandRequest struct {
	Selection *Selection
	By        []Tie // nil: all
	// Policy and Schema say which attributes refer to which tables, and how to tell
	// one value from another; of the policy nothing else counts.
	Policy Policy
	Schema *Schema
	// Passed are changes that are never proposed: our own writes, and what earlier
	// applies undid.
	Passed func(audit.ChangeID) bool
}

// A Proposal is a change that may belong to a selection. A person decides.
type Proposal struct {
	ID       audit.ChangeID `json:"id"`
	Seq      audit.Seq      `json:"seq"`
	Time     audit.Time     `json:"time"`
	User     string         `json:"user"` // empty: the log names none
	Op       audit.Op       `json:"op"`
	Database string         `json:"database"`
	Table    string         `json:"table"`
	Key      audit.ID       `json:"key"`
	Score    int            `json:"score"` // of 100: that of its strongest reason
	Reasons  []Reason       `json:"reasons"`

	repeats []repeat
}

// Record is the record that the change is of.
func (p *Proposal) Record() audit.Key {
	return audit.Key{Table: audit.Table{Database: p.Database, Name: p.Table}, ID: p.Key}
}

// A Reason is why a change may belong to a selection.
type Reason struct {
	By    Tie            `json:"by"`
	Score int            `json:"score"`
	Of    audit.ChangeID `json:"of"`  // the selected change that it is tied to
	Why   string         `json:"why"` // as a sentence
}

// An Expansion is what is proposed.
type Expansion struct {
	Proposals []Proposal // the strongest first, and then by time
	// Notes say what was not looked at, or left out, and why.
	Notes []string
}

// Expand proposes changes that belong to a selection: selected are its changes'
// records with their histories, and since are the stored changes from its first
// one on, in any order. What it proposes is in no selection before somebody takes
// it into one ([Selection.Take]). Who only read something has left no trace, so no
// change is proposed for that.
func Expand(ctx context.Context, req ExpandRequest, selected iter.Seq2[Record, error], since iter.Seq2[audit.Change, error]) (*Expansion, error) {
	x := newExpander(&req)
	for rec, err := range selected {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("expand selection: %w", err)
		}
		for _, cluster := range rec.clusters() {
			own, _ := rec.split(&cluster)
			x.learn(&own)
		}
	}
	if x.missing > 0 {
		return nil, fmt.Errorf("expand selection: %w: %d of %d selected changes are not in it", ErrIncomplete, x.missing, len(req.Selection.Changes))
	}
	for c, err := range since {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("expand selection: %w", err)
		}
		x.weigh(&c)
	}
	return x.expansion(), nil
}

// An expander goes through the changes.
type expander struct {
	req     *ExpandRequest
	by      map[Tie]bool
	refs    references
	missing int
	dark    int // changes that do not show what they wrote

	moments map[moment]audit.ChangeID
	users   map[account]selected // each user's first selected change
	records map[placed]target
	values  map[placedValue]*brought

	clusters  map[string]bool // that selected changes are of
	elsewhere int             // changes of others

	found map[audit.ChangeID]*Proposal
}

func newExpander(req *ExpandRequest) *expander {
	x := &expander{req: req, by: map[Tie]bool{}, refs: referencesOf(&req.Policy, req.Schema), missing: len(req.Selection.Changes),
		moments: map[moment]audit.ChangeID{}, users: map[account]selected{}, clusters: map[string]bool{},
		records: map[placed]target{}, values: map[placedValue]*brought{}, found: map[audit.ChangeID]*Proposal{}}
	by := req.By
	if by == nil {
		by = Ties()
	}
	for _, t := range by {
		x.by[t] = true
	}
	return x
}

// learn takes what a record's selected changes are known by.
func (x *expander) learn(rec *Record) {
	before := map[string]bool{} // what the record held by others' doing
	for i := range rec.Changes {
		c := &rec.Changes[i]
		id := c.Identify()
		if !x.req.Selection.Has(id) {
			x.heard(before, c)
			continue
		}
		x.missing--
		x.clusters[c.Cluster] = true
		if c.Op.Kind() == audit.KindMessage {
			continue
		}
		x.moments[momentOf(c)] = id
		who := account{c.Cluster, c.User}
		if first, known := x.users[who]; c.User != "" && (!known || c.Time < first.at) {
			x.users[who] = selected{id, c.Time}
		}
		made := c.Before.State == audit.Absent && c.After.State == audit.Present
		at := placed{c.Cluster, rec.Key}
		if t, known := x.records[at]; !known || made && !t.made {
			x.records[at] = target{id, c.Time, made}
		}
		x.bring(before, c, id)
	}
}

// weigh looks for ties between a change and the selection.
func (x *expander) weigh(c *audit.Change) {
	if !x.clusters[c.Cluster] {
		x.elsewhere++
		return
	}
	x.usual(c)
	id := c.Identify()
	if c.Op.Kind() == audit.KindMessage || x.req.Selection.Has(id) || x.req.Passed != nil && x.req.Passed(id) {
		return
	}
	if of, ok := x.moments[momentOf(c)]; ok && x.by[TieTransaction] {
		x.propose(c, id, Reason{TieTransaction, scoreTransaction, of, "of the same transaction as a selected change"})
	}
	if first, ok := x.users[account{c.Cluster, c.User}]; ok && c.Time >= first.at && x.by[TieUser] {
		x.propose(c, id, Reason{TieUser, scoreUser, first.id, fmt.Sprintf("by %s, whose changes from %s on are selected in part", c.User, first.at.ISO())})
	}
	if c.After.State == audit.Unknown && c.Op.Kind() != audit.KindDelete {
		x.dark++
	}
	if x.by[TieReferences] {
		x.referring(c, id)
	}
	if x.by[TieValues] {
		x.repeating(c, id)
	}
}

// referring proposes a change that has made a record refer to one of the selection.
func (x *expander) referring(c *audit.Change, id audit.ChangeID) {
	if c.After.State != audit.Present || len(x.refs[c.Key.Table]) == 0 {
		return
	}
	had := map[link]bool{}
	for l := range x.refs.links(c.Key.Table, c.Before.Body) {
		had[l] = true
	}
	for l := range x.refs.links(c.Key.Table, c.After.Body) {
		t, ours := x.records[placed{c.Cluster, l.to}]
		if !ours || had[l] || c.Time < t.at || l.to == c.Key {
			continue
		}
		had[l] = true
		why, score := "was written by a selected change", scoreTouched
		if t.made {
			why, score = "a selected change has made", scoreCreated
		}
		x.propose(c, id, Reason{TieReferences, score, t.of, fmt.Sprintf("its %s is the key of %s, which %s", l.attr, l.to, why)})
	}
}

// propose adds a reason for a change; of those by one tie the strongest stays.
func (x *expander) propose(c *audit.Change, id audit.ChangeID, r Reason) {
	p := x.found[id]
	if p == nil {
		p = &Proposal{ID: id, Seq: c.Seq, Time: c.Time, User: c.User, Op: c.Op, Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID}
		x.found[id] = p
	}
	at := slices.IndexFunc(p.Reasons, func(q Reason) bool { return q.By == r.By })
	switch {
	case at < 0:
		p.Reasons = append(p.Reasons, r)
	case p.Reasons[at].Score < r.Score:
		p.Reasons[at] = r
	}
}

func (x *expander) expansion() *Expansion {
	e := &Expansion{Proposals: []Proposal{}, Notes: x.notes()}
	for _, p := range x.found {
		if p.Reasons = x.telling(p); len(p.Reasons) == 0 {
			continue
		}
		slices.SortFunc(p.Reasons, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.By, b.By)) })
		p.Score = p.Reasons[0].Score
		e.Proposals = append(e.Proposals, *p)
	}
	slices.SortFunc(e.Proposals, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Time, b.Time), compareIDs(a.ID, b.ID))
	})
	return e
}

func (x *expander) notes() []string {
	notes := []string{}
	switch {
	case !x.by[TieReferences]:
	case len(x.refs) == 0:
		notes = append(notes, "references: none are declared, so none were looked at: a policy names them, or the schema")
	case !x.referred():
		notes = append(notes, "references: of those that are declared none is to a table of the selection")
	}
	if x.dark > 0 && (x.by[TieReferences] || x.by[TieValues]) {
		notes = append(notes, fmt.Sprintf("references, values: changes that do not show what they wrote, and were not looked into: %d", x.dark))
	}
	if x.elsewhere > 0 {
		notes = append(notes, fmt.Sprintf("changes of clusters that the selection has none of, and which were not looked at: %d", x.elsewhere))
	}
	return append(notes, x.commonplaces()...)
}

// referred says that a declared reference is to a table of the selection.
func (x *expander) referred() bool {
	for k := range x.records {
		if len(x.refs.into(k.key.Table)) > 0 {
			return true
		}
	}
	return false
}
