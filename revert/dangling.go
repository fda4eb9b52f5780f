package revert

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// dangling looks for references to records that are not there, of which a plan
// would make some: Harper itself keeps no record from being deleted that others
// refer to, nor one from referring to nothing.
type dangling struct {
	p      *planner
	refs   references
	byKey  map[audit.Key]int // the plan's actions
	into   map[audit.Key][]referrer
	stored map[placed]Sight
	// Why actions would leave references to nothing: by the attribute that refers,
	// and of those that delete by "".
	why      map[int]map[string]string
	evidence map[int][]Evidence

	unknown map[string]bool // references to records of which it is not known whether they are there
	partly  []string        // which records there may be of which nothing is stored
	dark    int             // records that are stored, but not what they now are
	absent  int             // records that stay absent and are referred to
	first   string          // one of them
}

// A placed is a record of one cluster. Others may have one by the same key.
type placed struct {
	cluster string
	key     audit.Key
}

func newDangling(p *planner) *dangling {
	return &dangling{p: p, refs: p.refs, byKey: map[audit.Key]int{},
		into: map[audit.Key][]referrer{}, stored: map[placed]Sight{},
		why: map[int]map[string]string{}, evidence: map[int][]Evidence{}, unknown: map[string]bool{}}
}

// decide finds the actions that would leave a dangling reference, and holds them
// back if nobody has said otherwise. It is called again when others were held
// back: a record that is not made anew may be referred to by one that is.
func (d *dangling) decide(ctx context.Context, gone map[int]bool) error {
	if len(d.refs) == 0 {
		return nil
	}
	for i := range d.p.plan.Actions {
		a := &d.p.plan.Actions[i]
		if gone[i] {
			continue
		}
		if a.Do == DoDelete {
			d.deleted(i, a, gone)
		} else if err := d.written(ctx, i, a, gone); err != nil {
			return err
		}
		if d.whole(i, a) && !d.applies(a) {
			gone[i] = true
		}
	}
	return nil
}

// found counts the references that would dangle.
func (d *dangling) found() int {
	n := 0
	for _, why := range d.why {
		n += len(why)
	}
	return n
}

// whole says that all that an action writes would dangle.
func (d *dangling) whole(i int, a *Action) bool {
	why := d.why[i]
	return why != nil && (a.Do != DoPatch || len(why) == len(a.Set)+len(a.Unset)+len(a.Add))
}

// applies says that somebody wants the write all the same.
func (d *dangling) applies(a *Action) bool {
	r := d.p.decisions[a.Key()][ClassDanglingRef]
	return d.p.req.Policy.handling(ClassDanglingRef) == HandleApply || r != nil && r.Option == OptionApply
}

// deleted is a record that is to be deleted: those that refer to it and stay.
func (d *dangling) deleted(i int, a *Action, gone map[int]bool) {
	var stay []referrer
	for _, r := range d.into[a.Key()] {
		if !d.freed(r, gone) {
			stay = append(stay, r)
		}
	}
	if len(stay) == 0 {
		return
	}
	const told = 20
	why := fmt.Sprintf("%s refers to it by %s", stay[0].sight.Key, short(stay[0].attr))
	if more := len(stay) - 1; more > 0 {
		why += fmt.Sprintf(", and so do %d more", more)
	}
	d.why[i] = map[string]string{"": why}
	d.evidence[i] = nil
	for _, r := range stay[:min(told, len(stay))] {
		if r.sight.Last.Time != 0 {
			d.evidence[i] = append(d.evidence[i], r.sight.Last)
		}
	}
}

// freed says that the plan itself deletes the record that refers, or makes it refer
// to something else: what it then refers to is looked at by itself.
func (d *dangling) freed(r referrer, gone map[int]bool) bool {
	i, ours := d.byKey[r.sight.Key]
	if !ours || gone[i] {
		return false
	}
	a := &d.p.plan.Actions[i]
	_, set := a.Set[r.attr]
	_, held := d.why[i][r.attr]
	return a.Do == DoDelete || (set || slices.Contains(a.Unset, r.attr)) && (!held || d.applies(a))
}

