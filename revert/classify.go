package revert

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// An outcome is what a plan says of one record.
type outcome struct {
	action    *Action
	conflicts map[Class]*Conflict
	kept      map[string]KeptValue
	hit       bool // a hostile change or a write of our own is in the history
	// A record that stays as it is because a policy says so of a class, and whether
	// a later plan is to look at it.
	stays   Class
	skipped bool
}

// classify decides the record by where its replay ended.
func (r *replay) classify() outcome {
	o := outcome{kept: r.used.kept()}
	o.hit = slices.ContainsFunc(r.past, func(i int) bool { return r.actors[i].side != legit })
	if !o.hit {
		return o
	}
	switch {
	case r.lags:
		r.conflict(&o, ClassLagging)
		r.whole(&o, ClassLagging)
	case len(r.cutOff) > 0:
		r.conflict(&o, ClassCutOff, r.cutOff...)
		r.whole(&o, ClassCutOff)
	case r.would == audit.Unknown:
		r.conflict(&o, ClassNoBase, r.hostile...)
		r.whole(&o, ClassNoBase)
	case len(r.recreated) > 0 && r.writes(ClassRecreated):
		r.rejoin(&o, r.decided[ClassRecreated])
	case len(r.recreated) > 0:
		r.conflict(&o, ClassRecreated, r.recreated...)
		r.whole(&o, ClassRecreated)
	case len(r.stub) > 0 && r.writes(ClassStub):
		r.rejoin(&o, OptionFill)
	case len(r.stub) > 0:
		r.conflict(&o, ClassStub, r.stub...)
		r.whole(&o, ClassStub)
	case r.actual == audit.Present && r.would == audit.Absent:
		r.undoCreate(&o)
	case r.actual == audit.Absent && r.would == audit.Present:
		r.undoDelete(&o)
	case r.actual == audit.Present:
		r.undoWrites(&o)
	}
	if r.nested {
		r.fold(&o)
	}
	return o
}

func (r *replay) undoCreate(o *outcome) {
	if len(r.orphan) > 0 && r.decided[ClassOrphanEdit] == OptionKeepLegit {
		r.undoWrites(o)
		return
	}
	if len(r.orphan) > 0 && !r.writes(ClassOrphanEdit) {
		r.conflict(o, ClassOrphanEdit, r.orphan...)
		r.whole(o, ClassOrphanEdit)
		return
	}
	a := r.action(DoDelete)
	for _, c := range r.sorted(func(c *cell) bool { return c.aKnown && !blank(c.a) }) {
		r.expect(a, c.name, c)
		a.Attrs[c.name] = r.attribute(c, ClassRevert)
	}
	o.action = a
}

func (r *replay) undoDelete(o *outcome) {
	a := r.action(DoInsert)
	for _, c := range r.sorted(anyCell) {
		name := c.name
		c, settled := r.clear(o, name, c)
		if settled && (!blank(c.s) || r.policy.StrictNull && c.s != nil) {
			a.Set[name] = c.s
			a.Attrs[name] = r.attribute(c, ClassRevert)
		}
	}
	if r.wouldOpen != "" {
		r.conflict(o, r.wouldOpen, r.hostile...)
	}
	for _, c := range o.conflicts {
		c.Record = true // it is made anew whole or not at all
		c.offer()
	}
	if len(o.conflicts) == 0 {
		o.action = a
	}
}

// doubtful is the class of conflict that stands between the cell and a target.
func (r *replay) doubtful(c *cell) (Class, bool) {
	switch {
	case !c.sKnown:
		return c.unknown, true
	case c.s.RawOp() && !r.policy.same(c.a, c.s): // sent as a value, Harper would take it for an increment
		return ClassImageRisk, true
	case c.ambiguous(r.policy):
		return ClassAmbiguousDelta, true
	case c.masked >= 0 && !blank(c.s):
		return ClassMaskedRemoval, true
	}
	return "", false
}

func (r *replay) undoWrites(o *outcome) {
	a := r.action(DoPatch)
	for _, c := range r.sorted(func(c *cell) bool { return !c.aKnown || c.altered() }) {
		r.undoWrite(o, a, c.name, c)
	}
	if r.anyHostile(r.dark) {
		r.conflict(o, ClassImageRisk, r.dark...).Record = true
	}
	if r.wouldOpen == ClassImageRisk || r.wouldOpen != "" && r.mayHaveRemoved() {
		r.conflict(o, r.wouldOpen, r.hostile...).Record = true
	}
	if len(a.Set)+len(a.Unset)+len(a.Add) > 0 {
		o.action = a
	}
}

func (r *replay) undoWrite(o *outcome, a *Action, name string, c *cell) {
	if !c.aKnown {
		if r.anyHostile(c.maybe) || c.hit && (!c.hasLast || !c.sKnown || !r.policy.same(c.last, c.s)) {
			r.attrConflict(o, ClassImageRisk, name, c)
		}
		return
	}
	if !c.altered() || blank(c.s) && r.keyed(name, c) {
		return
	}
	c, settled := r.clear(o, name, c)
	if !settled {
		return
	}
	counter := c.kind == NumberCounter && isNumber(c.a) && isNumber(c.s)
	if r.policy.same(c.a, c.s) || c.side == legit && !counter {
		r.keep(o, name, c)
		return
	}
	class := ClassRevert
	switch {
	case c.carried >= 0:
		class = ClassCarried
	case r.isIdentity(name, c):
		class = ClassIdentity
	}
	switch {
	case counter && !r.isPath(name):
		a.Add[name], _ = difference(c.s, c.a)
	case c.s == nil:
		a.Unset = append(a.Unset, name)
	default:
		a.Set[name] = c.s
	}
	r.expect(a, name, c)
	a.Attrs[name] = r.attribute(c, class)
}

