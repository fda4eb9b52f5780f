package revert

import (
	"context"
	"fmt"
	"slices"

	"recourse/audit"
)

// Settled is what became of the steps of an apply whose end its journal does not
// have.
type Settled struct {
	Own  []audit.ChangeID // their writes, found in the stored history
	Open []audit.Key      // the records of the others: not written, not read yet, or not to be told from others' writes
}

// Settle looks in the stored history for the writes of steps that were cut off: a
// change by the apply's user, newer than what the step had found, that left just
// what the step was to leave. own are the writes that are known already.
func Settle(ctx context.Context, src Source, receipts []audit.Receipt, own map[audit.ChangeID]string) (Settled, error) {
	var s Settled
	ends := map[int]audit.Phase{}
	for i := range receipts {
		ends[receipts[i].Step] = receipts[i].Phase
	}
	open := map[int]audit.Key{}
	for i := range receipts {
		r := &receipts[i]
		if end := ends[r.Step]; r.Phase != audit.PhaseIntent || end.Done() && end != audit.PhaseUnknown {
			continue
		}
		open[r.Step] = r.Key
		for c, err := range src.History(ctx, r.Key) {
			if err != nil {
				return s, fmt.Errorf("read history of %s: %w", r.Key, err)
			}
			id := c.Identify()
			if _, known := own[id]; c.User == r.By && c.Time > r.Guard && !known && leftBy(&c, r) {
				delete(open, r.Step)
				if !slices.Contains(s.Own, id) {
					s.Own = append(s.Own, id)
				}
			}
		}
	}
	for _, k := range open {
		s.Open = append(s.Open, k)
	}
	slices.SortFunc(s.Open, compareKeys)
	return s, nil
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
