package revert

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// A planner plans record after record.
type planner struct {
	req     *Request
	plan    Plan
	spool   *spool // takes the plan's lines; nil: they are in plan
	tables  map[audit.Table]bool
	managed map[audit.Table]map[string]bool // of these tables, what the server assigns
	wanted  idIndex                         // of the selection
	found   []uint64                        // a bit for each change of the selection
	missing int
	ledger  rollup // of the records that the plan says something of
	digest  historyDigest
	changes int
	replay  replay // used again for each record

	side   []side // of the record's changes
	idRoom idRoom
	names  []string                        // memory
	chosen map[audit.ChangeID]audit.Choice // of our own writes of the record

	decisions map[audit.Key]map[Class]*Resolved // not met yet
	baselined int                               // records that begin with a baseline
	head      audit.Time                        // the newest change

	messages, unlogged, provisional, reborn, unsure, elsewhere int
	lossy                                                      lossyTypes
	txns                                                       transactions

	refs     references
	clusters []string               // of the plan's actions
	by       map[writtenBy]Evidence // who last wrote an attribute that refers to a record
	absent   map[audit.Key]string   // records that are not there and stay so, with their clusters
	notes    []string               // warnings of what surrounds the writes
}

func newPlanner(req *Request, sorted bool, s *spool) (*planner, error) {
	p := &planner{req: req, spool: s, tables: map[audit.Table]bool{}, managed: map[audit.Table]map[string]bool{}, ledger: rollup{},
		digest: newHistoryDigest(sorted), lossy: lossyTypes{}, refs: referencesOf(&req.Policy, req.Schema)}
	if s := req.Selection; s != nil {
		p.wanted = indexIDs(s.Changes)
		p.found, p.missing = make([]uint64, (len(s.Changes)+63)/64), len(s.Changes)
		if p.spool == nil {
			p.plan.Actions = make([]Action, 0, max(0, min(s.Records, len(s.Changes))))
		}
	}
	if p.spool != nil {
		p.replay.used = &p.spool.used
	}
	var err error
	p.decisions, err = req.decided()
	return p, err
}

// add plans one record.
func (p *planner) add(rec *prepared) error {
	if p.pass(rec.others); rec.elsewhere() {
		return nil
	}
	if rec.err != nil {
		return rec.err
	}
	if t := rec.Key.Table; !p.tables[t] {
		p.tables[t], p.managed[t] = true, rec.managed
	}
	sides, covered, hit := p.sides(rec)
	if !p.digest.add(rec.Key, rec.sum) {
		return fmt.Errorf("record %s is given twice", rec.Key)
	}
	if !hit && len(covered.undone) == 0 {
		return nil // nobody's business
	}
	r := &p.replay
	r.reset(&p.req.Policy, p.req.Schema.of(rec.Key.Table), rec.Record, sides, rec.managed)
	r.known = rec.ids
	r.chosen, r.cutOff, r.lags = p.chosen, p.req.cutOff(&rec.Record), p.req.lags(&rec.Record)
	r.run()
	p.unlogged += len(r.unlogged)
	covered.sort()
	seen := recordLines{key: rec.Key, blind: append([]Window{}, r.blind...), covered: covered, version: r.version(), history: historyID(rec.sum)}
	o, err := p.settle(r, seen.conflict)
	if err != nil || !o.hit && len(covered.undone) == 0 {
		return err
	}
	if o.action != nil && isLossy(rec.Changes) {
		p.lossy.note(o.action, rec.Key.Table)
	}
	p.refer(r, &o)
	told, err := p.take(o, seen)
	if err != nil {
		return err
	}
	if told {
		for _, id := range covered.known {
			p.ledger.add(p.req.Ledger, id)
		}
	}
	p.txns.note(p, &rec.Record, sides, o)
	return nil
}

// recordLines are what all lines of one record say.
type recordLines struct {
	key     audit.Key
	blind   []Window
	covered cover
	version audit.Time
	history string
}

