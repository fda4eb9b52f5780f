package rules

import (
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
func (r *ruleState) group(e *Engine, c *audit.Change, each []byte) *group {
	name := r.name[:0]
	for _, field := range r.Window.By {
		name = appendPart(name, e.field(c, field))
	}
	if r.Alerting.Missing == MissingOwn && e.lacks(r, c) {
		name = appendPart(name, e.field(c, "key"))
	}
	if r.each != nil {
		name = appendPart(name, each)
	}
	r.name = name
	return r.named(e)
}

// groupOf is the group of such values, made if need be, as the most recently
// touched.
func (r *ruleState) groupOf(e *Engine, values []string) *group {
	r.name = appendName(r.name[:0], values)
	return r.named(e)
}

// named is the group of the name at hand.
func (r *ruleState) named(e *Engine) *group {
	g := r.held.find(r.name)
	if g != nil && e.expired(r, g) {
		r.drop(g)
		g = nil
	}
	if g == nil {
		r.makeRoom(e)
		g = r.held.begin(r.name)
	}
	return r.touch(e, g)
}

func (r *ruleState) touch(e *Engine, g *group) *group {
	r.touches++
	g.touched, g.observed = r.touches, e.observedClock
	r.held.touch(g)
	g.mark(r)
	return g
}

// mark notes that a group is to be saved.
func (g *group) mark(r *ruleState) {
	if g.dirtyAt == 0 && !g.dropped {
		r.dirty = append(r.dirty, g)
		g.dirtyAt = len(r.dirty)
	}
}

// lacks says that a change has no value in a field that makes its group.
func (e *Engine) lacks(r *ruleState, c *audit.Change) bool {
	return slices.ContainsFunc(r.Window.By, func(field string) bool { return len(e.field(c, field)) == 0 })
}

func appendName(name []byte, values []string) []byte {
	for _, v := range values {
		name = append(binary.AppendUvarint(name, uint64(len(v))), v...)
	}
	return name
}

func appendPart(name, value []byte) []byte {
	return append(binary.AppendUvarint(name, uint64(len(value))), value...)
}

// firstPart is what appendPart added first, and the rest.
func firstPart(all []byte) (value, rest []byte) {
	n, size := binary.Uvarint(all)
	end := size + int(n)
	return all[size:end], all[end:]
}

// field is fieldOf, bounded. It is good until the next change.
func (e *Engine) field(c *audit.Change, name string) []byte {
	for i := range e.fields {
		if f := &e.fields[i]; f.name == name {
			if f.turn != e.facts.turn {
				f.turn = e.facts.turn
				f.value = appendField(f.value[:0], c, name)
			}
			return f.value
		}
	}
	return nil
}

func appendField(to []byte, c *audit.Change, name string) []byte {
	switch name {
	case "table", "key":
		to = append(append(append(to, c.Key.Table.Database...), '.'), c.Key.Table.Name...)
		if name == "key" {
			to = append(append(to, '/'), c.Key.ID...)
		}
	default:
		to = append(to, fieldOf(c, name)...)
	}
	return boundedBytes(to)
}

// A fieldValue is a field of the change of that turn.
type fieldValue struct {
	name  string
	turn  uint64
	value []byte
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
	if r.held.n >= r.w.maxGroups {
		r.evict(e)
	}
}

// evict lets the least recently touched group go for want of room.
func (r *ruleState) evict(e *Engine) {
	r.stats.GroupsEvicted++
	r.learning.evicted = e.watermark
	r.drop(r.held.at(r.held.front))
}

// expire lets the groups go that have expired, but for those that one which has not
// was touched before. When it is done changes no alert.
func (r *ruleState) expire(e *Engine) {
	for g := r.held.at(r.held.front); g != nil && e.expired(r, g); g = r.held.at(r.held.front) {
		r.drop(g)
	}
}

func (r *ruleState) drop(g *group) {
	r.w.holds(-len(g.entries))
	if g.forget(r); g.saved {
		r.gone = appendPart(r.gone, r.held.name(g))
	}
	r.held.drop(g)
}

// forget has a group that is dropped not be saved: between two States many more
// groups come and go than there ever are at once.
func (g *group) forget(r *ruleState) {
	if g.dirtyAt == 0 {
		return
	}
	last := len(r.dirty) - 1
	r.dirty[g.dirtyAt-1] = r.dirty[last]
	r.dirty[last].dirtyAt = g.dirtyAt
	r.dirty[last] = nil
	r.dirty = r.dirty[:last]
	g.dirtyAt = 0
}

// alertID is the same for the same rule, group and first change, whenever and
// wherever the rule is run.
func (w *windowing) alertID(values []string, first audit.Seq) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %d", w.rule.ID, w.rule.Hash, values, first)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// fields are a group's values, as alerts show them.
func (r *ruleState) fields(g *group) map[string]string {
	if g.fields == nil {
		values := r.held.values(g)
		g.fields = make(map[string]string, len(values))
		for i, name := range r.Window.By {
			g.fields[name] = values[i]
		}
		if r.each != nil {
			g.fields["each"] = values[len(values)-1]
		}
	}
	return g.fields
}

// alert is an open alert of a group of such values as others see it.
func (r *ruleState) alert(fields map[string]string, a *openAlert) audit.Alert {
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
		Attack: slices.Clip(r.Attack), State: audit.AlertOpen,
		Title: r.title.render(known), Group: fields,
		FirstSeq: a.firstSeq, LastSeq: a.lastSeq, FirstTime: a.first, LastTime: a.last,
		Count: a.count, Changes: slices.Clip(a.evidence), Stored: a.stored,
		Unknown: a.unknown, Suppressed: a.count - a.stored - len(a.evidence), Late: a.late, Folded: a.folded, Alerts: a.parts, MergedInto: a.into,
		Experimental: r.Status == Experimental, Inhibits: r.Inhibits, Runbook: r.Runbook,
		Dedupe: audit.Duration(millis(r.Alerting.Dedupe)), GroupBy: r.Alerting.GroupBy, Realert: r.Alerting.ReAlert,
	}
}
