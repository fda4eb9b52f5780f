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
	"strings"

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
	Own map[audit.ChangeID]string
	// Ledger is what earlier applies did. If it is given, Reverted and Own are what
	// it says, less what Undo takes back.
	Ledger *audit.Ledger
	// Undo is what the plan takes back of earlier applies.
	Undo Undo
	// CutOff is, by record, what steps of earlier applies were about to write that
	// have no known end.
	CutOff map[audit.Key][]audit.Receipt
	Policy Policy
	// Gaps are the stretches of the log that could not be read. A change in one
	// may have made a value what the plan does not know, so it names them.
	Gaps []audit.Gap
	// Coverage is kept in the plan; nil: nobody looked.
	Coverage *Coverage

	// For the header alone. Instance, which server this is about, is in the
	// digest; the others are not.
	Instance, Created, Author, Tool string
}

// Make plans. It reads records twice, the first time to learn which attributes
// the server assigns itself, so records must yield the same both times; their
// order does not matter. A selected change that is in none of the records is
// ErrIncomplete. Make writes nothing and asks no server.
func Make(ctx context.Context, req Request, records iter.Seq2[Record, error]) (*Plan, error) {
	req.takeLedger()
	var m managed
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("plan revert: %w", err)
		}
		m.learn(rec)
	}
	p := &planner{req: &req, managed: m.names(&req.Policy), tables: map[audit.Table]bool{},
		found: map[audit.ChangeID]bool{}, ledger: rollup{}, digests: map[audit.Key][sha256.Size]byte{}, lossy: lossyTypes{}}
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
	return p.finish()
}

type planner struct {
	req     *Request
	managed func(audit.Table) map[string]bool
	plan    Plan
	tables  map[audit.Table]bool
	found   map[audit.ChangeID]bool // of the selection
	ledger  rollup                  // of the records that the plan says something of
	digests map[audit.Key][sha256.Size]byte
	changes int

	messages, unlogged, provisional, unsure int
	lossy                                   lossyTypes
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
	r.chosen, r.cutOff = p.req.Ledger.Chosen, p.req.cutOff(&rec)
	r.run()
	p.unlogged += len(r.unlogged)
	o := r.classify()
	if !o.hit && len(covered.undone) == 0 {
		return nil
	}
	if o.action != nil && slices.ContainsFunc(rec.Changes, func(c audit.Change) bool { return c.Lossy }) {
		p.lossy.note(o.action, rec.Key.Table)
	}
	covered.sort()
	if p.take(rec.Key, o, append([]Window{}, r.blind...), covered) {
		for _, id := range covered.known {
			p.ledger.add(p.req.Ledger, id)
		}
	}
	return nil
}

// take adds what was decided of one record to the plan, unless there is nothing to
// say of it.
func (p *planner) take(key audit.Key, o outcome, blind []Window, covered cover) bool {
	counts := &p.plan.Header.Counts
	counts.Blind += len(blind)
	for _, k := range o.kept {
		if k.Class == ClassCarried {
			counts.Carried++
		} else {
			counts.Kept++
		}
	}
	for _, c := range o.conflicts {
		c.Blind, c.Changes, c.Undone = blind, covered.changes, covered.undone
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
	}
	if a := o.action; a != nil {
		a.Kept, a.Blind, a.Changes, a.Undone = o.kept, blind, covered.changes, covered.undone
		slices.Sort(a.Expect.Absent)
		p.plan.Actions = append(p.plan.Actions, *a)
		return true
	}
	k := Kept{Kind: "kept", K: Target(key), Class: ClassSuperseded, Kept: o.kept, Blind: blind, Changes: covered.changes, Undone: covered.undone}
	switch {
	case len(o.conflicts) > 0 && len(o.kept) == 0, covered.empty() && len(o.kept) == 0:
		return len(o.conflicts) > 0
	case len(o.conflicts) > 0:
		k.Changes, k.Undone = []audit.ChangeID{}, nil // they are not undone before the conflict is decided
	case len(o.kept) == 0:
		k.Class = ClassAlready
		counts.Already++
	}
	p.plan.Kept = append(p.plan.Kept, k)
	return true
}

