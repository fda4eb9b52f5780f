package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Waiting are the deliveries of one sink that are to be made, or made again, the
// oldest first: of those after a number (0: of all) at most so many (0: all).
func (db *DB) Waiting(ctx context.Context, sink string, after uint64, most int) ([]audit.Delivery, error) {
	return db.deliveries(ctx, kindOutbox, nameKey(kindOutbox, sink), deliveryKey(kindOutbox, sink, after+1), most)
}

// DeadDeliveries are those that were given up, of all sinks, the oldest first.
func (db *DB) DeadDeliveries(ctx context.Context) ([]audit.Delivery, error) {
	all, err := db.deliveries(ctx, kindDead, []byte{byte(kindDead)}, nil, 0)
	slices.SortFunc(all, func(a, b audit.Delivery) int { return cmp.Compare(a.Number, b.Number) })
	return all, err
}

var errEnough = errors.New("enough")

func (db *DB) deliveries(ctx context.Context, kind keyKind, prefix, from []byte, most int) ([]audit.Delivery, error) {
	var all []audit.Delivery
	err := db.view(ctx, func(r *reader) error {
		return eachDelivery(r.txn, prefix, from, func(d audit.Delivery) error {
			if all = append(all, d); most > 0 && len(all) == most {
				return errEnough
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read deliveries (%c): %w", kind, err)
	}
	return all, nil
}

// eachDelivery hands f what begins with the prefix, from a key on, but for the
// outbox's number.
func eachDelivery(txn *badger.Txn, prefix, from []byte, f func(audit.Delivery) error) error {
	return scanFrom(txn, prefix, from, func(key, payload []byte) error {
		if len(key) == 1 {
			return nil
		}
		d, err := decodeDelivery(payload)
		if err != nil {
			return err
		}
		return f(d)
	})
}

// Settle stores how deliveries of one sink ended, all or nothing: those that are
// done are gone, those that are to be made again later have what was learned, and
// those that are given up are kept apart, with a line in their alerts' histories.
// What is not in the outbox any more stays as it is.
func (db *DB) Settle(ctx context.Context, sink string, s audit.Settlement) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		for _, number := range s.Done {
			if err := txn.Delete(deliveryKey(kindOutbox, sink, number)); err != nil {
				return err
			}
		}
		for i := range s.Later {
			if err := ifWaiting(txn, sink, &s.Later[i], func(d *audit.Delivery) error { return putDelivery(txn, kindOutbox, d) }); err != nil {
				return err
			}
		}
		t := db.teller(nil, 0)
		for i := range s.Dead {
			if err := ifWaiting(txn, sink, &s.Dead[i], func(d *audit.Delivery) error { return t.bury(txn, d) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle deliveries to %s: %w", sink, err)
	}
	return nil
}

func ifWaiting(txn *badger.Txn, sink string, d *audit.Delivery, f func(*audit.Delivery) error) error {
	there, err := has(txn, deliveryKey(kindOutbox, sink, d.Number))
	if err != nil || !there {
		return err
	}
	d.Sink = sink
	return f(d)
}

// bury gives a delivery up.
func (t *teller) bury(txn *badger.Txn, d *audit.Delivery) error {
	if err := txn.Delete(deliveryKey(kindOutbox, d.Sink, d.Number)); err != nil {
		return err
	}
	d.Dead = t.now
	if err := putDelivery(txn, kindDead, d); err != nil {
		return err
	}
	return t.enter(txn, d.Alert.ID, undelivered(d))
}

// GivenUp is how many deliveries to a sink were given up and are kept, and when the
// newest was; 0: none was.
func (db *DB) GivenUp(ctx context.Context, sink string) (n int, newest audit.Time, err error) {
	err = db.view(ctx, func(r *reader) error {
		return eachDelivery(r.txn, nameKey(kindDead, sink), nil, func(d audit.Delivery) error {
			n++
			newest = max(newest, d.Dead)
			return nil
		})
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count deliveries to %s that were given up: %w", sink, err)
	}
	return n, newest, nil
}

// SinkStates is how the outbox stands, by sink; one of which nothing waits and
// nothing was given up is not in it.
func (db *DB) SinkStates(ctx context.Context) ([]audit.SinkState, error) {
	by := map[string]*audit.SinkState{}
	of := func(sink string) *audit.SinkState {
		if by[sink] == nil {
			by[sink] = &audit.SinkState{Sink: sink}
		}
		return by[sink]
	}
	err := db.view(ctx, func(r *reader) error {
		err := eachDelivery(r.txn, []byte{byte(kindOutbox)}, nil, func(d audit.Delivery) error {
			s := of(d.Sink)
			if d.Sent != 0 {
				s.Repeats++
				return nil
			}
			s.Waiting++
			if s.Oldest == 0 || d.At < s.Oldest {
				s.Oldest = d.At
			}
			return nil
		})
		if err != nil {
			return err
		}
		return eachDelivery(r.txn, []byte{byte(kindDead)}, nil, func(d audit.Delivery) error { of(d.Sink).Dead++; return nil })
	})
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	all := make([]audit.SinkState, 0, len(by))
	for _, s := range by {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b audit.SinkState) int { return cmp.Compare(a.Sink, b.Sink) })
	return all, nil
}
