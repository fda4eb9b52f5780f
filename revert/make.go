package revert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"maps"
	"math"
	"slices"

	"recourse/audit"
)

// A Request is what a plan is made of, besides the histories.
type Request struct {
	// Selection is what is to be undone. Nil undoes nothing: with a Reverted that
	// lacks the changes of an earlier plan, that plan is taken back.
	Selection *Selection
	// Reverted are the changes that earlier plans undid, and stay undone.
	Reverted map[audit.ChangeID]string
	// Own are our own compensating writes.
	Own    map[audit.ChangeID]string
	Policy Policy
	// Gaps are the stretches of the log that could not be read. A change in one
	// may have made a value what the plan does not know, so it names them.
	Gaps []audit.Gap
	// Coverage is kept in the plan; nil: nobody looked.
	Coverage *Coverage

	// Resolutions are what people decided of the conflicts that a plan of the same
	// had. One that fits no conflict, or another than was seen, is ErrPlanStale.
	Resolutions []Resolved
	// Contain proposes to deactivate the accounts of the selection.
	Contain bool

	// Approvals is how many people must approve the plan, at least.
	Approvals int

	// For the header alone. Instance, which server this is about, is in the
	// digest; the others are not. Created and Expires are RFC 3339.
	Instance                       Instance
	Created, Author, Tool, Expires string
}

// Make plans. It reads records twice, the first time to learn which attributes
// the server assigns itself, so records must yield the same both times; their
// order does not matter. A selected change that is in none of the records is
// ErrIncomplete. Make writes nothing and asks no server.
func Make(ctx context.Context, req Request, records iter.Seq2[Record, error]) (*Plan, error) {
	var m managed
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("plan revert: %w", err)
		}
		m.learn(rec)
	}
	p := &planner{req: &req, managed: m.names(&req.Policy), tables: map[audit.Table]bool{},
		found: map[audit.ChangeID]bool{}, ledger: map[audit.ChangeID]bool{}, digests: map[audit.Key][sha256.Size]byte{}, lossy: lossyTypes{}}
	var err error
	if p.decisions, err = req.decided(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("plan revert: %w", err)
		}
		if err := p.add(rec); err != nil {
			return nil, fmt.Errorf("plan revert: %w", err)
		}
	}
	if req.Selection != nil && len(p.found) < len(req.Selection.Changes) {
		missing := len(req.Selection.Changes) - len(p.found)
		return nil, fmt.Errorf("plan revert: %w: %d of %d selected changes are not in it", ErrIncomplete, missing, len(req.Selection.Changes))
	}
	if err := p.undecided(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	return p.finish()
}

type planner struct {
	req     *Request
	managed func(audit.Table) map[string]bool
	plan    Plan
	tables  map[audit.Table]bool
	found   map[audit.ChangeID]bool // of the selection
	ledger  map[audit.ChangeID]bool // of Reverted and Own, in these records
	digests map[audit.Key][sha256.Size]byte
	changes int

	decisions map[audit.Key]map[Class]*Resolved // not met yet
	baselined int                               // records that begin with a baseline
	head      audit.Time                        // the newest change

	messages, unlogged, provisional int
	lossy                           lossyTypes
}

// add plans one record.
func (p *planner) add(rec Record) error {
	if rec.Key.ID.Empty() {
		return fmt.Errorf("a record of %s has no id", rec.Key.Table)
	}
	for i := range rec.Changes {
		if rec.Changes[i].Key != rec.Key || rec.Changes[i].Cluster != rec.Changes[0].Cluster {
			return fmt.Errorf("history of %s holds changes of another record or cluster", rec.Key)
		}
	}
	if _, twice := p.digests[rec.Key]; twice {
		return fmt.Errorf("record %s is given twice", rec.Key)
	}
	p.tables[rec.Key.Table] = true
	sides, covered := p.sides(rec)
	r := newReplay(&p.req.Policy, rec, sides, p.managed(rec.Key.Table))
	r.run()
	p.unlogged += len(r.unlogged)
	slices.SortFunc(covered, compareIDs)
	sum := p.digests[rec.Key]
	seen := lines{key: rec.Key, blind: append([]Window{}, r.blind...), covered: covered, version: r.version(), history: historyID(sum)}
	o, err := p.settle(r, seen.conflict)
	if err != nil || !o.hit {
		return err
	}
	if o.action != nil && slices.ContainsFunc(rec.Changes, func(c audit.Change) bool { return c.Lossy }) {
		p.lossy.note(o.action, rec.Key.Table)
	}
	p.take(o, seen)
	return nil
}

