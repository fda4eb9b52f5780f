package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// apply is an audit.Apply on disk.
type apply struct {
	Plan      string   `cbor:"1,keyasint,omitempty"`
	Number    uint64   `cbor:"2,keyasint"`
	At        uint64   `cbor:"3,keyasint"`
	By        string   `cbor:"4,keyasint,omitempty"`
	Author    string   `cbor:"5,keyasint,omitempty"`
	Purpose   string   `cbor:"6,keyasint,omitempty"`
	Undoes    []string `cbor:"7,keyasint,omitempty"`
	Since     uint64   `cbor:"8,keyasint,omitempty"`
	Selection string   `cbor:"9,keyasint,omitempty"`
	Events    int      `cbor:"10,keyasint,omitempty"`
	Records   int      `cbor:"11,keyasint,omitempty"`
	Policy    string   `cbor:"12,keyasint,omitempty"`
}

// ledgerEntry is what an apply did with a change; the key names both.
type ledgerEntry struct {
	Undone bool `cbor:"1,keyasint,omitempty"`
}

// ownChoice is an audit.Choice on disk.
type ownChoice struct {
	Whole bool     `cbor:"1,keyasint,omitempty"`
	Attrs []string `cbor:"2,keyasint,omitempty"`
}

func applyOut(a *audit.Apply, number uint64) apply {
	return apply{Plan: a.Plan, Number: number, At: bits(a.At), By: a.By, Author: a.Author, Purpose: a.Purpose,
		Undoes: a.Undoes, Since: bits(a.Since), Selection: a.Selection, Events: a.Events, Records: a.Records, Policy: a.Policy}
}

func decodeApply(payload []byte) (audit.Apply, error) {
	var d apply
	err := decode(payload, &d)
	return audit.Apply{Plan: d.Plan, Number: d.Number, At: timeOf(d.At), By: d.By, Author: d.Author, Purpose: d.Purpose,
		Undoes: d.Undoes, Since: timeOf(d.Since), Selection: d.Selection, Events: d.Events, Records: d.Records, Policy: d.Policy}, err
}

// BeginApply enters an apply into the ledger and gives it its number. A plan that
// is entered already stays as it is.
func (db *DB) BeginApply(ctx context.Context, a audit.Apply) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		if _, found, err := get(txn, nameKey(kindApply, a.Plan)); err != nil || found {
			return err
		}
		number := uint64(1)
		err := scan(txn, []byte{byte(kindApply)}, func(_, payload []byte) error {
			other, err := decodeApply(payload)
			number = max(number, other.Number+1)
			return err
		})
		if err != nil {
			return err
		}
		return setEncoded(txn, nameKey(kindApply, a.Plan), applyOut(&a, number))
	})
	if err != nil {
		return fmt.Errorf("begin apply of plan %s: %w", a.Plan, err)
	}
	return nil
}

// MarkChosen records what of one of our own writes a person had chosen.
func (db *DB) MarkChosen(ctx context.Context, id audit.ChangeID, c audit.Choice) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		return setEncoded(txn, idKey(kindChosen, id), ownChoice(c))
	})
	if err != nil {
		return fmt.Errorf("mark change %s as chosen: %w", id, err)
	}
	return nil
}

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
}

func (b *ledgerReader) apply(_, payload []byte) error {
	a, err := decodeApply(payload)
	b.plans[a.Plan] = &a
	return err
}

func (b *ledgerReader) entry(key, payload []byte) error {
	id, plan, undone, err := readEntry(key, payload)
	if err != nil {
		return err
	}
	a, err := b.plan(plan)
	if err != nil {
		return err
	}
	entries := b.ledger.Entries[id]
	if !slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.Plan == plan }) {
		b.ledger.Entries[id] = append(entries, audit.Entry{Plan: a.Plan, Undone: undone})
	}
	return nil
}

func (b *ledgerReader) own(key, payload []byte) error {
	id, err := cutID(key)
	if err != nil {
		return err
	}
	a, err := b.plan(string(payload))
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
