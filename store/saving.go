package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A saving is what SaveAlerts could not write in one transaction. It is stored
// as one value first, which has no such limit, then written in parts, and taken
// away with the last: so it is there whole or not at all, as a crash in between
// is made good by [DB.finishSaving].
type saving struct {
	Alerts []alert  `cbor:"1,keyasint,omitempty"`
	State  []window `cbor:"2,keyasint,omitempty"`
	Gone   []string `cbor:"3,keyasint,omitempty"` // names of state to be removed
	Rules  uint64   `cbor:"4,keyasint"`           // the rules' progress
}

func savingKey() []byte { return []byte{byte(kindSaving)} }

// saveInParts is SaveAlerts for what is too much for one transaction.
func (db *DB) saveInParts(ctx context.Context, alerts []audit.Alert, state map[string][]byte, rulesSeq audit.Seq) error {
	s := saving{Rules: uint64(rulesSeq)}
	for i := range alerts {
		s.Alerts = append(s.Alerts, alertOut(&alerts[i]))
	}
	for name, data := range state {
		if data == nil {
			s.Gone = append(s.Gone, name)
		} else {
			s.State = append(s.State, window{name, data})
		}
	}
	if err := db.update(ctx, func(txn *badger.Txn) error { return setEncoded(txn, savingKey(), s) }); err != nil {
		return err
	}
	db.saving.Store(true)
	return db.finishSaving(ctx)
}

// finishSaving writes what was left of a saving, if there is one.
func (db *DB) finishSaving(ctx context.Context) error {
	if !db.saving.Load() {
		return nil
	}
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.users.Done()
	db.write.Lock()
	defer db.write.Unlock()
	defer db.room.stale()
	return db.writeSaving()
}

func (db *DB) writeSaving() error {
	var s saving
	var found bool
	err := db.badger.View(func(txn *badger.Txn) error {
		payload, there, err := get(txn, savingKey())
		if found = there; err != nil || !there {
			return err
		}
		return decode(payload, &s)
	})
	if err != nil {
		return fmt.Errorf("read what the rules concluded: %w", err)
	}
	if !found {
		db.saving.Store(false)
		return nil
	}
	var steps []func(*badger.Txn) error
	for _, a := range s.Alerts {
		steps = append(steps, func(txn *badger.Txn) error { return saveAlert(txn, a) })
	}
	for _, w := range s.State {
		steps = append(steps, func(txn *badger.Txn) error { return saveWindow(txn, w.Name, w.State) })
	}
	for _, name := range s.Gone {
		steps = append(steps, func(txn *badger.Txn) error { return saveWindow(txn, name, nil) })
	}
	steps = append(steps, func(txn *badger.Txn) error {
		return errors.Join(setProgress(txn, rulesProgress, audit.Seq(s.Rules)), txn.Delete(savingKey()))
	})
	if err := db.commitSteps(steps); err != nil {
		return err
	}
	db.saving.Store(false)
	return nil
}

// commitSteps runs each step, as many in one transaction as fit, in their order.
func (db *DB) commitSteps(steps []func(*badger.Txn) error) error {
	for size := len(steps); len(steps) > 0; {
		size = min(size, len(steps))
		err := db.commit(func(txn *badger.Txn) error {
			for _, step := range steps[:size] {
				if err := step(txn); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, ErrBatchTooBig) && size > 1:
			size /= 2
		case err != nil:
			return err
		default:
			steps = steps[size:]
		}
	}
	return nil
}