// written is a record that is to be made anew or patched: what it then refers to.
func (d *dangling) written(ctx context.Context, i int, a *Action, gone map[int]bool) error {
	for l := range d.refs.links(a.K.Table, audit.Object(a.Set)) {
		if d.why[i][l.attr] != "" || l.to == a.Key() {
			continue
		}
		there, err := d.there(ctx, d.p.clusters[i], l.to, gone)
		if err != nil {
			return fmt.Errorf("look for %s: %w", l.to, err)
		}
		switch there {
		case audit.Absent:
			d.why[i] = put(d.why[i], l.attr, fmt.Sprintf("its %s is the key of %s, which is not there", short(l.attr), l.to))
		case audit.Unknown:
			d.unknown[fmt.Sprint(i, " ", l.attr)] = true
		}
	}
	return nil
}

// settle makes of what was found what the policy or a person says.
func (d *dangling) settle(heldByOthers, gone map[int]bool) error {
	for _, i := range slices.Sorted(maps.Keys(d.why)) {
		a := &d.p.plan.Actions[i]
		if heldByOthers[i] {
			continue // decided for the write, it is looked at again
		}
		attrs := slices.Sorted(maps.Keys(d.why[i]))
		words := []string{}
		for _, attr := range attrs {
			words = append(words, d.why[i][attr])
			if by, known := d.p.by[writtenBy{i, attr}]; known {
				d.evidence[i] = append(d.evidence[i], by)
			}
		}
		var err error
		if why := strings.Join(words, "; "); d.whole(i, a) {
			err = d.p.surround(i, ClassDanglingRef, why, d.evidence[i], gone)
		} else {
			err = d.p.surroundPart(i, attrs, ClassDanglingRef, why, d.evidence[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blocks says that a part of an action is held back.
func (d *dangling) blocks(i int) bool { return d.why[i] != nil && !d.applies(&d.p.plan.Actions[i]) }

// there says whether a record is there when the plan is done.
func (d *dangling) there(ctx context.Context, cluster string, k audit.Key, gone map[int]bool) (audit.State, error) {
	if i, ours := d.byKey[k]; ours && !gone[i] && d.p.clusters[i] == cluster {
		if d.p.plan.Actions[i].Do == DoDelete {
			return audit.Absent, nil
		}
		return audit.Present, nil
	}
	if d.p.req.Others == nil {
		return audit.Unknown, nil
	}
	at := placed{cluster, k}
	s, known := d.stored[at]
	if !known {
		var err error
		if s, err = d.p.req.Others.Now(ctx, cluster, k); err != nil {
			return audit.Unknown, err
		}
		d.stored[at] = s
	}
	if s.Hidden {
		return audit.Unknown, nil
	}
	return s.Image.State, nil
}

// warnings are what could not be looked at, and what the plan does not mend.
func (d *dangling) warnings() []string {
	var w []string
	if d.p.req.Others == nil && len(d.refs) > 0 {
		w = append(w, "dangling-ref: what is stored of other records was not looked at")
	}
	if len(d.unknown) > 0 {
		w = append(w, fmt.Sprintf("dangling-ref: references to records of which nothing is stored, or not all that was logged, so that it is not known whether they are there: %d", len(d.unknown)))
	}
	for _, doubt := range d.partly {
		w = append(w, "dangling-ref: "+doubt+" may refer to what is deleted")
	}
	if d.dark > 0 {
		w = append(w, fmt.Sprintf("dangling-ref: records of which it is not known what they now are, and which may refer to what is deleted: %d", d.dark))
	}
	if d.absent > 0 {
		w = append(w, fmt.Sprintf("dangling-ref: records that are not there and stay so are referred to by others: %d, such as %s", d.absent, d.first))
	}
	return w
}
