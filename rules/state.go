package rules

import (
	"errors"
	"fmt"

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
	if e.lists.err != nil {
		return nil, fmt.Errorf("save rules' state: %w", e.lists.err)
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
			g.isSaved()
			for _, a := range g.alerts {
				e.lists.leave(a)
			}
		}
		clear(r.dirty)
		r.dirty = r.dirty[:0]
		r.gone = nil
	}
	e.gone = nil
	return out, nil
}

// saveChanged saves what has changed, or all if that is little more.
func (e *Engine) saveChanged(out map[string][]byte) error {
	if e.kept.snapshots == 0 || e.kept.stale || e.kept.deltas >= mostDeltas {
		return e.saveAll(out)
	}
	w := newStateWriter()
	var deltas [][]byte
	cut := func() (fits bool) {
		e.kept.since += len(w.b)
		if fits = e.kept.since <= littleDelta+e.kept.size/2; fits && len(w.b) > 0 {
			deltas = append(deltas, w.take())
		}
		return fits
	}
	for _, r := range e.rules {
		if !r.changed && len(r.gone) == 0 {
			continue
		}
		if err := w.rule(r); err != nil {
			return err
		}
		w.ofRule(r, true)
		for gone := r.gone; len(gone) > 0; {
			name, rest := firstPart(gone)
			w.gone(name)
			gone = rest
		}
		for _, g := range r.dirty {
			if w.changed(r.held, g); len(w.b) < mostSnapshot {
				continue
			}
			if !cut() {
				return e.saveAll(out)
			}
			if err := w.rule(r); err != nil {
				return err
			}
		}
	}
	w.tables(e, false)
	if !cut() {
		return e.saveAll(out)
	}
	for _, b := range deltas {
		out[deltaName(e.kept.deltas)] = b
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
