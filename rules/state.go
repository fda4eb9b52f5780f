package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
)

// What an engine keeps over a restart, under these names: the engine's own; a
// snapshot of all rules and groups, in one piece or more; and what has changed
// since then, saving by saving.
const (
	engineState    = "engine"
	snapshotPrefix = "snapshot/"
	deltaPrefix    = "delta/"
)

const (
	// A snapshot is taken again when what has changed since the last is more than
	// half of it and this, or was saved more often than this: much is then read and
	// kept that no longer counts.
	littleDelta = 16 << 10
	mostDeltas  = 256
	// mostSnapshot is about the size of a piece of a snapshot.
	mostSnapshot = 8 << 20
)

// ErrState says that an engine's saved state cannot be read.
var ErrState = errors.New("the rules' state is damaged")

// A kept is what of the engine's state was saved.
type kept struct {
	snapshots, deltas int  // values that there are
	size, since       int  // bytes of the snapshot, and of what came after it
	stale             bool // some of it is of no use any more
}

func snapshotName(n int) string { return fmt.Sprintf("%s%08d", snapshotPrefix, n) }
func deltaName(n int) string    { return fmt.Sprintf("%s%08d", deltaPrefix, n) }

// State is what has changed of the engine's state since the last call: names
// with their new value, or nil for those to be removed. It belongs into the
// transaction that saves the alerts that Eval returned and the number of the last
// change; all that was ever saved and not removed is what Restore takes. When
// saving fails, make a new engine and restore it.
func (e *Engine) State() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range e.gone {
		out[name] = nil
	}
	for _, r := range e.rules {
		r.expire(e)
	}
	if err := e.saveChanged(out); err != nil {
		return nil, fmt.Errorf("save rules' state: %w", err)
	}
	head, err := cbor.Marshal(savedHead{Seq: e.seq, Changes: e.changes, Snapshots: e.kept.snapshots, Deltas: e.kept.deltas,
		EventClock: float64(e.eventClock), ObservedClock: float64(e.observedClock), Watermark: float64(e.watermark),
		Newest: float64(e.newest), Begun: e.begun})
	if err != nil {
		return nil, fmt.Errorf("save rules' state: %w", err)
	}
	out[engineState] = head
	for _, t := range e.tables {
		t.dirty = false
	}
	for _, r := range e.rules {
		r.changed, r.fresh = false, false
		for _, g := range r.dirty {
			g.dirtyAt, g.saved = 0, true
		}
		clear(r.dirty)
		r.dirty = r.dirty[:0]
		clear(r.gone)
	}
	e.gone = nil
	return out, nil
}

// saveChanged saves what has changed, or all if that is little more.
func (e *Engine) saveChanged(out map[string][]byte) error {
	all, dirty := 0, 0
	for _, r := range e.rules {
		all += r.held.n
		dirty += len(r.dirty)
	}
	if e.kept.snapshots == 0 || e.kept.stale || e.kept.deltas == mostDeltas || dirty > 64 && dirty > all/2 {
		return e.saveAll(out)
	}
	w := newStateWriter()
	for _, r := range e.rules {
		if !r.changed && len(r.gone) == 0 {
			continue
		}
		if err := w.rule(r); err != nil {
			return err
		}
		w.ofRule(r, true)
		for name := range r.gone {
			w.gone(name)
		}
		for _, g := range r.dirty {
			w.group(r.held, g)
		}
	}
	w.tables(e, false)
	if e.kept.since += len(w.b); e.kept.since > littleDelta+e.kept.size/2 {
		return e.saveAll(out)
	}
	if len(w.b) > 0 {
		out[deltaName(e.kept.deltas)] = w.b
		e.kept.deltas++
	}
	return nil
}

// saveAll takes a snapshot in place of all that was kept.
func (e *Engine) saveAll(out map[string][]byte) error {
	was := e.kept
	e.kept = kept{}
	for n := range was.deltas {
		out[deltaName(n)] = nil
	}
	for n := range was.snapshots {
		out[snapshotName(n)] = nil
	}
	w := newStateWriter()
	cut := func() {
		if len(w.b) == 0 { // without rules there is nothing to keep
			return
		}
		e.kept.size += len(w.b)
		out[snapshotName(e.kept.snapshots)] = w.take()
		e.kept.snapshots++
	}
	for _, r := range e.rules {
		if err := w.rule(r); err != nil {
			return err
		}
		w.ofRule(r, false)
		for g := range r.held.all() {
			if w.group(r.held, g); len(w.b) < mostSnapshot {
				continue
			}
			cut()
			if err := w.rule(r); err != nil {
				return err
			}
		}
	}
	w.tables(e, true)
	cut()
	return nil
}

// Evidence is what an alert lists that Eval returned and that was saved with the
// state.
type Evidence func(alert string) ([]audit.Evidence, error)

// Restore gives a new engine the state that another one had. A rule whose
// definition is no longer the same begins anew. The engine is not to be used
// after an error.
func (e *Engine) Restore(state map[string][]byte, evidence Evidence) error {
	if len(state) == 0 {
		return nil
	}
	if err := e.restore(state); err != nil {
		return err
	}
	for _, r := range e.rules {
		r.order()
		e.expectAll(r)
	}
	return e.findEvidence(evidence)
}

