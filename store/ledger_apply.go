package store

import (
	"context"
	"errors"
	"fmt"

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
	Ended     uint64   `cbor:"13,keyasint,omitempty"`
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
		Undoes: a.Undoes, Since: bits(a.Since), Selection: a.Selection, Events: a.Events, Records: a.Records, Policy: a.Policy, Ended: bits(a.Ended)}
}

func decodeApply(payload []byte) (audit.Apply, error) {
	var d apply
	err := decode(payload, &d)
	return audit.Apply{Plan: d.Plan, Number: d.Number, At: timeOf(d.At), By: d.By, Author: d.Author, Purpose: d.Purpose,
		Undoes: d.Undoes, Since: timeOf(d.Since), Selection: d.Selection, Events: d.Events, Records: d.Records, Policy: d.Policy, Ended: timeOf(d.Ended)}, err
}

// BeginApply enters an apply into the ledger and gives it its number. A plan that
// is entered already stays as it is, but that it has not ended.
func (db *DB) BeginApply(ctx context.Context, a audit.Apply) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		known, err := readApply(txn, a.Plan)
		if err == nil && known != nil {
			known.Ended = 0
			return setEncoded(txn, nameKey(kindApply, a.Plan), known)
		}
		number := uint64(1)
		if err == nil {
			err = scan(txn, []byte{byte(kindApply)}, func(_, payload []byte) error {
				other, err := decodeApply(payload)
				number = max(number, other.Number+1)
				return err
			})
		}
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

// EndApply enters when an apply came to its end.
func (db *DB) EndApply(ctx context.Context, plan string, at audit.Time) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		known, err := readApply(txn, plan)
		if err != nil || known == nil {
			return err
		}
		known.Ended = bits(at)
		return setEncoded(txn, nameKey(kindApply, plan), known)
	})
	if err != nil {
		return fmt.Errorf("end apply of plan %s: %w", plan, err)
	}
	return nil
}

// readApply is nil for a plan that is not entered.
func readApply(txn *badger.Txn, plan string) (*apply, error) {
	payload, found, err := get(txn, nameKey(kindApply, plan))
	if err != nil || !found {
		return nil, err
	}
	a := new(apply)
	return a, decode(payload, a)
}

// Enter enters into the ledger what an apply has done. What it has done with one
// record is one transaction, and several records are as few as it takes; only of a
// record with some thousand changes may a part be entered after an error, its own
// writes last. Entering the same again does no harm.
func (db *DB) Enter(ctx context.Context, plan string, records ...audit.Entered) error {
	if len(plan) > maxKeyText {
		return fmt.Errorf("enter apply into the ledger: the name of the plan has %d bytes, more than %d", len(plan), maxKeyText)
	}
	var batch []ledgerWrite
	size := 0
	for i := range records {
		writes := ledgerWrites(plan, &records[i])
		more := 0
		for j := range writes {
			more += len(writes[j].key) + entryRoom
		}
		if size+more > mostEntered && len(batch) > 0 {
			if err := db.writeEntries(ctx, plan, batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
		batch, size = append(batch, writes...), size+more
	}
	return db.writeEntries(ctx, plan, batch)
}

const (
	mostEntered = 192 << 10 // bytes in one transaction, less than half of what it takes
	entryRoom   = 96        // bytes for the value of an entry, and for what Badger adds
)

// writeEntries writes in one transaction, unless it is one record's that do not fit
// it.
func (db *DB) writeEntries(ctx context.Context, plan string, batch []ledgerWrite) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		for _, w := range batch {
			if err := w.set(txn); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrBatchTooBig) {
		err = db.pieces(ctx, len(batch), func(txn *badger.Txn, i int) error { return batch[i].set(txn) })
	}
	if err != nil {
		return fmt.Errorf("enter apply of plan %s into the ledger: %w", plan, err)
	}
	return nil
}

type ledgerWrite struct {
	key   []byte
	value any // to be encoded; a string is plain
}

func ledgerWrites(plan string, e *audit.Entered) []ledgerWrite {
	var all []ledgerWrite
	for _, id := range e.Reverted {
		all = append(all, ledgerWrite{entryKey(id, plan), ledgerEntry{}})
	}
	for _, id := range e.Undone {
		all = append(all, ledgerWrite{entryKey(id, plan), ledgerEntry{Undone: true}})
	}
	for _, id := range e.Own {
		if e.Chosen.Whole || len(e.Chosen.Attrs) > 0 {
			all = append(all, ledgerWrite{idKey(kindChosen, id), ownChoice(e.Chosen)})
		}
		all = append(all, ledgerWrite{idKey(kindOwn, id), plan})
	}
	return all
}

func (w *ledgerWrite) set(txn *badger.Txn) error {
	if plain, ok := w.value.(string); ok {
		return set(txn, w.key, []byte(plain))
	}
	return setEncoded(txn, w.key, w.value)
}
