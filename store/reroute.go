package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// sinkless are the deliveries to a sink that nobody makes: those that were given up
// and, if nothing is told by [DB.Deliver] there any more, those that wait; the oldest
// first.
func (db *DB) sinkless(ctx context.Context, sink string) (dead, waiting []audit.Delivery, err error) {
	dead, err = db.deliveries(ctx, kindDead, nameKey(kindDead, sink), nil, 0)
	if err != nil {
		return nil, nil, err
	}
	told, err := db.tellsOf(ctx, sink)
	if err == nil && !told {
		waiting, err = db.Waiting(ctx, sink, 0, 0)
	}
	return dead, waiting, err
}

// tellsOf is whether [DB.Deliver] names the sink.
func (db *DB) tellsOf(ctx context.Context, sink string) (told bool, err error) {
	err = db.locked(ctx, func() error {
		told = slices.ContainsFunc(db.routes.on, func(r route) bool { return r.Sink == sink })
		return nil
	})
	return told, err
}

// atOnce is how many deliveries one transaction moves or drops.
const atOnce = 200

// Reroute puts what was given up of one sink, and what waits for it if [DB.Deliver]
// names it no more, into the outbox of another, with its keys and in its old order.
// It returns how many that were.
func (db *DB) Reroute(ctx context.Context, from, to, by string) (int, error) {
	told, err := db.tellsOf(ctx, to)
	if err == nil && (!told || from == to) {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("redeliver to %s: %w", to, err)
	}
	return db.settleSinkless(ctx, from, func(t *teller, txn *badger.Txn, d *audit.Delivery) error {
		d.Sink = to
		d.Attempts, d.Next, d.Error, d.Dead, d.At = 0, 0, "", 0, t.now
		if err := putDelivery(txn, kindOutbox, d); err != nil {
			return err
		}
		return t.enter(txn, d.Alert.ID, audit.AlertEvent{Action: audit.ActionRedelivered, By: by, Note: from + " → " + to})
	})
}

// Drop forgets what was given up of a sink, and what waits for it if [DB.Deliver]
// names it no more; the histories of the alerts say so. It returns how many
// deliveries that were.
func (db *DB) Drop(ctx context.Context, sink, by string) (int, error) {
	return db.settleSinkless(ctx, sink, func(t *teller, txn *badger.Txn, d *audit.Delivery) error {
		return t.enter(txn, d.Alert.ID, audit.AlertEvent{Action: audit.ActionDropped, By: by, Note: d.Sink})
	})
}

// settleSinkless takes the deliveries of a sink that nobody makes away, and has f do
// what else is to be done with each; not with those that were taken, and were there to
// be made again. What came or went meanwhile stays as it is.
func (db *DB) settleSinkless(ctx context.Context, sink string, f func(*teller, *badger.Txn, *audit.Delivery) error) (int, error) {
	dead, waiting, err := db.sinkless(ctx, sink)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, of := range []struct {
		kind keyKind
		all  []audit.Delivery
	}{{kindDead, dead}, {kindOutbox, waiting}} {
		for lot := range slices.Chunk(of.all, atOnce) {
			n := 0
			err := db.update(ctx, func(txn *badger.Txn) (err error) {
				n, err = db.teller(nil, 0).takeAway(txn, of.kind, sink, lot, f)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("settle deliveries to %s: %w", sink, err)
			}
			total += n
		}
	}
	return total, nil
}

// takeAway is one lot of it.
func (t *teller) takeAway(txn *badger.Txn, kind keyKind, sink string, lot []audit.Delivery, f func(*teller, *badger.Txn, *audit.Delivery) error) (n int, err error) {
	for i := range lot {
		d := lot[i] // the transaction may be tried again
		key := deliveryKey(kind, sink, d.Number)
		there, err := has(txn, key)
		if err == nil && there {
			err = txn.Delete(key)
		}
		if err == nil && there && d.Sent == 0 {
			n++
			err = f(t, txn, &d)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// enter adds a line to the history of an alert, if there is such an alert: a test's
// is none.
func (t *teller) enter(txn *badger.Txn, id string, e audit.AlertEvent) error {
	a, err := storedAlert(txn, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		err = t.addEvent(txn, &a, e)
	}
	if err != nil {
		return err
	}
	return setEncoded(txn, nameKey(kindAlert, a.ID), a)
}
