package revert

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// ClassCutOff is a conflict: an apply was cut off while it wrote this record, and a
// change that may be its write is not known for one. Whether its changes are
// undone is not known either: the apply is to be taken up, or taken back.
const ClassCutOff Class = "cut-off"

// ClassLagging is a conflict: a write of ours to this record has not been read from
// Harper's log, so the record is not what its history says.
const ClassLagging Class = "lagging"

// lags says that the record's history lacks a write of ours.
func (r *Request) lags(rec *Record) bool {
	return slices.ContainsFunc(r.Wrote[rec.Key], func(t audit.Time) bool {
		return !slices.ContainsFunc(rec.Changes, func(c audit.Change) bool { return c.Time == t })
	})
}

// Wrote is, by record, the times of the writes that a journal has proven.
func Wrote(receipts []audit.Receipt) map[audit.Key][]audit.Time {
	wrote := map[audit.Key][]audit.Time{}
	for i := range receipts {
		if r := &receipts[i]; r.Phase.Done() && r.Version != 0 {
			wrote[r.Key] = append(wrote[r.Key], r.Version)
		}
	}
	return wrote
}

// cutOff are the changes of a record, by their place in its history, that may be
// writes of steps which were cut off.
func (r *Request) cutOff(rec *Record) []int {
	var at []int
	for i := range rec.Changes {
		c := &rec.Changes[i]
		may := func(in audit.Receipt) bool {
			return c.User == in.By && c.Time > in.Guard && c.Op.Kind() != audit.KindMessage
		}
		if slices.ContainsFunc(r.CutOff[rec.Key], may) && r.Own[c.Identify()] == "" {
			at = append(at, i)
		}
	}
	return at
}

// CutOff are the steps of an apply whose end its journal does not have: what was
// about to be written, by the step's number.
func CutOff(receipts []audit.Receipt) map[int][]audit.Receipt {
	ends := map[int]audit.Phase{}
	for i := range receipts {
		ends[receipts[i].Step] = receipts[i].Phase
	}
	open := map[int][]audit.Receipt{}
	for i := range receipts {
		r := &receipts[i]
		if end := ends[r.Step]; r.Phase == audit.PhaseIntent && (!end.Done() || end == audit.PhaseUnknown) {
			open[r.Step] = append(open[r.Step], *r)
		}
	}
	return open
}

// Settle enters into the ledger what steps of the plan have written that were cut
// off before they could enter it, as far as the stored history has it: a change by
// the apply's user, newer than what the step had found, that left just what the
// step was to leave. own are all writes that are known already. It returns the
// records of the other steps that were cut off: not written, not read yet, or not
// to be told from others' writes.
func (p *Plan) Settle(ctx context.Context, src Source, receipts []audit.Receipt, own map[audit.ChangeID]string, to Ledger) ([]audit.Key, error) {
	open := CutOff(receipts)
	var left []audit.Key
	for _, n := range slices.Sorted(maps.Keys(open)) {
		if n < 1 || n > len(p.Actions) {
			continue
		}
		a := &p.Actions[n-1]
		found, err := writesOfStep(ctx, src, a, open[n], own)
		if err != nil {
			return nil, fmt.Errorf("settle apply %s: %w", p.Header.ID, err)
		}
		if len(found) == 0 {
			left = append(left, a.Key())
			continue
		}
		if err := to.Enter(ctx, p.Header.Digest, p.entered(a, found)); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// writesOfStep are the stored changes that a step has made. Another cluster's
// record of the same key is none of its business: it is the cluster of the changes
// that the step undoes.
func writesOfStep(ctx context.Context, src Source, a *Action, intents []audit.Receipt, own map[audit.ChangeID]string) ([]audit.ChangeID, error) {
	var may []audit.Change
	var of *string
	var life []audit.Change
	for part, err := range src.Lives(ctx, []audit.Key{a.Key()}) {
		if err != nil {
			return nil, fmt.Errorf("read history of %s: %w", a.Key(), err)
		}
		life = part
	}
	for _, c := range life {
		c.ID = c.Identify()
		if slices.Contains(a.Changes, c.ID) || slices.Contains(a.Undone, c.ID) {
			of = &c.Cluster
		}
		plan, known := own[c.ID]
		if (!known || plan == intents[0].Plan) && slices.ContainsFunc(intents, func(r audit.Receipt) bool { return c.User == r.By && c.Time > r.Guard && leftBy(&c, &r) }) {
			may = append(may, c)
		}
	}
	var found []audit.ChangeID
	for i := range may {
		if of == nil || may[i].Cluster == *of {
			found = append(found, may[i].ID)
		}
	}
	return found, nil
}

// leftBy says that a change left what an intent was to leave, as far as it was to
// alter the record.
func leftBy(c *audit.Change, r *audit.Receipt) bool {
	if r.Wrote.State == audit.Absent {
		return c.Op.Kind() == audit.KindDelete
	}
	if c.Op.Kind() != audit.KindWrite || c.After.State != audit.Present {
		return false
	}
	var p Policy
	altered := false
	for _, name := range slices.Concat(r.Wrote.Body.Names(), r.Replaced.Body.Names()) {
		want := r.Wrote.Body.Get(name)
		if p.same(want, r.Replaced.Body.Get(name)) {
			continue
		}
		altered = true
		if !p.same(c.After.Body.Get(name), want) {
			return false
		}
	}
	return altered
}
