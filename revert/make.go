package revert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
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
	// Schema is what Harper now says of its tables; nil: not known, and the plan
	// says so.
	Schema *Schema

	// For the header alone. Instance, which server this is about, is in the
	// digest; the others are not.
	Instance, Created, Author, Tool string
}

// Make plans. It reads records twice, the first time to learn which attributes
// the server assigns itself, so records must yield the same both times; their
// order does not matter. A selected change that is in none of the records is
// ErrIncomplete. Make writes nothing and asks no server.
func Make(ctx context.Context, req Request, records iter.Seq2[Record, error]) (*Plan, error) {
	if err := req.Policy.Check(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	var m managed
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("plan revert: %w", err)
		}
		m.learn(rec)
	}
	p := &planner{req: &req, managed: m.names(&req.Policy, req.Schema), tables: map[audit.Table]bool{},
		found: map[audit.ChangeID]bool{}, ledger: map[audit.ChangeID]bool{}, digests: map[audit.Key][sha256.Size]byte{}, lossy: lossyTypes{}}
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
	ledger  map[audit.ChangeID]bool // of Reverted and Own, in these records
	digests map[audit.Key][sha256.Size]byte
	changes int

	messages, unlogged, provisional int
	lossy                           lossyTypes
	txns                            transactions
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
	r := newReplay(&p.req.Policy, p.req.Schema.of(rec.Key.Table), rec, sides, p.managed(rec.Key.Table))
	r.run()
	p.unlogged += len(r.unlogged)
	o := r.classify()
	if !o.hit {
		return nil
	}
	p.decide(r, &o)
	if o.action != nil && slices.ContainsFunc(rec.Changes, func(c audit.Change) bool { return c.Lossy }) {
		p.lossy.note(o.action, rec.Key.Table)
	}
	slices.SortFunc(covered, compareIDs)
	p.take(rec.Key, o, append([]Window{}, r.blind...), covered)
	p.txns.note(p, rec, sides, o)
	return nil
}

// take adds what was decided of one record to the plan.
func (p *planner) take(key audit.Key, o outcome, blind []Window, covered []audit.ChangeID) {
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
		c.Blind, c.Changes = blind, covered
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
	}
	if a := o.action; a != nil {
		a.Kept, a.Blind, a.Changes = o.kept, blind, covered
		slices.Sort(a.Expect.Absent)
		p.plan.Actions = append(p.plan.Actions, *a)
		return
	}
	k := Kept{Kind: "kept", K: Target(key), Class: ClassSuperseded, Kept: o.kept, Blind: blind, Changes: covered}
	switch {
	case len(o.conflicts) > 0 && len(o.kept) == 0, len(covered) == 0 && len(o.kept) == 0:
		return
	case len(o.conflicts) > 0:
		k.Changes = []audit.ChangeID{} // they are not undone before the conflict is decided
	case o.stays != "":
		if k.Class = o.stays; o.skipped {
			k.Changes = []audit.ChangeID{}
		}
	case len(o.kept) == 0:
		k.Class = ClassAlready
		counts.Already++
	}
	p.plan.Kept = append(p.plan.Kept, k)
}

// sides says whose each change is, and which selected ones are among them.
func (p *planner) sides(rec Record) ([]side, []audit.ChangeID) {
	sides, covered := make([]side, len(rec.Changes)), []audit.ChangeID{}
	h := sha256.New()
	if rec.Whole {
		h.Write([]byte("whole"))
	}
	for i := range rec.Changes {
		c := &rec.Changes[i]
		id := c.Identify()
		hashChange(h, c, id)
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
	p.txns.decide(p)
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
	if err := p.header(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	return plan, plan.seal()
}