func (l *recordLines) conflict(c *Conflict) {
	c.Blind, c.Changes, c.Undone, c.Version, c.History = l.blind, l.covered.changes, l.covered.undone, l.version, l.history
}

// take adds what was decided of one record to the plan, unless there is nothing to
// say of it.
func (p *planner) take(o outcome, seen recordLines) (bool, error) {
	counts, covered := &p.plan.Header.Counts, seen.covered
	counts.Blind += len(seen.blind)
	for _, k := range o.kept {
		if k.Class == ClassCarried {
			counts.Carried++
		} else {
			counts.Kept++
		}
	}
	if err := p.takeConflicts(o.conflicts); err != nil {
		return false, err
	}
	if a := o.action; a != nil {
		a.Kept, a.Blind, a.Changes, a.Undone, a.History = o.kept, seen.blind, covered.changes, covered.undone, seen.history
		slices.Sort(a.Expect.Absent)
		if p.spool != nil {
			return true, p.spool.put(spoolItem{action: a})
		}
		p.plan.Actions = append(p.plan.Actions, *a)
		return true, nil
	}
	k := Kept{Kind: "kept", K: Target(seen.key), Class: ClassSuperseded, Kept: o.kept, Blind: seen.blind, Changes: covered.changes, Undone: covered.undone,
		Version: seen.version, History: seen.history}
	switch {
	case len(o.conflicts) > 0 && len(o.kept) == 0, covered.empty() && len(o.kept) == 0:
		return len(o.conflicts) > 0, nil
	case len(o.conflicts) > 0:
		k.Changes, k.Undone = []audit.ChangeID{}, nil // they are not undone before the conflict is decided
	case o.stays != "":
		if k.Class = o.stays; o.skipped {
			k.Changes, k.Undone = []audit.ChangeID{}, nil
		}
	case len(o.kept) == 0:
		k.Class = ClassAlready
		counts.Already++
	}
	if p.spool != nil {
		return true, p.spool.put(spoolItem{kept: &k})
	}
	p.plan.Kept = append(p.plan.Kept, k)
	return true, nil
}

func (p *planner) takeConflicts(all map[Class]*Conflict) error {
	if p.spool != nil {
		for _, class := range sortedKeys(all) {
			if err := p.spool.put(spoolItem{conflict: all[class]}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range all {
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
	}
	return nil
}

// sides says whose each change is, which selected ones are among them, and
// whether any is not a legitimate one. The slices are valid up to the next call.
func (p *planner) sides(rec *prepared) (sides []side, covered cover, hit bool) {
	p.side, covered.changes = p.side[:0], p.idRoom.of(len(rec.ids))
	p.chosen = p.req.chosenIn(rec.ids)
	if rec.Unsure {
		p.unsure++
	}
	for i, id := range rec.ids {
		c := &rec.Changes[i]
		p.head = max(p.head, c.Time)
		n, selected := p.wanted.find(&rec.ids[i])
		if selected {
			p.find(n)
			covered.changes = append(covered.changes, id)
			if c.Op.Kind() == audit.KindMessage {
				p.messages++
			}
		}
		if p.req.Undo.has(id) {
			covered.undone = append(covered.undone, id)
		}
		if len(p.req.Ledger.Entries[id]) > 0 {
			covered.known = append(covered.known, id)
		}
		whose := p.req.side(c, id, selected)
		if whose == own && p.chosen[id].Whole {
			whose = legit
		}
		hit = hit || whose != legit
		p.side = append(p.side, whose)
	}
	covered.changes = p.idRoom.keep(covered.changes)
	p.changes += len(rec.Changes)
	if len(rec.Changes) > 0 && rec.Changes[0].Before.Source == audit.Baselined {
		p.baselined++
	}
	return p.side, covered, hit
}

// find notes that a selected change is in the histories.
func (p *planner) find(n int) {
	if bit := uint64(1) << (n % 64); p.found[n/64]&bit == 0 {
		p.found[n/64] |= bit
		p.missing--
	}
}
