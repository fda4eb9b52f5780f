package store

import (
	"cmp"
	"errors"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// maxEvidence bounds the changes that an alert names.
const maxEvidence = 1000

// joinAlert stores an alert of the ingestor's. Of one that is stored already the
// state and the begin stand; the evidence of the two is put together.
func (t *teller) joinAlert(txn *badger.Txn, a audit.Alert) error {
	stored, err := storedAlert(txn, a.ID)
	var old audit.Alert
	if err == nil {
		old, err = stored.in(txn)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		a.State = cmp.Or(a.State, audit.AlertOpen)
	case err != nil:
		return err
	default:
		a.State, a.FirstSeq, a.FirstTime = old.State, old.FirstSeq, old.FirstTime
		a.LastTime, a.LastSeq = max(a.LastTime, old.LastTime), max(a.LastSeq, old.LastSeq)
		a.Count = max(a.Count, old.Count)
		a.Unknown, a.Late = a.Unknown || old.Unknown, a.Late || old.Late
		a.Suppressed = max(a.Suppressed, old.Suppressed)
	}
	joinEvidence(&a, &old)
	return t.putAlert(txn, &a, &stored)
}

// joinEvidence puts the evidence of old before that of a; what is then too much is
// counted, and kept by its number. What old had already left out is not counted
// twice, as far as the numbers of the changes tell.
func joinEvidence(a, old *audit.Alert) {
	all := slices.Clone(old.Changes)
	known := make(map[audit.Seq]bool, len(all))
	for _, e := range all {
		known[e.Seq] = true
	}
	folded := slices.Collect(old.Folded.All())
	was := len(folded)
	for _, s := range folded {
		known[s] = true
	}
	for _, e := range a.Changes {
		switch {
		case e.Seq != 0 && known[e.Seq], e.Seq == 0 && slices.Contains(all, e):
			continue
		case len(all) < maxEvidence:
			all = append(all, e)
		case e.Seq == 0:
			a.Suppressed++
		default:
			folded = append(folded, e.Seq)
			if e.Seq > old.LastSeq {
				a.Suppressed++
			}
		}
		known[e.Seq] = true
	}
	a.Changes, a.Folded = all, old.Folded
	if len(folded) > was {
		a.Folded = audit.SeqsOf(folded...)
	}
}
