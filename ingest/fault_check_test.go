package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A verdict holds the store of a world against the truth.
type verdict struct {
	w        *world
	stored   map[fact][]audit.Change
	spans    []audit.Span
	gaps     []audit.Gap
	problems []string
}

// check is what is wrong with the store.
func (w *world) check() []string {
	v := &verdict{w: w, stored: map[fact][]audit.Change{}}
	ctx := context.Background()
	for _, t := range w.tables {
		for c, err := range w.db.TableChanges(ctx, t, 0, 1e300) {
			if err != nil {
				return []string{err.Error()}
			}
			f := fact{t, c.Key.ID, c.Time, c.Op.Kind()}
			v.stored[f] = append(v.stored[f], c)
		}
	}
	var err error
	if v.spans, err = w.db.Spans(ctx); err != nil {
		return []string{err.Error()}
	}
	if v.gaps, err = w.db.Gaps(ctx); err != nil {
		return []string{err.Error()}
	}
	v.forgive()
	of := func(t audit.Table) bool { return !slices.Contains(w.tables, t) }
	v.spans = slices.DeleteFunc(v.spans, func(s audit.Span) bool { return of(s.Table) })
	v.gaps = slices.DeleteFunc(v.gaps, func(g audit.Gap) bool { return of(g.Table) || g.Healed != 0 })
	v.changes()
	for _, n := range w.nodes {
		v.missing(n)
	}
	v.cuts(ctx)
	slices.Sort(v.problems)
	return v.problems
}

// forgive has the truth agree with what is stored as an inference: what kind of
// change it was, nobody could tell any more when it was read, and another node's
// log may have told more. That it says so is what counts; how often it is wrong
// is reported.
func (v *verdict) forgive() {
	for f, changes := range v.stored {
		most := 0
		for _, n := range v.w.nodes {
			most = max(most, n.truth.count[f])
		}
		for i, c := range slices.Backward(changes) {
			if c.Note != inferred || len(v.stored[f]) <= most {
				continue
			}
			v.stored[f] = slices.Delete(slices.Clone(v.stored[f]), i, i+1)
			v.w.wrongGuesses++
			for _, n := range v.w.nodes {
				n.truth.guessed(f, v.stored)
			}
		}
	}
}

func (v *verdict) bad(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// changes looks at each stored change: that it happened, once, so, and then.
func (v *verdict) changes() {
	for f, changes := range v.stored {
		most := 0
		for _, n := range v.w.nodes {
			most = max(most, n.truth.count[f])
		}
		if len(changes) > most {
			v.bad("%s: stored %d times, happened %d times", f, len(changes), most)
			for _, c := range changes {
				v.bad("%s:   %s (%s) of a group %+v, seen %s, late: %v; %s", f, c.Op, c.Reported, c.Group, c.Observed, c.Late, c.Note)
			}
		}
		for i := range changes {
			v.change(f, &changes[i])
		}
	}
}

func (v *verdict) change(f fact, c *audit.Change) {
	right, user, behind, prompt := false, false, false, len(v.w.nodes) == 1 && !v.w.stepped
	for _, n := range v.w.nodes {
		right = right || n.truth.right(f, c.After)
		for _, l := range n.truth.entries {
			if l.fact == f {
				user = user || l.User == c.User
				behind = behind || l.behind && n.name == c.Node
				prompt = prompt && l.prompt
			}
		}
	}
	if !user && c.Note != inferred {
		v.bad("%s: by %q, which is nobody who did it; %s", f, c.User, c.Note)
	}
	if c.After.Trust > audit.Provisional && !right {
		v.bad("%s (%s): the %s image is wrong: %s %s", f, c.Op, c.After.Trust, c.After.State, c.After.Body.JSON())
	}
	if f.kind == audit.KindMessage {
		return
	}
	if behind && !c.Late && !v.w.stepped {
		v.bad("%s: came long after its time and is not called late", f)
	}
	if prompt && c.Late {
		v.bad("%s: came at its time and is called late", f)
	}
}

// missing looks at each entry that a node's log held and that is not stored:
// whether the store says so, and whether it had to be.
func (v *verdict) missing(n *member) {
	lack, told := map[fact]int{}, map[fact]int{}
	for _, l := range n.truth.entries {
		if lack[l.fact] = n.truth.count[l.fact] - len(v.stored[l.fact]); lack[l.fact] > 0 && (l.traceless || !v.claimed(n.name, l.Table, l.at(v.w.line))) {
			told[l.fact]++
		}
	}
	for _, l := range n.truth.entries {
		if v.w.purged && v.w.stepped {
			break // a log that is deleted while the clock is set leaves no proof
		}
		if l.Type == "reload" || lack[l.fact] <= told[l.fact] {
			continue
		}
		v.bad("%s (%s): not stored, although %s is said to be read at %s; it shows it: %v", l.fact, l.Type, n.name, l.at(v.w.line), n.wire.shows(l))
	}
	for _, l := range n.truth.entries {
		if lack[l.fact] > 0 && l.Type != "reload" && lack[l.fact] == n.truth.count[l.fact] && n.wire.shows(l) {
			v.bad("%s (%s): not stored, although %s shows it at %s", l.fact, l.Type, n.name, l.at(v.w.line))
		}
	}
}

// claimed says that the store claims to know what a node's log had at a time.
func (v *verdict) claimed(node string, t audit.Table, at audit.Time) bool {
	return slices.ContainsFunc(v.spans, func(s audit.Span) bool {
		return s.Node == node && s.Table == t && s.From <= at && at < s.To
	}) && !slices.ContainsFunc(v.gaps, func(g audit.Gap) bool {
		return g.Node == node && g.Table == t && g.From <= at && at < g.End()
	})
}

// shows says that the server shows an entry to whoever asks for just that.
func (w *wire) shows(l *logged) bool {
	at := l.LocalTime
	for row, err := range w.AuditLog(context.Background(), harper.AuditQuery{Table: l.Table, From: at, To: at + 0.0005}) {
		if err != nil {
			return false
		}
		if row.ID == l.ID && row.Time == l.Version {
			return true
		}
	}
	return false
}

// cuts looks for what accuses somebody of a deletion that was none.
func (v *verdict) cuts(ctx context.Context) {
	// What a node whose clock is an hour behind deletes past the retention seems too
	// young for that by the times that another has given it.
	if v.w.purged || v.w.stepped && v.w.kept < 24*time.Hour && len(v.w.nodes) > 1 {
		return
	}
	for _, g := range v.gaps {
		if g.Kind == audit.GapPurged || g.Kind == audit.GapOutage && v.w.kept > 6*time.Hour {
			v.bad("a gap without a cause: %+v", g)
		}
	}
	alerts, err := v.w.db.Alerts(ctx)
	if err != nil {
		v.bad("%v", err)
	}
	for _, a := range alerts {
		if a.Rule == string(LogPurged) && slices.ContainsFunc(v.w.tables, func(t audit.Table) bool { return a.Group["table"] == t.String() || a.Group["database"] == t.Database }) {
			v.bad("an alert without a cause: %s %v", a.Title, a.Group)
		}
	}
}
