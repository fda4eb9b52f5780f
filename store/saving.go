package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A saving is what SaveAlerts is to write. If that does not fit one transaction, it
// is stored as a whole first, in parts, which count when its key is there; then what
// it says is written in as many transactions as that takes, and it is taken away
// with the last: so all is there or nothing, as a crash in between is made good by
// [DB.finishSaving].
type saving struct {
	// Alerts are those of a saving from before there were pieces of evidence.
	Alerts []alert  `cbor:"1,keyasint,omitempty"`
	State  []window `cbor:"2,keyasint,omitempty"`
	Gone   []string `cbor:"3,keyasint,omitempty"` // names of state to be removed
	Rules  uint64   `cbor:"4,keyasint"`           // the rules' progress
	Grown  []grown  `cbor:"5,keyasint,omitempty"`
	// First and Parts are where the saving is; all else is empty then.
	First uint64 `cbor:"6,keyasint,omitempty"`
	Parts int    `cbor:"7,keyasint,omitempty"`
	// Routes are those of the process that began it.
	Routes []route `cbor:"8,keyasint,omitempty"`
	Limit  int     `cbor:"9,keyasint,omitempty"` // of what waits for one sink
}

func savingKey() []byte { return []byte{byte(kindSaving)} }

// save is SaveAlerts for one who holds the write lock.
func (db *DB) save(alerts []audit.Alert, state map[string][]byte, rulesSeq audit.Seq) error {
	if db.saving.Load() {
		if err := db.writeSaving(); err != nil {
			return err
		}
	}
	p, err := db.newParting()
	if err != nil {
		return err
	}
	s := saving{Rules: uint64(rulesSeq), Routes: db.routes.on, Limit: db.routes.limit}
	if s.Grown, err = db.grown(p, asRaised(alerts)); err != nil {
		return err
	}
	if s.State, s.Gone, err = windowsOf(p, state); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	steps := s.steps(db.teller(s.Routes, s.Limit))
	err = db.commit(func(txn *badger.Txn) error {
		for _, step := range steps {
			if err := step(txn); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, ErrBatchTooBig) {
		return err
	}
	if err := db.storeSaving(p, &s); err != nil {
		return err
	}
	db.saving.Store(true)
	return db.writeSaving()
}

// grown writes what is new of the alerts' evidence. The stored ones are read in the order
// of their keys, many from one block of a table.
func (db *DB) grown(p *parting, alerts []audit.Alert) ([]grown, error) {
	txn := db.badger.NewTransaction(false)
	defer txn.Discard()
	all := make([]grown, len(alerts))
	byKey := make([]int, len(alerts))
	for i := range byKey {
		byKey[i] = i
	}
	slices.SortFunc(byKey, func(i, j int) int { return cmp.Compare(alerts[i].ID, alerts[j].ID) })
	for _, i := range byKey {
		old, err := storedAlert(txn, alerts[i].ID)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		if err == nil {
			all[i], err = grow(txn, p, &alerts[i], &old)
		}
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", alerts[i].ID, err)
		}
	}
	return all, nil
}

func (db *DB) storeSaving(p *parting, s *saving) error {
	b, err := encode(s)
	if err != nil {
		return err
	}
	if len(b) > maxValue {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	var head saving
	if head.First, head.Parts, err = p.split(squeeze(b)); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	return db.commit(func(txn *badger.Txn) error { return setEncoded(txn, savingKey(), head) })
}

// steps are all that there is to do, each of which may be done again.
func (s *saving) steps(t *teller) []func(*badger.Txn) error {
	var steps []func(*badger.Txn) error
	for i := range s.Alerts {
		steps = append(steps, func(txn *badger.Txn) error { return t.saveOldAlert(txn, &s.Alerts[i]) })
	}
	hits := map[string][]audit.Seq{} // of all alerts of a rule: many are of the same chunk
	for i := range s.Grown {
		g := &s.Grown[i]
		for _, q := range g.Hits {
			hits[g.Alert.Rule] = append(hits[g.Alert.Rule], audit.Seq(q))
		}
		steps = append(steps, func(txn *badger.Txn) error { return t.saveGrown(txn, g) })
	}
	for _, rule := range slices.Sorted(maps.Keys(hits)) {
		for chunk, set := range t.layout.byChunk(hits[rule]) {
			steps = append(steps, func(txn *badger.Txn) error { return addHitsIn(txn, t.layout, rule, chunk, set) })
		}
	}
	for _, w := range s.State {
		steps = append(steps, func(txn *badger.Txn) error { return saveWindow(txn, w) })
	}
	for _, name := range s.Gone {
		steps = append(steps, func(txn *badger.Txn) error { return dropWindow(txn, name, 0) })
	}
	return append(steps, func(txn *badger.Txn) error { return setProgress(txn, rulesProgress, audit.Seq(s.Rules)) })
}

// asRaised are alerts in that in which they were raised, so that what comes of one
// for another does not depend on what else is saved with them.
func asRaised(alerts []audit.Alert) []audit.Alert {
	return slices.SortedStableFunc(slices.Values(alerts), func(a, b audit.Alert) int {
		// 0, which is not known, less one is the largest number.
		return cmp.Or(cmp.Compare(a.RaisedSeq-1, b.RaisedSeq-1), cmp.Compare(len(b.Inhibits), len(a.Inhibits)), cmp.Compare(a.ID, b.ID))
	})
}

// saveGrown stores what became of an alert, of which what people made stays, but for
// what it was that is evidence now.
func (t *teller) saveGrown(txn *badger.Txn, g *grown) error {
	old, err := storedAlert(txn, g.Alert.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("alert %s: %w", g.Alert.ID, err)
	}
	again := *g // the transaction may be tried again
	again.Hits = nil
	return t.save(txn, &again, &old)
}

// saveOldAlert stores an alert in the form that it had before there were pieces.
func (t *teller) saveOldAlert(txn *badger.Txn, d *alert) error {
	a, err := d.in(txn)
	if err != nil {
		return err
	}
	old, err := storedAlert(txn, d.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("alert %s: %w", d.ID, err)
	}
	return t.putAlert(txn, &a, &old)
}

// finishSaving writes what was left of a saving, if there is one.
func (db *DB) finishSaving(ctx context.Context) error {
	if !db.saving.Load() {
		return nil
	}
	return db.locked(ctx, db.writeSaving)
}

func (db *DB) writeSaving() error {
	s, head, found, err := db.readSaving()
	if err != nil {
		return fmt.Errorf("read what the rules concluded: %w", err)
	}
	if found {
		steps := append(s.steps(db.teller(s.Routes, s.Limit)), func(txn *badger.Txn) error {
			return errors.Join(txn.Delete(savingKey()), deleteParts(txn, head.First, head.Parts))
		})
		if err := db.commitSteps(steps); err != nil {
			return err
		}
	}
	db.saving.Store(false)
	return nil
}

// readSaving is the saving that is left, and what its key says.
func (db *DB) readSaving() (s, head saving, found bool, err error) {
	err = db.badger.View(func(txn *badger.Txn) error {
		var payload []byte
		if payload, found, err = get(txn, savingKey()); err != nil || !found {
			return err
		}
		if err := decode(payload, &head); err != nil || head.Parts == 0 {
			s = head
			return err
		}
		s, err = head.whole(txn)
		return err
	})
	return s, head, found, err
}

// whole is the saving that lies in parts.
func (s *saving) whole(txn *badger.Txn) (all saving, err error) {
	squeezed, err := readParts(txn, s.First, s.Parts)
	if err != nil {
		return saving{}, err
	}
	b, err := unsqueeze(squeezed)
	if err != nil {
		return saving{}, err
	}
	err = decode(b, &all)
	return all, err
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
