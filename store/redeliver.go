package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Redeliver puts deliveries that were given up back into the outbox, in their old
// places: those of one sink (empty: of all) on one alert (empty: on all), as far as
// somebody is told by [DB.Deliver] there. If its sink was told something newer of an
// alert meanwhile, how the alert stands now follows. It returns how many were put
// back.
func (db *DB) Redeliver(ctx context.Context, sink, id, by string) (int, error) {
	dead, err := db.DeadDeliveries(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range dead {
		d := &dead[i]
		if sink != "" && d.Sink != sink || id != "" && d.Alert.ID != id {
			continue
		}
		last := true // of its alert, for its sink
		for _, e := range dead[i+1:] {
			last = last && (e.Sink != d.Sink || e.Alert.ID != d.Alert.ID)
		}
		err := db.update(ctx, func(txn *badger.Txn) error {
			t := db.teller(db.routes.on, db.routes.limit)
			there, err := has(txn, deliveryKey(kindDead, d.Sink, d.Number))
			if err != nil || !there || !t.tells(d.Sink) {
				return err
			}
			n++
			return t.revive(txn, d, last, by)
		})
		if err != nil {
			return n, fmt.Errorf("redeliver alert %s to %s: %w", d.Alert.ID, d.Sink, err)
		}
	}
	return n, nil
}

// tells is whether there is such a sink.
func (t *teller) tells(sink string) bool {
	for i := range t.routes {
		if t.routes[i].Sink == sink {
			return true
		}
	}
	return false
}

func (t *teller) revive(txn *badger.Txn, d *audit.Delivery, last bool, by string) error {
	if err := txn.Delete(deliveryKey(kindDead, d.Sink, d.Number)); err != nil {
		return err
	}
	// Its age counts from now, or it would be given up again at once.
	d.Attempts, d.Next, d.Error, d.Dead, d.At = 0, 0, "", 0, t.now
	if err := putDelivery(txn, kindOutbox, d); err != nil {
		return err
	}
	a, err := storedAlert(txn, d.Alert.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		err = t.addEvent(txn, &a, audit.AlertEvent{Action: audit.ActionRedelivered, By: by, Note: d.Sink})
	}
	if err == nil && last && a.Told.Revision > d.Revision {
		_, err = t.emit(txn, &a, audit.NoticeAgain, &d.Sink)
	}
	if err != nil {
		return err
	}
	return setEncoded(txn, nameKey(kindAlert, a.ID), a)
}

// Tell puts an alert as it stands now into the outbox of one sink, or of each that
// wants it if sink is empty, muted or not. It returns for how many that was; if for
// none, nothing is entered in the alert's history.
func (db *DB) Tell(ctx context.Context, sink, id, by string) (n int, err error) {
	err = db.update(ctx, func(txn *badger.Txn) error {
		t := db.teller(db.routes.on, db.routes.limit)
		a, err := storedAlert(txn, id)
		if err != nil {
			return err
		}
		only := &sink
		if sink == "" {
			only = nil
		}
		if n, err = t.emit(txn, &a, audit.NoticeAgain, only); err != nil || n == 0 {
			return err
		}
		if err := t.addEvent(txn, &a, audit.AlertEvent{Action: audit.ActionRedelivered, By: by, Note: sink}); err != nil {
			return err
		}
		return setEncoded(txn, nameKey(kindAlert, a.ID), a)
	})
	if err != nil {
		return 0, fmt.Errorf("tell of alert %s again: %w", id, err)
	}
	return n, nil
}
