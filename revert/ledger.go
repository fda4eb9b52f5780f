package revert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// Undo is what a plan takes back of earlier applies. Its zero value is nothing.
type Undo struct {
	Purpose string           // audit.PurposeUndo and the like; empty: to revert a selection
	Plans   []string         // the plans whose applies are taken back, sorted
	Changes []audit.ChangeID // for which changes, sorted
	Since   audit.Time       // of a restore: what was up to then counts as it was, whoever did it
}

// has says whether something is taken back for the change.
func (u *Undo) has(id audit.ChangeID) bool {
	_, ok := slices.BinarySearchFunc(u.Changes, id, compareIDs)
	return ok
}

// before says that the plan restores, and that the change is of the time it
// restores or older.
func (u *Undo) before(c *audit.Change) bool {
	return u.Purpose == audit.PurposeRestore && c.Time <= u.Since
}

// takeLedger makes of the request's ledger what the plan needs of it, or the
// other way round.
func (r *Request) takeLedger() {
	if r.Ledger == nil {
		r.Ledger = &audit.Ledger{Entries: map[audit.ChangeID][]audit.Entry{}, Own: r.Own}
		for id, plan := range r.Reverted {
			r.Ledger.Entries[id] = []audit.Entry{{Plan: plan}}
		}
	}
	r.Reverted = r.Ledger.Without(r.Undo.Plans, r.Undo.Changes)
	r.Own = r.Ledger.Own
}

