package rules

import (
	"cmp"
	"fmt"
	"recourse/audit"
	"slices"
	"strings"
)

// Evidence is what an alert lists that Eval returned and that was saved with the
// state. With Options.Listed it is not asked for.
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

// order puts the restored groups in the order in which they were touched, and
// counts what they hold.
func (r *ruleState) order() {
	groups := slices.Collect(r.held.all())
	slices.SortFunc(groups, func(a, b *group) int { return cmp.Compare(a.touched, b.touched) })
	kept := 0
	for _, g := range groups {
		r.held.touch(g)
		kept += r.held.rest(g)
		g.isSaved()
		r.w.kept += len(g.entries)
		if len(g.entries) == 0 {
			continue
		}
		g.low = after(g.entries, g.entries[len(g.entries)-1].time-r.w.size)
		if r.w.tallies && len(g.entries) > fewEntries {
			g.tally()
		}
	}
	r.held.spend(kept + r.w.kept*entryBytes - r.held.bytes)
	r.held.tidy()
}

// findEvidence gives open alerts the evidence that their state only counts.
func (e *Engine) findEvidence(evidence Evidence) error {
	for _, r := range e.rules {
		for g := range r.held.all() {
			for _, a := range g.alerts {
				if e.opts.Listed != nil {
					a.stored, a.unread = a.listed, a.count > a.listed
					continue
				}
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