// lines are what all lines of one record say.
type lines struct {
	key     audit.Key
	blind   []Window
	covered []audit.ChangeID
	version audit.Time
	history string
}

func (l *lines) conflict(c *Conflict) {
	c.Blind, c.Changes, c.Version, c.History = l.blind, l.covered, l.version, l.history
}

// take adds what was decided of one record to the plan.
func (p *planner) take(o outcome, seen lines) {
	counts, covered := &p.plan.Header.Counts, seen.covered
	counts.Blind += len(seen.blind)
	for _, k := range o.kept {
		if k.Class == ClassCarried {
			counts.Carried++
		} else {
			counts.Kept++
		}
	}
	for _, c := range o.conflicts {
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
	}
	if a := o.action; a != nil {
		a.Kept, a.Blind, a.Changes, a.History = o.kept, seen.blind, covered, seen.history
		slices.Sort(a.Expect.Absent)
		p.plan.Actions = append(p.plan.Actions, *a)
		return
	}
	k := Kept{Kind: "kept", K: Target(seen.key), Class: ClassSuperseded, Kept: o.kept, Blind: seen.blind, Changes: covered,
		Version: seen.version, History: seen.history}
	switch {
	case len(o.conflicts) > 0 && len(o.kept) == 0, len(covered) == 0 && len(o.kept) == 0:
		return
	case len(o.conflicts) > 0:
		k.Changes = []audit.ChangeID{} // they are not undone before the conflict is decided
	case len(o.kept) == 0:
		k.Class = ClassAlready
		counts.Already++
	}
	p.plan.Kept = append(p.plan.Kept, k)
}

// sides says whose each change is, and which selected ones are among them.
func (p *planner) sides(rec Record) ([]side, []audit.ChangeID) {
	sides, covered := make([]side, len(rec.Changes)), []audit.ChangeID{}
	ids := rec.ids()
	for i, id := range ids {
		c := &rec.Changes[i]
		p.head = max(p.head, c.Time)
		_, reverted := p.req.Reverted[id]
		_, ours := p.req.Own[id]
		switch {
		case p.req.Selection.Has(id):
			sides[i], p.found[id] = hostile, true
			covered = append(covered, id)
			if c.Op.Kind() == audit.KindMessage {
				p.messages++
			}
		case reverted:
			sides[i], p.ledger[id] = hostile, true
		case ours:
			sides[i], p.ledger[id] = own, true
		}
	}
	p.changes += len(rec.Changes)
	if len(rec.Changes) > 0 && rec.Changes[0].Before.Source == audit.Baselined {
		p.baselined++
	}
	p.digests[rec.Key] = recordDigest(&rec, ids)
	return sides, covered
}

func (r *Record) ids() []audit.ChangeID {
	ids := make([]audit.ChangeID, len(r.Changes))
	for i := range r.Changes {
		ids[i] = r.Changes[i].Identify()
	}
	return ids
}

// recordDigest is over all that the planner looks at of a record.
func recordDigest(rec *Record, ids []audit.ChangeID) [sha256.Size]byte {
	h := sha256.New()
	if rec.Whole {
		h.Write([]byte("whole"))
	}
	for i := range rec.Changes {
		hashChange(h, &rec.Changes[i], ids[i])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// hashChange adds all that the planner looks at. The store's own numbers are no
// part of it.
func hashChange(h hash.Hash, c *audit.Change, id audit.ChangeID) {
	h.Write(id[:])
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	part([]byte(c.User))
	part([]byte(c.Op))
	for _, img := range []audit.Image{c.Before, c.After} {
		h.Write([]byte{byte(img.State), byte(img.Source), byte(img.Trust)})
		part(img.Body)
	}
	h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(c.Time))))
}

