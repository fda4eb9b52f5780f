package revert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// A Resolution is what a person decided of a conflict.
type Resolution struct {
	Option string `json:"option"` // one of the conflict's options
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     string `json:"at"` // RFC 3339
}

// A Resolved is a conflict, by what names it, with its resolution.
type Resolved struct {
	K     Target
	Class Class
	// Conflict is the conflict's Fingerprint when it was decided: what a person
	// has not seen is not decided.
	Conflict string
	Resolution
}

// Fingerprint is over all that the conflict says, but its number and what was
// decided of it. Of a reference that would dangle it is over the write alone: which
// other records refer to this one is said anew with each decision on one of them.
func (c *Conflict) Fingerprint() (string, error) {
	plain := *c
	plain.N, plain.Resolution = 0, nil
	if c.Class == ClassDanglingRef {
		plain.Why, plain.Evidence = "", nil
	}
	line, err := canonical(&plain)
	if err != nil {
		return "", fmt.Errorf("conflict of %s: %w", c.Key(), err)
	}
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:]), nil
}

// offer adds the choices that there are for a record which is gone: to make it
// anew, what its doubtful attributes are to be must be said, and keep says that
// it stays gone.
func (c *Conflict) offer() {
	extra := map[Class]string{ClassAmbiguousDelta: OptionValue, ClassMaskedRemoval: OptionOmit}[c.Class]
	if extra != "" && !slices.Contains(c.Options, extra) {
		c.Options = append(c.Options, extra)
	}
}

// writes says that a person decided that something is to be written.
func (r *replay) writes(c Class) bool { return r.decided[c] != "" && r.decided[c] != OptionKeep }

func (r *replay) snapshot() map[string]cell {
	m := make(map[string]cell, len(r.cells.list))
	for _, c := range r.cells.list {
		m[c.name] = *c
	}
	return m
}

// clear is the cell as a person decided it, if it needed that. False: nobody did,
// or it is to stay as it is, and the conflict is in the outcome.
func (r *replay) clear(o *outcome, name string, c *cell) (*cell, bool) {
	class, doubtful := r.doubtful(c)
	if !doubtful {
		return c, true
	}
	d := *c
	d.side, d.masked, d.alts, d.carried = hostile, -1, nil, -1
	switch option := r.decided[class]; {
	case class == ClassAmbiguousDelta && option == OptionDelta:
		d.s = c.alts[0]
		return &d, true
	case class == ClassAmbiguousDelta && option == OptionValue, class == ClassMaskedRemoval && option == OptionRestore:
		return &d, true
	case class == ClassMaskedRemoval && option == OptionOmit:
		d.s = nil
		return &d, true
	}
	r.attrConflict(o, class, name, c)
	if conflict := o.conflicts[class]; class == ClassAmbiguousDelta && c.aKnown && !r.policy.same(c.a, c.s) {
		conflict.offer() // the attacker wrote it again: what the legitimate user made it may be wanted back
	}
	return c, false
}

// rejoin writes to a record that was made anew, as a person decided. Fill puts
// back what the new record lacks. Merge puts back the old record, but for what
// legitimate users changed after it was made anew, and leaves what only the new
// one has. Replace puts back the old record alone.
func (r *replay) rejoin(o *outcome, option string) {
	own := r.cells
	r.cells = cells{}
	for _, c := range own.list {
		d, name := *c, c.name
		d.masked, d.carried = -1, -1
		before, was := r.before[name]
		touched := r.touched(name, c)
		switch {
		case option == OptionReplace && !was:
			before = cell{sKnown: true, sTrust: audit.Exact}
			d.restored(&before)
		case option == OptionReplace, option == OptionMerge && was && !touched && !(before.sKnown && blank(before.s)):
			d.restored(&before)
		}
		r.cells.add(&d)
	}
	r.undoWrites(o)
	r.cells = own
}

// restored makes the cell's target what it was before.
func (c *cell) restored(before *cell) {
	c.s, c.sKnown, c.sTrust, c.unknown, c.alts = before.s, before.sKnown, before.sTrust, before.unknown, before.alts
	c.side, c.hit = hostile, true
}

// touched says that a legitimate user changed the attribute after the record was
// made anew.
func (r *replay) touched(name string, c *cell) bool {
	after, was := r.after[name]
	if !was {
		return !c.sKnown || !blank(c.s)
	}
	return after.sKnown != c.sKnown || !r.policy.same(after.s, c.s) || len(after.alts) != len(c.alts)
}

// settle applies what people decided of the record, and gives the outcome. The
// decisions that it could use are taken out of the planner's list.
func (p *planner) settle(r *replay, fill func(*Conflict)) (outcome, error) {
	key := r.record.Key
	open := p.decisions[key]
	var listed map[Class]*Conflict
	for {
		o := r.classify()
		p.decide(r, &o)
		for _, c := range o.conflicts {
			fill(c)
		}
		if len(open) == 0 && len(listed) == 0 {
			return o, nil // nobody has decided anything of it
		}
		used := false
		for _, class := range slices.Sorted(maps.Keys(o.conflicts)) {
			d, decided := open[class]
			if !decided {
				continue
			}
			c := o.conflicts[class]
			if err := d.fits(c); err != nil {
				return o, err
			}
			resolution := d.Resolution
			c.Resolution, listed = &resolution, put(listed, class, c)
			if r.decided == nil {
				r.decided = map[Class]string{}
			}
			r.decided[class], used = d.Option, true
			delete(open, class)
		}
		if !used {
			for class, c := range listed {
				o.conflicts = put(o.conflicts, class, c)
			}
			if o.action != nil {
				o.action.Decided = r.deciders()
			}
			return o, nil
		}
	}
}

// deciders are the classes of which somebody decided that something is written.
func (r *replay) deciders() []Class {
	classes := []Class{}
	for _, c := range slices.Sorted(maps.Keys(r.decided)) {
		if r.writes(c) {
			classes = append(classes, c)
		}
	}
	return classes
}

// fits says whether the decision is about this very conflict, and one of its
// options.
func (d *Resolved) fits(c *Conflict) error {
	print, err := c.Fingerprint()
	switch {
	case err != nil:
		return err
	case print != d.Conflict:
		return fmt.Errorf("%w: conflict %s of %s is not the one that was decided: its record has moved", ErrPlanStale, c.Class, c.Key())
	case !slices.Contains(c.Options, d.Option):
		return fmt.Errorf("%w: conflict %s of %s has the options %v, not %.40q", ErrBadResolution, c.Class, c.Key(), c.Options, d.Option)
	}
	return nil
}

// decided sorts the request's decisions by record.
func (q *Request) decided() (map[audit.Key]map[Class]*Resolved, error) {
	all := map[audit.Key]map[Class]*Resolved{}
	for i := range q.Resolutions {
		d := &q.Resolutions[i]
		key := audit.Key(d.K)
		if all[key] == nil {
			all[key] = map[Class]*Resolved{}
		}
		if all[key][d.Class] != nil {
			return nil, fmt.Errorf("%w: conflict %s of %s is decided twice", ErrBadResolution, d.Class, key)
		}
		all[key][d.Class] = d
	}
	return all, nil
}

// undecided says that a decision found no conflict to be about.
func (p *planner) undecided() error {
	for _, key := range slices.SortedFunc(maps.Keys(p.decisions), compareKeys) {
		for class, d := range p.decisions[key] {
			if class == ClassDanglingRef && d.Option == OptionApply {
				continue // by another decision nothing dangles any more, and the write is made
			}
			return fmt.Errorf("%w: there is no conflict %s of %s any more", ErrPlanStale, class, key)
		}
	}
	return nil
}
