package rules

import (
	"maps"
	"slices"
	"strings"
	"time"

	"recourse/audit"

	"github.com/expr-lang/expr/types"
)

// environment is the names that conditions know, with their types.
func environment() types.Map {
	record, texts := types.TypeOf(map[string]any{}), types.TypeOf([]string{})
	env := types.Map{
		"before": record, "after": record,
		"before_state": types.String, "after_state": types.String,
		"before_trust": types.String, "after_trust": types.String,
		"changed": texts, "added": texts, "removed": texts, "written": texts, "new_texts": texts,
		"op": types.String, "op_reported": types.String, "kind": types.String,
		"user": types.String, "node": types.String,
		"db": types.String, "table": types.String, "table_name": types.String,
		"id": types.Any, "key": types.String,
		"ts": types.Float64, "lag": types.Any, "hour": types.Int, "weekday": types.String,
		"txn_size": types.Int, "late": types.Bool, "lossy": types.Bool,
		"$run": types.TypeOf((*run)(nil)),
	}
	maps.Copy(env, moreNames())
	return env
}

// reserved says that a name means something in conditions already.
func reserved(name string) bool {
	_, variable := environment()[name]
	_, call := functions()[name]
	return variable || call || predicates[name] != 0 || slices.Contains(roots(), name)
}

// A demand is what a condition reads of a change, so that no more is decoded.
type demand struct {
	names         map[string]bool // plain variables
	before, after bool            // any of the image
	index         bool            // attributes by name
	beforeAttrs   map[string]bool // attributes named in the text
	afterAttrs    map[string]bool
	beforeAll     bool // the whole image
	afterAll      bool
}

func newDemand() demand {
	return demand{names: map[string]bool{}, beforeAttrs: map[string]bool{}, afterAttrs: map[string]bool{}}
}

func (d *demand) add(e demand) {
	d.before, d.after, d.index = d.before || e.before, d.after || e.after, d.index || e.index
}

// variable notes that a condition reads a name.
func (d *demand) variable(name string) {
	switch name {
	case "before_state", "before_trust", "before":
		d.before = true
	case "after_state", "after_trust", "after":
		d.after = true
	case "changed", "added", "removed", "written", "new_texts":
		d.before, d.after, d.index = true, true, true
	}
	d.names[name] = true
}

// A view is one change as conditions see it. It is used again for the next
// change, so nothing of it may be kept.
type view struct {
	c             *audit.Change
	labels        *labeller
	env           map[string]any
	run           run
	before, after map[string]audit.Value // nil until a condition asks
	indexed       bool
	diffed        bool
}

func newView(l *labeller) *view {
	v := &view{labels: l, env: map[string]any{}}
	v.run.view = v
	v.env["$run"] = &v.run
	v.env["before"], v.env["after"] = map[string]any{}, map[string]any{}
	return v
}

// load turns to another change.
func (v *view) load(c *audit.Change) {
	v.c, v.indexed, v.diffed = c, false, false
	before, after := v.env["before"].(map[string]any), v.env["after"].(map[string]any)
	clear(before)
	clear(after)
	clear(v.env)
	v.env["$run"], v.env["before"], v.env["after"] = &v.run, before, after
	v.before, v.after = nil, nil
}

// provide fills in what a condition reads and the view does not have yet.
func (v *view) provide(d *demand) {
	for name := range d.names {
		if _, done := v.env[name]; !done {
			v.env[name] = v.variable(name)
		}
	}
	if d.index {
		v.index()
	}
	fill(v.env["before"].(map[string]any), v.c.Before.Body, d.beforeAttrs, d.beforeAll)
	fill(v.env["after"].(map[string]any), v.c.After.Body, d.afterAttrs, d.afterAll)
}

// fill decodes the attributes of body that are named, or all of them.
func fill(into map[string]any, body audit.Value, names map[string]bool, all bool) {
	if !all && len(names) == 0 {
		return
	}
	for name, val := range body.Fields() {
		if all || names[name] {
			if _, done := into[name]; !done {
				into[name] = fromValue(val)
			}
		}
	}
}

func (v *view) variable(name string) any {
	c := v.c
	switch name {
	case "before_state":
		return c.Before.State.String()
	case "after_state":
		return c.After.State.String()
	case "before_trust":
		return c.Before.Trust.String()
	case "after_trust":
		return c.After.Trust.String()
	case "changed", "added", "removed":
		v.diff()
		return v.env[name]
	case "written":
		return v.written()
	case "new_texts":
		return v.newTexts()
	case "op_reported":
		return string(c.Reported)
	case "id":
		return fromValue(c.Key.ID.Value())
	case "ts":
		return float64(c.Time)
	case "lag":
		if c.Observed == 0 {
			return nil
		}
		return float64(c.Observed - c.Time)
	case "hour":
		return c.Time.Go().Hour()
	case "weekday":
		return strings.ToLower(c.Time.Go().Weekday().String())
	case "txn_size":
		return c.Group.Size
	case "late":
		return c.Late
	case "lossy":
		return c.Lossy
	}
	if x, known := v.further(name); known {
		return x
	}
	return fieldOf(c, name)
}

func (v *view) index() {
	if v.indexed {
		return
	}
	v.indexed = true
	v.before, v.after = attributesOf(v.c.Before.Body), attributesOf(v.c.After.Body)
}

func attributesOf(body audit.Value) map[string]audit.Value {
	m := maps.Collect(body.Fields())
	return m
}

// bookkeeping says that Harper itself keeps an attribute; it differs in every
// write and says nothing of what was done.
func bookkeeping(name string) bool { return name == "__createdtime__" || name == "__updatedtime__" }

// diff fills changed, added and removed. They are empty when an image is not
// known.
func (v *view) diff() {
	if v.diffed {
		return
	}
	v.diffed = true
	v.index()
	changed, added, removed := []string{}, []string{}, []string{}
	if v.c.Before.State != audit.Unknown && v.c.After.State != audit.Unknown {
		for name, old := range v.before {
			if next, ok := v.after[name]; !ok {
				removed = append(removed, name)
			} else if old.Equal(next) {
				continue
			}
			changed = append(changed, name)
		}
		for name := range v.after {
			if _, ok := v.before[name]; !ok {
				added, changed = append(added, name), append(changed, name)
			}
		}
	}
	for key, names := range map[string][]string{"changed": changed, "added": added, "removed": removed} {
		names = slices.DeleteFunc(names, bookkeeping)
		slices.Sort(names)
		v.env[key] = names
	}
}

// written is the attributes that changed; all of the record's when what it was
// before is not known, since any of them may have.
func (v *view) written() []string {
	v.diff()
	if v.c.Before.State != audit.Unknown {
		return v.env["changed"].([]string)
	}
	names := []string{}
	for name := range v.after {
		if !bookkeeping(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// newTexts is the texts, however deep, of what was written.
func (v *view) newTexts() []string {
	out := []string{}
	for _, name := range v.written() {
		collectTexts(fromValue(v.after[name]), func(s string) { out = append(out, s) })
	}
	return out
}

// weekdays is what weekday can be.
func weekdays() []string {
	var out []string
	for d := time.Sunday; d <= time.Saturday; d++ {
		out = append(out, strings.ToLower(d.String()))
	}
	return out
}