// sides says whose each change is, and which ones the plan is about.
func (p *planner) sides(rec Record) ([]side, cover) {
	sides, covered := make([]side, len(rec.Changes)), cover{changes: []audit.ChangeID{}}
	h := sha256.New()
	if rec.Whole {
		h.Write([]byte("whole"))
	}
	if rec.Unsure {
		p.unsure++
		h.Write([]byte("unsure"))
	}
	for i := range rec.Changes {
		c := &rec.Changes[i]
		id := c.Identify()
		hashChange(h, c, id)
		sides[i] = p.req.side(c, id)
		if p.req.Selection.Has(id) {
			p.found[id] = true
			covered.changes = append(covered.changes, id)
			if c.Op.Kind() == audit.KindMessage {
				p.messages++
			}
		}
		if p.req.Undo.has(id) {
			covered.undone = append(covered.undone, id)
		}
		if p.req.Ledger.Knows(id) {
			covered.known = append(covered.known, id)
		}
	}
	p.changes += len(rec.Changes)
	p.digests[rec.Key] = [sha256.Size]byte(h.Sum(nil))
	return sides, covered
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
	p.header()
	return plan, plan.seal()
}

func (p *planner) header() {
	h := &p.plan.Header
	h.Kind, h.V = planKind, fileFormVersion
	h.Created, h.Author, h.Tool, h.Instance = p.req.Created, p.req.Author, p.req.Tool, p.req.Instance
	h.History = HistoryInfo{Records: len(p.digests), Changes: p.changes, Digest: p.historyDigest()}
	h.Coverage = p.req.Coverage
	h.Selection = SelectionInfo{Digest: digestIDs(nil), Users: map[string]int{}}
	if s := p.req.Selection; s != nil {
		h.Selection = SelectionInfo{Digest: digestIDs(s.Changes), Events: len(s.Changes), Users: s.Users, First: s.First, Last: s.Last}
	}
	h.Purpose, h.Undoes, h.Since = p.req.Undo.Purpose, p.req.Undo.Plans, p.req.Undo.Since
	h.Applies = p.ledger.roots()
	h.Ledger = digestRoots(h.Applies)
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
	say(p.unsure, "no-base: records of which the history does not show how they were at the time that is restored: %d")
	say(p.provisional, "values from images that were read late and then confirmed: %d")
	say(p.unlogged, "log-gap: %d changes found other values than the change before had left; what came between was not logged")
	for _, more := range []string{p.req.stay(), p.gaps()} {
		if more != "" {
			w = append(w, more)
		}
	}
	if lost := p.lossy.warning(); lost != "" {
		w = append(w, lost)
	}
	say(p.messages, "selected messages: %d; they changed no record")
	return w
}

// gaps names the tables to be written whose log could not be read whole.
func (p *planner) gaps() string {
	type stretch struct {
		n        int
		from, to audit.Time
	}
	at := map[audit.Table]*stretch{}
	for _, t := range p.plan.Tables() {
		at[t] = &stretch{}
	}
	for _, g := range p.req.Gaps {
		if s := at[g.Table]; s != nil {
			if s.n == 0 || g.From < s.from {
				s.from = g.From
			}
			s.n, s.to = s.n+1, max(s.to, g.To)
		}
	}
	var parts []string
	for _, t := range p.plan.Tables() {
		if s := at[t]; s.n > 0 {
			from := s.from.ISO()
			if s.from <= 0 {
				from = "its begin"
			}
			parts = append(parts, fmt.Sprintf("%s (%d, %s to %s)", t, s.n, from, s.to.ISO()))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "log-gap: stretches of the log could not be read; a change in one is not known, and a value that it made would be written over with an older one: " + strings.Join(parts, ", ")
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
