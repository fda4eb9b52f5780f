package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// event is a line of an alert's history on disk.
type event struct {
	Alert       string `cbor:"1,keyasint,omitempty"`
	Number      int    `cbor:"2,keyasint"`
	At          uint64 `cbor:"3,keyasint"`
	By          string `cbor:"4,keyasint,omitempty"`
	Action      string `cbor:"5,keyasint,omitempty"`
	Note        string `cbor:"6,keyasint,omitempty"`
	Assignee    string `cbor:"7,keyasint,omitempty"`
	Verdict     string `cbor:"8,keyasint,omitempty"`
	DuplicateOf string `cbor:"9,keyasint,omitempty"`
}

func decodeEvent(payload []byte) (audit.AlertEvent, error) {
	var d event
	if err := decode(payload, &d); err != nil {
		return audit.AlertEvent{}, fmt.Errorf("read history of alert: %w", err)
	}
	return audit.AlertEvent{Alert: d.Alert, Number: d.Number, At: timeOf(d.At), By: d.By, Action: audit.AlertAction(d.Action), Note: d.Note,
		Assignee: d.Assignee, Verdict: audit.Verdict(d.Verdict), DuplicateOf: d.DuplicateOf}, nil
}

// addEvent adds a line to an alert's history and counts it in the alert, which the
// caller stores.
func (t *teller) addEvent(txn *badger.Txn, a *alert, e audit.AlertEvent) error {
	a.Told.Events++
	return setEncoded(txn, eventKey(a.ID, a.Told.Events), event{Alert: a.ID, Number: a.Told.Events, At: bits(t.now), By: e.By, Action: string(e.Action),
		Note: e.Note, Assignee: e.Assignee, Verdict: string(e.Verdict), DuplicateOf: e.DuplicateOf})
}

// Act does with an alert what people decided, enters it in the alert's history, and
// tells the sinks that are told of states. Of e the Action, By and what belongs to
// the action count. An alert that is not in a state for it is an
// [audit.AlertStateError], within an [audit.ActError] as whatever else cannot be done; one that is not there, or of which it is to be a
// duplicate and which is not there, ErrNotFound. The alert is returned without its
// evidence.
func (db *DB) Act(ctx context.Context, id string, e audit.AlertEvent) (audit.Alert, error) {
	var after audit.Alert
	err := db.update(ctx, func(txn *badger.Txn) error {
		t := db.teller(db.routes.on, db.routes.limit)
		d, err := storedAlert(txn, id)
		if err != nil {
			return err
		}
		was := d.State
		if err := t.act(txn, &d, e); err != nil {
			return err
		}
		if d.State != was && d.Muted == "" {
			if _, err := t.emit(txn, &d, audit.NoticeState, nil); err != nil {
				return err
			}
		}
		after = d.head()
		return setEncoded(txn, nameKey(kindAlert, id), d)
	})
	if err != nil {
		return audit.Alert{}, fmt.Errorf("change alert %s: %w", id, err)
	}
	return after, nil
}

func (t *teller) act(txn *badger.Txn, d *alert, e audit.AlertEvent) error {
	a := d.head()
	if err := a.Act(e); err != nil {
		return &audit.ActError{Err: err}
	}
	if e.DuplicateOf != "" {
		if err := noCircle(txn, a.ID, e.DuplicateOf); err != nil {
			return err
		}
	}
	d.State, d.Assignee, d.Verdict, d.DuplicateOf = string(a.State), a.Assignee, string(a.Verdict), a.DuplicateOf
	return t.addEvent(txn, d, e)
}

// noCircle makes sure that an alert's original exists, and that following the
// duplicates from there does not lead back.
func noCircle(txn *badger.Txn, id, of string) error {
	for at := of; at != ""; {
		d, err := storedAlert(txn, at)
		if err != nil {
			if errors.Is(err, ErrNotFound) {
				return fmt.Errorf("alert %s, of which it is to be a duplicate: %w", at, err)
			}
			return err
		}
		if at = d.DuplicateOf; at == id {
			return &audit.ActError{Err: fmt.Errorf("alert %s is a duplicate of this one itself", of)}
		}
	}
	return nil
}

// AlertHistory is what was done with an alert, the oldest first.
func (db *DB) AlertHistory(ctx context.Context, id string) ([]audit.AlertEvent, error) {
	var all []audit.AlertEvent
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, nameKey(kindEvent, id), func(_, payload []byte) error {
			e, err := decodeEvent(payload)
			all = append(all, e)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("history of alert %s: %w", id, err)
	}
	return all, nil
}
