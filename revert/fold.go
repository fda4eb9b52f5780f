package revert

import (
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// A tree is an attribute that was spread out, with its cells.
type tree struct {
	r    *replay
	top  string
	root string              // the cell of the attribute itself
	kids map[string][]string // the cells of a path's members, sorted
	all  []string

	later []func() // what is said of the attribute by its own name, when no cells are left
}

// fold puts the attributes that were spread out together again.
func (r *replay) fold(o *outcome) {
	trees := map[string]*tree{}
	for _, c := range r.sorted(anyCell) {
		name := c.name
		if !strings.HasPrefix(name, pathMark) {
			continue
		}
		top, path := topOf(name)
		t := trees[top]
		if t == nil {
			t = &tree{r: r, top: top, root: pathMark + escapePath(top), kids: map[string][]string{}}
			trees[top] = t
		}
		t.all = append(t.all, name)
		if path != "" {
			parent := name[:strings.LastIndexByte(name, '/')]
			t.kids[parent] = append(t.kids[parent], name)
		}
	}
	for _, top := range slices.Sorted(maps.Keys(trees)) {
		trees[top].fold(o)
	}
	for _, t := range trees { // an attribute may have the name of another's cell
		for _, say := range t.later {
			say()
		}
	}
	if a := o.action; a != nil {
		if slices.Sort(a.Unset); a.Do == DoPatch && len(a.Set)+len(a.Unset)+len(a.Add) == 0 {
			o.action = nil
		}
	}
}

func (t *tree) fold(o *outcome) {
	paths := t.paths(o)
	classes := t.conflicts(o)
	wrote := false
	if a := o.action; a != nil && t.written(a) {
		class := t.foldAction(a, len(classes) > 0, paths)
		wrote = class == "" && len(classes) == 0
		if class != "" {
			classes = append(classes, class)
			c := t.r.conflict(o, class, t.hits()...)
			if a.Do == DoInsert {
				c.Record, o.action = true, nil
			}
		}
	}
	for _, class := range classes {
		c := o.conflicts[class]
		maps.DeleteFunc(c.Attrs, func(name string, _ Attribute) bool { return t.has(name) })
		target, err := t.compose(t.root, wouldBe)
		at := t.attribute(class, target, err == "", paths)
		t.later = append(t.later, func() { c.Attrs[t.top] = at })
	}
	t.foldKept(o, len(classes) > 0 || wrote)
}

func (t *tree) has(cell string) bool {
	return cell == t.root || strings.HasPrefix(cell, t.root+"/")
}

// written says that an action writes one of the paths, or all of them.
func (t *tree) written(a *Action) bool {
	return slices.ContainsFunc(t.all, func(cell string) bool {
		_, attr := a.Attrs[cell]
		return attr || a.Set[cell] != nil || slices.Contains(a.Unset, cell)
	})
}

// conflicts are the classes in which one of the paths is, sorted.
func (t *tree) conflicts(o *outcome) []Class {
	var classes []Class
	for class, c := range o.conflicts {
		if slices.ContainsFunc(t.all, func(cell string) bool { _, ok := c.Attrs[cell]; return ok }) {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	return classes
}

// paths is what was decided of each path that the attacker wrote.
func (t *tree) paths(o *outcome) map[string]PathValue {
	out := map[string]PathValue{}
	for _, cell := range t.all {
		_, path := topOf(cell)
		say := func(class Class, target audit.Value) {
			out[path] = PathValue{Current: t.r.cells.get(cell).a, Target: target, Class: class}
		}
		if k, ok := o.kept[cell]; ok {
			say(k.Class, k.Current)
		}
		if o.action != nil {
			if at, ok := o.action.Attrs[cell]; ok {
				say(at.Class, at.Target)
			}
		}
		for class, c := range o.conflicts {
			if at, ok := c.Attrs[cell]; ok {
				say(class, at.Target)
			}
		}
	}
	return out
}

// telling leaves out what says no more than the attribute as a whole does: all
// its paths, of one class.
func (t *tree) telling(paths map[string]PathValue) map[string]PathValue {
	if len(paths) == 0 || len(paths) < len(t.all) {
		return paths
	}
	for _, p := range paths {
		if p.Class != paths[""].Class {
			return paths
		}
	}
	return nil
}

// foldAction puts together what an action writes and expects of the attribute.
// Where that cannot be, or another path is a conflict, nothing of the attribute
// is written; the class says why it cannot.
func (t *tree) foldAction(a *Action, blocked bool, paths map[string]PathValue) Class {
	value := func(cell string, c *cell) (audit.Value, bool) {
		if v, ok := a.Set[cell]; ok {
			return v, true
		}
		if a.Do == DoInsert || slices.Contains(a.Unset, cell) {
			return nil, true
		}
		if c.sKnown && t.r.policy.same(c.a, c.s) {
			return c.s, c.aKnown // of null and absent the one that it was
		}
		return c.a, c.aKnown
	}
	target, bad := t.compose(t.root, value)
	current, unseen := t.compose(t.root, asIs)
	if a.Do == DoPatch && bad == "" {
		bad = unseen
	}
	class := ClassRevert
	for _, p := range paths {
		if p.Class == ClassCarried {
			class = ClassCarried
		}
	}
	mine := func(name string, _ audit.Value) bool { return t.has(name) }
	maps.DeleteFunc(a.Set, mine)
	maps.DeleteFunc(a.Expect.Owned, mine)
	maps.DeleteFunc(a.Attrs, func(name string, _ Attribute) bool { return t.has(name) })
	a.Unset = slices.DeleteFunc(a.Unset, t.has)
	a.Expect.Absent = slices.DeleteFunc(a.Expect.Absent, t.has)
	if blocked || bad != "" && a.Do != DoDelete {
		return bad
	}
	if a.Do == DoDelete {
		target, paths = nil, nil
	}
	at := t.attribute(class, target, true, paths)
	t.later = append(t.later, func() {
		t.expect(a, current, unseen == "")
		switch {
		case a.Do == DoDelete:
		case target == nil:
			a.Unset = append(a.Unset, t.top)
		default:
			a.Set[t.top] = target
		}
		a.Attrs[t.top] = at
	})
	return ""
}

func (t *tree) expect(a *Action, current audit.Value, known bool) {
	switch {
	case a.Do == DoInsert || !known:
	case current == nil:
		a.Expect.Absent = append(a.Expect.Absent, t.top)
	default:
		a.Expect.Owned[t.top] = current
	}
}

// foldKept lists the attribute as kept, if it is not told of elsewhere: for the
// last who wrote it, but that a legitimate write may have meant a hostile value of
// one of its paths is not left out for that.
func (t *tree) foldKept(o *outcome, told bool) {
	var last KeptValue
	found := false
	for _, cell := range t.all {
		k, ok := o.kept[cell]
		delete(o.kept, cell)
		newer := compareEvidence(last.By, k.By) < 0
		if (k.Class == ClassCarried) != (last.Class == ClassCarried) {
			newer = k.Class == ClassCarried
		}
		if ok && (!found || newer) {
			last, found = k, true
		}
	}
	if found && !told {
		last.Current, _ = t.compose(t.root, asIs)
		t.later = append(t.later, func() { o.kept[t.top] = last })
	}
}

func asIs(_ string, c *cell) (audit.Value, bool)    { return c.a, c.aKnown }
func wouldBe(_ string, c *cell) (audit.Value, bool) { return c.s, c.sKnown }

// compose makes the value at a path of what each cell says. It cannot where a
// cell is not known (ClassImageRisk), nor where a value is a member of what is
// no object (ClassOrphanPath).
func (t *tree) compose(path string, value func(string, *cell) (audit.Value, bool)) (audit.Value, Class) {
	c := t.r.cells.get(path)
	if c == nil {
		return nil, ""
	}
	v, known := value(path, c)
	if !known {
		return nil, ClassImageRisk
	}
	if !isTree(v) {
		for _, kid := range t.kids[path] {
			if inner, class := t.compose(kid, value); class != "" || !blank(inner) {
				return nil, ClassOrphanPath
			}
		}
		return v, ""
	}
	fields := map[string]audit.Value{}
	for _, kid := range t.kids[path] {
		inner, class := t.compose(kid, value)
		if class != "" {
			return nil, class
		}
		if inner != nil {
			fields[unescapePath(kid[strings.LastIndexByte(kid, '/')+1:])] = inner
		}
	}
	return audit.Object(fields), ""
}

// hits are the hostile changes that wrote any of the paths.
func (t *tree) hits() []int {
	var by []int
	for _, cell := range t.all {
		by = append(by, t.r.cells.get(cell).by...)
	}
	slices.Sort(by)
	return slices.Compact(by)
}

// attribute is the whole attribute's story.
func (t *tree) attribute(class Class, target audit.Value, known bool, paths map[string]PathValue) Attribute {
	at := Attribute{Class: class, By: t.r.ids(t.hits()), Trust: audit.Exact, Paths: t.telling(paths)}
	story := func(what string, value func(string, *cell) (audit.Value, bool)) audit.Value {
		v, bad := t.compose(t.root, value)
		if bad != "" {
			at.Unknown = append(at.Unknown, what)
		}
		return v
	}
	at.Base = story("base", func(_ string, c *cell) (audit.Value, bool) {
		if c.hit {
			return c.base, c.baseKnown
		}
		return c.s, c.sKnown
	})
	at.Theirs, _ = t.compose(t.root, func(_ string, c *cell) (audit.Value, bool) {
		if c.hit {
			return c.theirs, true
		}
		return c.a, c.aKnown
	})
	at.Current = story("current", asIs)
	if at.Target = target; !known {
		at.Unknown, at.Trust = append(at.Unknown, "target"), audit.NoTrust
		return at
	}
	for _, cell := range t.all {
		if c := t.r.cells.get(cell); c.hit {
			at.Trust = min(at.Trust, c.sTrust)
		}
	}
	return at
}