// keep lists a value that stays, and says for whom.
func (r *replay) keep(o *outcome, name string, c *cell) {
	switch {
	case c.side == legit && c.owner >= 0:
		o.kept[name] = KeptValue{Current: c.a, By: r.evidence(c.owner), Class: ClassSuperseded}
	case c.carried >= 0:
		o.kept[name] = KeptValue{Current: c.a, By: r.evidence(c.carried), Class: ClassCarried}
	}
}

// isIdentity says that the attribute holds the record's primary key, and that
// something else was written to it.
func (r *replay) isIdentity(name string, c *cell) bool {
	id := r.record.Key.ID.Value()
	return (r.facts == nil || r.facts.PrimaryKey == name) && c.s.Equal(id) && !c.a.Equal(id)
}

// keyed says that the attribute is the primary key, which stays with the record:
// an insert of ours gave the record the attribute, which it may have lacked; and a
// record of the attacker's that is to stay keeps its own.
func (r *replay) keyed(name string, c *cell) bool {
	id := r.record.Key.ID.Value()
	inserted := c.side == own && r.actors[c.owner].op == audit.OpInsert
	if !inserted && r.would != audit.Absent || !c.a.Equal(id) {
		return false
	}
	if r.facts != nil {
		return r.facts.PrimaryKey == name
	}
	// No other attribute is likely to have the id in it from first to last.
	return !slices.ContainsFunc(r.past, func(i int) bool {
		v := r.record.Changes[i].After.Body.Get(name)
		return !blank(v) && !v.Equal(id)
	})
}

// mayHaveRemoved says that a hostile change may have taken attributes away that
// the log never showed: a put replaces the record, a patch does not.
func (r *replay) mayHaveRemoved() bool {
	return slices.ContainsFunc(r.hostile, func(i int) bool {
		op := r.record.Changes[i].Op
		return op != audit.OpPatch && op != audit.OpUpdate
	})
}

func (r *replay) anyHostile(is []int) bool {
	return slices.ContainsFunc(is, func(i int) bool { return i >= 0 && r.actors[i].side == hostile })
}

func phaseOf(do string) int {
	switch do {
	case DoInsert:
		return 3
	case DoPatch:
		return 4
	}
	return 5
}

func (r *replay) action(do string) *Action {
	a := r.used.action()
	a.Kind, a.K, a.Do, a.Phase = "action", Target(r.record.Key), do, phaseOf(do)
	a.Expect.Exists, a.Expect.Version = do != DoInsert, r.version()
	return a
}

// version is the newest change known of the record.
func (r *replay) version() audit.Time {
	if len(r.past) == 0 {
		return 0
	}
	return r.record.Changes[r.past[len(r.past)-1]].Time
}

func (r *replay) expect(a *Action, name string, c *cell) {
	if c.a == nil {
		a.Expect.Absent = append(a.Expect.Absent, name)
	} else {
		a.Expect.Owned[name] = c.a
	}
}

func (r *replay) attribute(c *cell, class Class) Attribute {
	at := Attribute{Theirs: c.theirs, By: r.ids(c.by), Class: class, Trust: c.sTrust}
	known := func(ok bool, v audit.Value, what string) audit.Value {
		if !ok {
			at.Unknown = append(at.Unknown, what)
			return nil
		}
		return v
	}
	at.Base = known(!c.hit || c.baseKnown, c.base, "base")
	at.Current = known(c.aKnown, c.a, "current")
	at.Target = known(c.sKnown, c.s, "target")
	if !c.sKnown {
		at.Trust = audit.NoTrust
	}
	if class == ClassAmbiguousDelta {
		at.Delta = c.alts[0]
	}
	return at
}

func (r *replay) attrConflict(o *outcome, class Class, name string, c *cell) {
	involved := slices.Concat(c.by, c.altBy, c.maybe)
	for _, i := range []int{c.owner, c.masked} {
		if i >= 0 {
			involved = append(involved, i)
		}
	}
	r.conflict(o, class, involved...).Attrs[name] = r.attribute(c, class)
}

// whole makes the conflict one of the whole record, and adds what the hostile
// changes and our own did to its attributes.
func (r *replay) whole(o *outcome, class Class) {
	o.conflicts[class].Record = true
	for _, c := range r.sorted((*cell).altered) {
		o.conflicts[class].Attrs[c.name] = r.attribute(c, class)
	}
}

// conflict is the record's conflict of that class, with more evidence.
func (r *replay) conflict(o *outcome, class Class, evidence ...int) *Conflict {
	c := o.conflicts[class]
	if c == nil {
		options := class.options()
		c = &Conflict{Kind: "conflict", K: Target(r.record.Key), Class: class, Attrs: map[string]Attribute{},
			Options: options, Default: options[0], Evidence: []Evidence{}}
		o.conflicts = put(o.conflicts, class, c)
	}
	for _, i := range evidence {
		if i < 0 {
			continue
		}
		e := r.evidence(i)
		at, known := slices.BinarySearchFunc(c.Evidence, e, compareEvidence)
		if !known {
			c.Evidence = slices.Insert(c.Evidence, at, e)
		}
	}
	return c
}

func (r *replay) evidence(i int) Evidence {
	c := &r.record.Changes[i]
	return Evidence{ID: r.known[i], Time: c.Time, User: c.User, Op: c.Op}
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), compareIDs(a.ID, b.ID))
}

func (r *replay) ids(is []int) []audit.ChangeID {
	ids := r.idRoom.of(len(is))
	for _, i := range is {
		ids = append(ids, r.known[i])
	}
	return r.idRoom.keep(ids)
}
