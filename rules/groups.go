package rules

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"recourse/audit"
)

// group is the change's group of the rule, made if need be, as the most
// recently touched.
func (r *ruleState) group(e *Engine, c *audit.Change, each string) *group {
	name := r.name[:0]
	for _, field := range r.Window.By {
		name = appendPart(name, bounded(e.field(c, field)))
	}
	if r.Alerting.Missing == MissingOwn && e.lacks(r, c) {
		name = appendPart(name, bounded(e.field(c, "key")))
	}
	if r.each != nil {
		name = appendPart(name, each)
	}
	r.name = name
	el := r.found(e, name)
	if el == nil {
		r.makeRoom(e)
		el = r.begin(string(name), e.values(r, c, each))
	}
	return r.touch(e, el)
}

// groupOf is the group of such values, made if need be, as the most recently
// touched.
func (r *ruleState) groupOf(e *Engine, values []string) *group {
	r.name = appendName(r.name[:0], values)
	el := r.found(e, r.name)
	if el == nil {
		r.makeRoom(e)
		el = r.begin(string(r.name), values)
	}
	return r.touch(e, el)
}

// found is the group of that name, or nil if there is none or none any more.
func (r *ruleState) found(e *Engine, name []byte) *list.Element {
	el := r.groups[string(name)]
	if el != nil && e.expired(r, el.Value.(*group)) {
		r.drop(el)
		return nil
	}
	return el
}

func (r *ruleState) touch(e *Engine, el *list.Element) *group {
	g := el.Value.(*group)
	r.touches++
	g.touched, g.observed = r.touches, e.observedClock
	r.recent.MoveToBack(el)
	g.mark(r)
	return g
}

// mark notes that a group is to be saved.
func (g *group) mark(r *ruleState) {
	if g.dirty {
		return
	}
	g.dirty = true
	const few = 1024
	if len(r.dirty) >= few+2*len(r.groups) { // most are of groups that are dropped, and may never be saved
		r.dirty = slices.DeleteFunc(r.dirty, func(d *group) bool { return d.dropped })
	}
	r.dirty = append(r.dirty, g)
}

// values are what the changes of a group have in common.
func (e *Engine) values(r *ruleState, c *audit.Change, each string) []string {
	values := make([]string, 0, len(r.Window.By)+1)
	for _, field := range r.Window.By {
		values = append(values, bounded(e.field(c, field)))
	}
	if r.Alerting.Missing == MissingOwn && e.lacks(r, c) {
		values = append(values, bounded(e.field(c, "key")))
	}
	if r.each != nil {
		values = append(values, each)
	}
	return values
}

// lacks says that a change has no value in a field that makes its group.
func (e *Engine) lacks(r *ruleState, c *audit.Change) bool {
	return slices.ContainsFunc(r.Window.By, func(field string) bool { return e.field(c, field) == "" })
}

// begin makes a group that has no changes yet, as the most recently touched.
func (r *ruleState) begin(name string, values []string) *list.Element {
	g := &group{values: values, name: name}
	el := r.recent.PushBack(g)
	r.groups[g.name] = el
	return el
}

// groupName is what a group is found by while the engine runs: its values, each
// after its length.
func groupName(values []string) string { return string(appendName(nil, values)) }

func appendName(name []byte, values []string) []byte {
	for _, v := range values {
		name = appendPart(name, v)
	}
	return name
}

func appendPart(name []byte, value string) []byte {
	return append(binary.AppendUvarint(name, uint64(len(value))), value...)
}

// field is fieldOf; what is made of several parts is made once a change.
func (e *Engine) field(c *audit.Change, name string) string {
	made := (*string)(nil)
	switch name {
	case "table":
		made = &e.tableText
	case "key":
		made = &e.keyText
	default:
		return fieldOf(c, name)
	}
	if *made == "" {
		*made = fieldOf(c, name)
	}
	return *made
}

// expired says that nothing can come any more that the group's changes matter
// for. It depends on nothing but what the engine was given.
func (e *Engine) expired(r *ruleState, g *group) bool {
	reach := r.w.keep
	return e.observedClock-g.observed > reach && e.eventClock-max(g.newest, g.cursor) > reach
}

// makeRoom lets the least recently touched groups go: all that have expired,
// and one that has not if there are too many.
func (r *ruleState) makeRoom(e *Engine) {
	r.expire(e)
	if len(r.groups) >= r.w.maxGroups {
		r.evict(e)
	}
}

// evict lets the least recently touched group go for want of room.
func (r *ruleState) evict(e *Engine) {
	r.stats.GroupsEvicted++
	r.learning.evicted = e.watermark
	r.drop(r.recent.Front())
}

// expire lets the groups go that have expired, but for those that one which has not
// was touched before. When it is done changes no alert.
func (r *ruleState) expire(e *Engine) {
	for el := r.recent.Front(); el != nil && e.expired(r, el.Value.(*group)); el = r.recent.Front() {
		r.drop(el)
	}
}

func (r *ruleState) drop(el *list.Element) {
	g := r.recent.Remove(el).(*group)
	r.w.kept -= len(g.entries)
	delete(r.groups, g.name)
	g.dropped = true
	if g.saved {
		r.gone[g.name] = true
	}
}

// alertID is the same for the same rule, group and first change, whenever and
// wherever the rule is run.
func (w *windowing) alertID(values []string, first audit.Seq) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %d", w.rule.ID, w.rule.Hash, values, first)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// alert is an open alert as others see it.
func (r *ruleState) alert(g *group, a *openAlert) audit.Alert {
	fields := g.fields
	if fields == nil {
		fields = make(map[string]string, len(g.values))
		for i, name := range r.Window.By {
			fields[name] = g.values[i]
		}
		if r.each != nil {
			fields["each"] = g.values[len(g.values)-1]
		}
		g.fields = fields
	}
	known := func(name string) string {
		switch name {
		case "count":
			return strconv.Itoa(a.count)
		case "window":
			return shortDuration(r.Window.Size)
		case "rule":
			return r.Name
		case "severity":
			return string(r.Severity)
		}
		return fields[name]
	}
	return audit.Alert{
		ID: a.id, Rule: r.ID, RuleName: r.Name, Severity: string(r.Severity), Risk: r.Risk,
		Attack: slices.Clone(r.Attack), State: audit.AlertOpen,
		Title: r.title.render(known), Group: fields,
		FirstSeq: a.firstSeq, LastSeq: a.lastSeq, FirstTime: a.first, LastTime: a.last,
		Count: a.count, Changes: slices.Clip(a.evidence),
		Unknown: a.unknown, Suppressed: a.count - len(a.evidence), Late: a.late, Folded: a.folded, Alerts: a.parts, MergedInto: a.into,
		Experimental: r.Status == Experimental, Inhibits: r.Inhibits, Runbook: r.Runbook,
		Dedupe: audit.Duration(millis(r.Alerting.Dedupe)), GroupBy: r.Alerting.GroupBy, Realert: r.Alerting.ReAlert,
	}
}
