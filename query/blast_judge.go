package query

import (
	"maps"
	"math"
	"slices"

	"recourse/audit"
)

// A victim is one record's life in one cluster, with the changes in question.
type victim struct {
	*blasting
	life     life
	edits    []audit.Diff // what each change of it did; nil: its images tell
	suspects []bool       // of the life, those that are in question
	refs     []*Ref       // of the life, those that were named
	origins  *origins
	now      audit.Image
	touched  map[string]touch // by path; the empty path is the record's being there
	doubt    bool             // they may have written more than that: late images stand between
	taken    bool             // the ledger has all the changes in question taken back
}

// A touch is an attribute that the changes in question have written, and how it was
// before the first of them did.
type touch struct {
	known  bool
	before audit.Value
	theirs audit.Value // what the last of them made of it
}

// judge says how a record stands; false: none of the changes in question is of it
// in this cluster. Of a life in outline it is told what each change edited.
func (w *blasting) judge(key audit.Key, cluster string, l life, edits []audit.Diff) (BlastRecord, bool) {
	v := &victim{blasting: w, suspects: make([]bool, len(l)), refs: make([]*Ref, len(l)), life: l, edits: edits, touched: map[string]touch{}, taken: true}
	suspect := w.suspect[key]
	r := BlastRecord{RecordRef: recordRef(key, cluster), Trust: audit.Exact, Values: []BlastValue{}}
	for i := range l {
		c := &l[i]
		if v.suspects[i] = suspect.has(c.Seq); v.suspects[i] {
			v.suspected(&r, i)
		}
		if r.First != nil {
			r.Trust = min(r.Trust, trustOfChange(c))
		}
	}
	if r.First == nil {
		return r, false
	}
	v.leaveOut()
	v.origins = &origins{life: v.life, edits: v.edits, at: map[string]origin{}, each: v.edited, doubt: v.doubted}
	v.origins.follow()
	v.now = v.origins.image
	r.State, r.Doubt = v.now.State, v.doubt && !v.taken
	for _, path := range slices.Sorted(maps.Keys(v.touched)) {
		r.Values = append(r.Values, v.value(path))
	}
	r.Writers = v.others()
	r.Class = v.class(&r)
	return r, true
}

// ref names a change of the life.
func (v *victim) ref(i int) *Ref {
	if v.refs[i] == nil {
		v.refs[i] = refPtr(&v.life[i])
	}
	return v.refs[i]
}

// leaveOut leaves out what was before the first of the changes in question. What they
// touched has its value from then on; only late images are weighed against what was
// before them.
func (v *victim) leaveOut() {
	first := slices.Index(v.suspects, true)
	for i := range v.life {
		if v.life[i].After.Late() || v.life[i].Before.Late() {
			return
		}
	}
	v.life, v.suspects, v.refs = v.life[first:], v.suspects[first:], v.refs[first:]
	if v.edits != nil {
		v.edits = v.edits[first:]
	}
}

func trustOfChange(c *audit.Change) audit.Trust {
	least := audit.Exact
	for _, image := range []audit.Image{c.Before, c.After} {
		if image.State == audit.Unknown {
			return audit.NoTrust
		}
		least = min(least, image.Trust)
	}
	return least
}

// suspected takes one of the changes in question, before the origins do.
func (v *victim) suspected(r *BlastRecord, i int) {
	c := &v.life[i]
	if r.First == nil {
		r.First = v.ref(i)
	}
	r.Last = v.ref(i)
	r.Changes++
	if plan, ok := v.blasting.taken[c.ID]; !ok {
		v.taken = false
	} else if !slices.Contains(r.Plans, plan) {
		r.Plans = append(r.Plans, plan)
	}
	switch {
	case c.Before.State == audit.Unknown || c.After.State == audit.Unknown:
		v.touch("", touch{known: c.Before.State != audit.Unknown, before: existence(c.Before.State)})
	case c.Before.State != c.After.State:
		v.touch("", touch{known: true, before: existence(c.Before.State)})
	}
}

// existence is a record's being there, as a value.
func existence(s audit.State) audit.Value {
	switch s {
	case audit.Present:
		return audit.Bool(true)
	case audit.Absent:
		return audit.Bool(false)
	}
	return nil
}

// edited is told of every edit of the record.
func (v *victim) edited(e audit.Edit, by origin) {
	among := by.among
	if among == nil {
		among = []int{by.change}
	}
	if e.Path != "" && by.of != OriginBefore && v.anySuspect(among) {
		v.touch(e.Path, touch{known: by.of == OriginSet, before: e.Old})
		t := v.touched[e.Path]
		t.theirs = e.New
		v.touched[e.Path] = t
	}
}