// finish sorts, numbers, counts and seals.
func (p *planner) finish() (*Plan, error) {
	plan := &p.plan
	slices.SortFunc(plan.Actions, func(a, b Action) int {
		return cmp.Or(cmp.Compare(a.Phase, b.Phase), compareKeys(a.Key(), b.Key()))
	})
	slices.SortFunc(plan.Conflicts, func(a, b Conflict) int {
		return cmp.Or(compareKeys(a.Key(), b.Key()), cmp.Compare(a.Class, b.Class))
	})
	slices.SortFunc(plan.Kept, func(a, b Kept) int { return compareKeys(a.Key(), b.Key()) })
	n := 0
	next := func() int { n++; return n }
	for i := range plan.Actions {
		plan.Actions[i].N = next()
	}
	for i := range plan.Conflicts {
		plan.Conflicts[i].N = next()
	}
	for i := range plan.Kept {
		plan.Kept[i].N = next()
	}
	if p.req.Contain {
		plan.Containment = containment(p.req.Selection)
	}
	for i := range plan.Containment {
		plan.Containment[i].N = next()
	}
	p.header()
	return plan, plan.seal()
}

func (p *planner) header() {
	h := &p.plan.Header
	h.Kind, h.V = planKind, planVersion
	h.Created, h.Author, h.Tool, h.Expires = p.req.Created, p.req.Author, p.req.Tool, p.req.Expires
	h.Instance, h.Approvals = p.req.Instance, p.req.Approvals
	h.History = HistoryInfo{Records: len(p.digests), Changes: p.changes, Baseline: p.baselined, Head: p.head, Digest: p.historyDigest(), Gaps: p.planGaps()}
	h.Coverage = p.req.Coverage
	h.Selection = SelectionInfo{Digest: digestIDs(nil), Users: map[string]int{}}
	if s := p.req.Selection; s != nil {
		h.Selection = SelectionInfo{Digest: digestIDs(s.Changes), Events: len(s.Changes), Users: s.Users, First: s.First, Last: s.Last, Criteria: &s.Criteria}
	}
	h.Ledger = digestIDs(slices.SortedFunc(maps.Keys(p.ledger), compareIDs))
	h.Policy = p.req.Policy
	h.Managed = map[string][]string{}
	for t := range p.tables {
		h.Managed[t.String()] = sortedNames(p.managed(t))
	}
	h.Classes = map[Class]int{}
	for i := range p.plan.Conflicts {
		h.Classes[p.plan.Conflicts[i].Class]++
	}
	h.Counts.Conflict = len(p.plan.Conflicts)
	p.count(&h.Counts)
	h.Warnings = p.warnings()
}

func (p *planner) count(counts *Counts) {
	for i := range p.plan.Actions {
		a := &p.plan.Actions[i]
		switch a.Do {
		case DoInsert:
			counts.Insert++
		case DoPatch:
			counts.Patch++
		case DoDelete:
			counts.Delete++
		}
		for _, at := range a.Attrs {
			if at.Class == ClassCarried {
				counts.Carried++
			}
			if at.Trust <= audit.Provisional && a.Do != DoDelete {
				p.provisional++
			}
		}
	}
}

func (p *planner) warnings() []string {
	w := []string{}
	say := func(n int, format string) {
		if n > 0 {
			w = append(w, fmt.Sprintf(format, n))
		}
	}
	say(p.plan.Header.Counts.Blind, "blind windows: %d; legitimate writes that failed because the attacker had made or deleted a record left no trace")
	say(p.provisional, "values from images that were read late and then confirmed: %d")
	say(p.unlogged, "log-gap: %d changes found other values than the change before had left; what came between was not logged")
	if gaps := p.gaps(); gaps != "" {
		w = append(w, gaps)
	}
	if lost := p.lossy.warning(); lost != "" {
		w = append(w, lost)
	}
	say(p.messages, "selected messages: %d; they changed no record")
	return w
}

// historyDigest is over the records in the order of their keys.
func (p *planner) historyDigest() string {
	h := sha256.New()
	for _, k := range slices.SortedFunc(maps.Keys(p.digests), compareKeys) {
		sum := p.digests[k]
		h.Write([]byte(k.String()))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
