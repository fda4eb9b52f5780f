package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Ledger reads all that earlier applies have done.
func (db *DB) Ledger(ctx context.Context) (*audit.Ledger, error) {
	var l *audit.Ledger
	err := db.view(ctx, func(r *reader) (err error) {
		l, err = readLedger(r.txn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return l, nil
}

func readLedger(txn *badger.Txn) (*audit.Ledger, error) {
	b := &ledgerReader{txn: txn, plans: map[string]*audit.Apply{}, ledger: &audit.Ledger{
		Entries: map[audit.ChangeID][]audit.Entry{}, Own: map[audit.ChangeID]string{}, Chosen: map[audit.ChangeID]audit.Choice{}}}
	for _, part := range []struct {
		kind keyKind
		read func(key, payload []byte) error
	}{{kindApply, b.apply}, {kindReverted, b.entry}, {kindOwn, b.own}, {kindChosen, b.chosen}} {
		if err := scan(txn, []byte{byte(part.kind)}, part.read); err != nil {
			return nil, err
		}
	}
	b.sort()
	return b.ledger, nil
}

// A ledgerReader gathers the ledger's parts. A plan's digest is kept once,
// however many changes it has entries for.
type ledgerReader struct {
	txn    *badger.Txn
	ledger *audit.Ledger
	plans  map[string]*audit.Apply

	last    *audit.Apply // of the entry before
	lastKey []byte       // what its key had after the change
}

func (b *ledgerReader) apply(_, payload []byte) error {
	a, err := decodeApply(payload)
	b.plans[a.Plan] = &a
	return err
}

func (b *ledgerReader) entry(key, payload []byte) error {
	if b.last != nil && bytes.Equal(payload, reverted) && len(key) > 1+len(audit.ChangeID{}) && bytes.Equal(key[1+len(audit.ChangeID{}):], b.lastKey) {
		b.add(audit.ChangeID(key[1:]), audit.Entry{Plan: b.last.Plan}) // as nearly all are
		return nil
	}
	id, plan, undone, err := readEntry(key, payload)
	if err != nil {
		return err
	}
	a, err := b.plan(plan)
	if err != nil {
		return err
	}
	b.last, b.lastKey = a, bytes.Clone(key[1+len(id):])
	b.add(id, audit.Entry{Plan: a.Plan, Undone: undone})
	return nil
}

// reverted is how an entry is written that undid a change: all fields are zero.
var reverted = []byte{0xa0}

func (b *ledgerReader) add(id audit.ChangeID, e audit.Entry) {
	entries := b.ledger.Entries[id]
	if !slices.ContainsFunc(entries, func(known audit.Entry) bool { return known.Plan == e.Plan }) {
		b.ledger.Entries[id] = append(entries, e)
	}
}

func (b *ledgerReader) own(key, payload []byte) error {
	id, err := cutID(key)
	if err != nil {
		return err
	}
	a := b.plans[string(payload)]
	if a == nil {
		a, err = b.plan(string(payload))
	}
	if err == nil {
		b.ledger.Own[id] = a.Plan
	}
	return err
}

func (b *ledgerReader) chosen(key, payload []byte) error {
	var c ownChoice
	id, err := cutID(key)
	if err == nil {
		err = decode(payload, &c)
	}
	b.ledger.Chosen[id] = audit.Choice(c)
	return err
}

// plan is what is known of a plan. Of one that was applied when no applies were
// kept, the journal says when it was begun and as whom.
func (b *ledgerReader) plan(plan string) (*audit.Apply, error) {
	if a := b.plans[plan]; a != nil {
		return a, nil
	}
	a := &audit.Apply{Plan: plan, Purpose: audit.PurposeRevert}
	b.plans[plan] = a
	payload, found, err := get(b.txn, receiptKey(plan, 1))
	if err != nil || !found {
		return a, err
	}
	var first receipt
	err = decode(payload, &first)
	a.At, a.By = timeOf(first.At), first.By
	return a, err
}

func (b *ledgerReader) sort() {
	order := func(x, y *audit.Apply) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.At, y.At), cmp.Compare(x.Plan, y.Plan))
	}
	for _, a := range b.plans {
		b.ledger.Applies = append(b.ledger.Applies, *a)
	}
	slices.SortFunc(b.ledger.Applies, func(x, y audit.Apply) int { return order(&x, &y) })
	for _, entries := range b.ledger.Entries {
		if len(entries) == 1 {
			continue
		}
		slices.SortFunc(entries, func(x, y audit.Entry) int { return order(b.plans[x.Plan], b.plans[y.Plan]) })
	}
}

// readEntry reads an entry of the ledger. One that is under the change's id alone
// was written when a change had but one plan: its value is the plan.
func readEntry(key, payload []byte) (id audit.ChangeID, plan string, undone bool, err error) {
	if len(key) == 1+len(id) {
		id, err = cutID(key)
		return id, string(payload), false, err
	}
	if len(key) < 1+len(id) {
		_, err = cutID(key)
		return id, "", false, err
	}
	copy(id[:], key[1:])
	plan, hashed, rest, ok := cutText(key[1+len(id):])
	if !ok || hashed || len(rest) > 0 {
		return id, "", false, fmt.Errorf("%w: an entry of the ledger that names no plan", ErrCorrupt)
	}
	var e ledgerEntry
	err = decode(payload, &e)
	return id, plan, e.Undone, err
}

// ledgerKey checks a value of the ledger and is the key that it should have.
func ledgerKey(key, payload []byte) ([]byte, error) {
	switch keyKind(key[0]) {
	case kindApply:
		a, err := decodeApply(payload)
		return nameKey(kindApply, a.Plan), err
	case kindReverted:
		_, _, _, err := readEntry(key, payload)
		return key, err
	case kindChosen:
		var c ownChoice
		if err := decode(payload, &c); err != nil {
			return nil, err
		}
	}
	_, err := cutID(key)
	return key, err
}