// doubted is told of changes that may have written more than is known.
func (v *victim) doubted(changes []int) { v.doubt = v.doubt || v.anySuspect(changes) }

func (v *victim) anySuspect(changes []int) bool {
	return slices.ContainsFunc(changes, func(i int) bool { return v.suspects[i] })
}

func (v *victim) allSuspect(changes []int) bool {
	return !slices.ContainsFunc(changes, func(i int) bool { return !v.suspects[i] })
}

func (v *victim) touch(path string, t touch) {
	if _, before := v.touched[path]; !before {
		v.touched[path] = t
	}
}

// value says how one attribute stands that was touched.
func (v *victim) value(path string) BlastValue {
	t := v.touched[path]
	out := BlastValue{Path: path, Known: t.known, Before: t.before, Class: BlastUnknown}
	if v.now.State == audit.Unknown {
		return out
	}
	by := v.origins.of(path)
	writer := &v.life[by.change]
	out.Change = v.ref(by.change)
	if path == "" {
		out.Now = existence(v.now.State)
	} else {
		out.Now = v.now.Body.At(path)
	}
	out.Class = v.standing(&out, writer, by)
	return out
}

func (v *victim) standing(b *BlastValue, writer *audit.Change, by origin) BlastClass {
	_, ours := v.ledger.Own[writer.ID]
	of := by.of
	if of == OriginAmong && v.allSuspect(by.among) {
		of = OriginSet
	}
	switch {
	case v.now.State == audit.Absent && b.Path != "" && of == OriginSet && !ours && !v.suspects[by.change]:
		return BlastDeleted // though it may have been without the attribute before
	case b.Known && b.Now.Equal(b.Before):
		return BlastReverted
	case of == OriginAmong && !v.anySuspect(by.among):
		return BlastOverwritten
	case of != OriginSet:
		return BlastUnknown
	case ours:
		return BlastReverted
	case v.suspects[by.change] && v.taken:
		return BlastReverted // though our write has not been read yet
	case v.suspects[by.change]:
		return BlastStillBad
	case v.now.State == audit.Absent:
		return BlastDeleted
	case !audit.Stamps(b.Now, writer.Time) && carriesOn(v.touched[b.Path], b.Now):
		return BlastUnknown
	}
	return BlastOverwritten
}

// carriesOn says that others may have counted on from a number of the changes in
// question: it is nearer to theirs than to the one before. Whether a write set a
// number or added to it, the log does not say.
func carriesOn(t touch, now audit.Value) bool {
	if !isNumber(now.Kind()) || !isNumber(t.theirs.Kind()) {
		return false
	}
	if !isNumber(t.before.Kind()) {
		return true
	}
	n, _ := now.Float64()
	theirs, _ := t.theirs.Float64()
	before, _ := t.before.Float64()
	return math.Abs(n-theirs) < math.Abs(n-before)
}

// class is the worst of what was touched, or may have been; a change that touched
// nothing leaves nothing behind.
func (v *victim) class(r *BlastRecord) BlastClass {
	for _, c := range BlastClasses() {
		if c == BlastUnknown && r.Doubt || slices.ContainsFunc(r.Values, func(b BlastValue) bool { return b.Class == c }) {
			return c
		}
	}
	return BlastReverted
}

// others are those who have written the record since the first of the changes in
// question, but for our own applies, by name.
func (v *victim) others() []BlastWriter {
	type writer struct {
		BlastWriter
		last int // of the life
	}
	writers := map[string]*writer{}
	begun := false
	for i := range v.life {
		c := &v.life[i]
		_, ours := v.ledger.Own[c.ID]
		if begun = begun || v.suspects[i]; !begun || v.suspects[i] || ours {
			continue
		}
		w := writers[c.User]
		if w == nil {
			w = &writer{BlastWriter: BlastWriter{User: userDoc(c.User)}}
			writers[c.User] = w
		}
		w.Changes++
		w.last = i
		w.Over = w.Over || v.wroteOver(i)
	}
	out := []BlastWriter{}
	for _, name := range slices.Sorted(maps.Keys(writers)) {
		w := writers[name]
		w.Last = v.ref(w.last)
		out = append(out, w.BlastWriter)
	}
	return out
}

// wroteOver says that a change wrote something that was touched, or may have.
func (v *victim) wroteOver(i int) bool {
	return slices.ContainsFunc(v.origins.did(i), func(e audit.Edit) bool {
		_, touched := v.touched[e.Path]
		return touched
	})
}