// stay says which other applies keep changes undone for which an apply is taken
// back; empty: none does.
func (r *Request) stay() string {
	if r.Undo.Purpose != audit.PurposeUndo {
		return ""
	}
	n, by := 0, map[string]bool{}
	for _, id := range r.Undo.Changes {
		if plan, still := r.Reverted[id]; still {
			n++
			by[ShortPlan(plan)] = true
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("changes that stay undone, because other applies undid them too: %d (%s)", n, strings.Join(slices.Sorted(maps.Keys(by)), ", "))
}

// chosenIn is what people had chosen of our own writes among a record's changes.
// Who takes an apply back takes back what was decided with it: then its writes are
// nobody's again.
func (r *Request) chosenIn(ids []audit.ChangeID) map[audit.ChangeID]audit.Choice {
	if len(r.Ledger.Chosen) == 0 {
		return nil
	}
	var chosen map[audit.ChangeID]audit.Choice
	var stands func(string, audit.ChangeID) bool
	for _, id := range ids {
		c, ok := r.Ledger.Chosen[id]
		if !ok {
			continue
		}
		if stands == nil {
			stands = r.Ledger.StandingBut(r.Undo.Plans, r.Undo.has)
		}
		if slices.ContainsFunc(ids, func(other audit.ChangeID) bool { return stands(r.Own[id], other) }) {
			chosen = put(chosen, id, c)
		}
	}
	return chosen
}

// side says whose change it is.
func (r *Request) side(c *audit.Change, id audit.ChangeID, selected bool) side {
	_, reverted := r.Reverted[id]
	_, ours := r.Own[id]
	switch {
	case r.Undo.before(c):
		return legit
	case selected, reverted:
		return hostile
	case ours:
		return own
	}
	return legit
}

// A cover is which changes of a record a plan is about.
type cover struct {
	changes []audit.ChangeID // that it undoes: the selected ones
	undone  []audit.ChangeID // for which it takes earlier applies back
	known   []audit.ChangeID // that the ledger has something on
}

func (c *cover) sort() {
	slices.SortFunc(c.changes, compareIDs)
	slices.SortFunc(c.undone, compareIDs)
}

func (c *cover) empty() bool { return len(c.changes)+len(c.undone) == 0 }

// A rollup is what the ledger has on some records' changes: by plan, each change
// with what the plan's apply did with it. Our own writes are no part of it: that
// they are read from the log alters nothing.
type rollup map[string][]string

// add takes in what the ledger has on a change.
func (r rollup) add(l *audit.Ledger, id audit.ChangeID) {
	for _, e := range l.Entries[id] {
		what := "reverted"
		if e.Undone {
			what = "undone"
		}
		r[e.Plan] = append(r[e.Plan], string(id[:])+what)
	}
}

// roots are a digest for each plan.
func (r rollup) roots() map[string]string {
	roots := map[string]string{}
	for plan, notes := range r {
		h := sha256.New()
		for _, n := range slices.Sorted(slices.Values(notes)) {
			h.Write([]byte(n))
		}
		roots[plan] = hex.EncodeToString(h.Sum(nil))
	}
	return roots
}

// digestRoots is over the plans and their digests.
func digestRoots(roots map[string]string) string {
	h := sha256.New()
	for _, plan := range slices.Sorted(maps.Keys(roots)) {
		fmt.Fprintf(h, "%d %s %s", len(plan), plan, roots[plan])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A StaleError says which applies have changed the ledger of a plan's records
// since the plan was made. It wraps ErrPlanStale.
type StaleError struct {
	Plan  string        // the plan's id
	Moved []audit.Apply // in the order in which they were begun
	Self  bool          // one of them has taken back what this plan had done
}

func (e *StaleError) Error() string {
	var parts []string
	for i := range e.Moved {
		a := &e.Moved[i]
		s := a.Purpose + " " + ShortPlan(a.Plan)
		if a.By != "" {
			s += " by " + short(a.By)
		}
		if a.At != 0 {
			s += " at " + a.At.ISO()
		}
		parts = append(parts, s)
	}
	what := "since it was made, its records were touched by "
	if e.Self {
		what = "it was applied and has been taken back; its records were touched by "
	}
	return fmt.Sprintf("check ledger of plan %s: %v: %s%s", e.Plan, ErrPlanStale, what, strings.Join(parts, ", "))
}

func (e *StaleError) Unwrap() error { return ErrPlanStale }

// Hint says what a person can do about it.
func (e *StaleError) Hint() string {
	if e.Self {
		return "revert redo plans to do it again"
	}
	return "fetch the log and plan again; nothing was written"
}

// ShortPlan is how people name a plan: the begin of its digest.
func ShortPlan(digest string) string { return digest[:min(len(digest), idLength)] }

// CheckLedger makes sure that no other apply has touched the plan's records since
// the plan was made; else it fails with a StaleError. What the plan's own apply
// has done is no obstacle: it is to be taken up. Records are the histories of the
// plan's records as they are now.
func CheckLedger(ctx context.Context, p *Plan, l *audit.Ledger, records iter.Seq2[Record, error]) error {
	others := slices.ContainsFunc(l.Applies, func(a audit.Apply) bool { return a.Plan != p.Header.Digest })
	if !others && len(p.Header.Applies) == 0 {
		return nil // and the histories need not be read
	}
	now := rollup{}
	for rec, err := range OfCluster(records, p.Header.Policy.Cluster) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("check ledger of plan %s: %w", p.Header.ID, err)
		}
		for i := range rec.Changes {
			now.add(l, rec.Changes[i].Identify())
		}
	}
	roots := now.roots()
	delete(roots, p.Header.Digest)
	if digestRoots(roots) == p.Header.Ledger {
		return nil
	}
	e := &StaleError{Plan: p.Header.ID}
	known := map[string]bool{}
	for i := range l.Applies {
		a := l.Applies[i]
		known[a.Plan] = true
		if roots[a.Plan] != p.Header.Applies[a.Plan] {
			e.Moved = append(e.Moved, a)
			e.Self = e.Self || slices.Contains(a.Undoes, p.Header.Digest)
		}
	}
	for _, plan := range slices.Sorted(maps.Keys(p.Header.Applies)) {
		if !known[plan] {
			e.Moved = append(e.Moved, audit.Apply{Plan: plan, Purpose: "an apply that this ledger does not have,"})
		}
	}
	return e
}