func (e *Engine) restore(state map[string][]byte) error {
	head, err := readHead(state[engineState])
	if err != nil {
		return e.restoreOld(state)
	}
	e.seq, e.changes = head.Seq, head.Changes
	e.eventClock, e.observedClock = audit.Time(head.EventClock), audit.Time(head.ObservedClock)
	e.watermark, e.newest, e.begun = audit.Time(head.Watermark), audit.Time(head.Newest), head.Begun
	e.kept = kept{snapshots: head.Snapshots, deltas: head.Deltas}
	known := 1
	for n := range head.Snapshots + head.Deltas {
		name := snapshotName(n)
		if n >= head.Snapshots {
			name = deltaName(n - head.Snapshots)
		}
		data, found := state[name]
		if !found {
			return fmt.Errorf("read state %s: %w: it is missing", name, ErrState)
		}
		if err := e.read(data); err != nil {
			return fmt.Errorf("read state %s: %w", name, err)
		}
		if known++; n < head.Snapshots {
			e.kept.size += len(data)
		} else {
			e.kept.since += len(data)
		}
	}
	if known != len(state) {
		for name := range state {
			if !e.names(name) {
				e.gone = append(e.gone, name)
			}
		}
		slices.Sort(e.gone)
	}
	return nil
}

// expectAll has what a restored rule waits for decided and heard in time.
func (e *Engine) expectAll(r *ruleState) {
	for g := range r.held.all() {
		for i := range g.entries {
			if n := &g.entries[i]; n.open {
				e.await(r, g, n)
			}
		}
	}
	for _, h := range r.waiting {
		e.expect(r, h)
	}
}

// names says that something is under that name.
func (e *Engine) names(name string) bool {
	var n int
	switch {
	case name == engineState:
		return true
	case strings.HasPrefix(name, snapshotPrefix):
		_, err := fmt.Sscanf(name[len(snapshotPrefix):], "%d", &n)
		return err == nil && n < e.kept.snapshots && name == snapshotName(n)
	case strings.HasPrefix(name, deltaPrefix):
		_, err := fmt.Sscanf(name[len(deltaPrefix):], "%d", &n)
		return err == nil && n < e.kept.deltas && name == deltaName(n)
	}
	return false
}

// restore takes a group in place of that of its name.
func (r *ruleState) restore(of *readGroup) {
	r.name = appendName(r.name[:0], of.values)
	if old := r.held.find(r.name); old != nil {
		r.held.drop(old)
	}
	g := r.held.begin(r.name)
	g.begun, g.rewound, g.behind, g.newest, g.cursor = of.begun, of.rewound, of.behind, of.newest, of.cursor
	g.touched, g.observed, g.term = of.touched, of.observed, of.term
	if of.history != nil || len(of.alerts) > 0 || len(of.entries) > 0 {
		r.held.open(g)
		g.history, g.alerts = of.history, of.alerts
	}
	g.saved = true
	for i := range of.entries {
		from := &of.entries[i]
		n := from.entry
		if from.alert != "" {
			n.told = r.held.tell(hearsay{alert: from.alert, rule: from.rule, on: from.evidence})
		} else {
			n.key = r.held.texts.putKey(audit.Key{Table: audit.Table{Database: from.evidence.Database, Name: from.evidence.Table}, ID: from.evidence.Key})
		}
		if r.w.distinct != "" {
			n.counted = g.tallies.take(r.held, []byte(from.counted))
		}
		g.entries = append(g.entries, n)
	}
}

// order puts the restored groups in the order in which they were touched, and
// counts what they hold.
func (r *ruleState) order() {
	groups := slices.Collect(r.held.all())
	slices.SortFunc(groups, func(a, b *group) int { return cmp.Compare(a.touched, b.touched) })
	for _, g := range groups {
		r.held.touch(g)
		r.w.kept += len(g.entries)
		if len(g.entries) == 0 {
			continue
		}
		g.low = after(g.entries, g.entries[len(g.entries)-1].time-r.w.size)
		if r.w.distinct == "" {
			continue
		}
		for i := g.low; i < len(g.entries); i++ {
			g.tallies.enter(g.entries[i].counted)
		}
	}
	r.held.tidy()
}

// findEvidence gives open alerts the evidence that their state only counts.
func (e *Engine) findEvidence(evidence Evidence) error {
	for _, r := range e.rules {
		for g := range r.held.all() {
			for _, a := range g.alerts {
				var err error
				if a.count > a.listed && e.opts.Folded != nil {
					if a.folded, err = e.opts.Folded(a.id); err != nil {
						return fmt.Errorf("read the evidence of alert %s: %w", a.id, err)
					}
				}
				if len(a.evidence) == a.listed {
					continue
				}
				if a.evidence, err = evidence(a.id); err != nil {
					return fmt.Errorf("read the evidence of alert %s: %w", a.id, err)
				}
				if len(a.evidence) != a.listed {
					return fmt.Errorf("read the evidence of alert %s: %w: it lists %d changes, and the rules had %d", a.id, ErrState, len(a.evidence), a.listed)
				}
			}
		}
	}
	return nil
}
