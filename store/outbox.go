package store

import (
	"context"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// DefaultWaiting is how many deliveries may wait for one sink, if nothing else is
// said.
const DefaultWaiting = 10_000

// A routing is who is told of the alerts that are stored from now on.
type routing struct {
	on    []route
	limit int
}

// route is an audit.Route on disk.
type route struct {
	_           struct{} `cbor:",toarray"`
	Sink        string
	MinSeverity string
	Rules       []string
	States      bool
}

func (r *route) in() audit.Route {
	return audit.Route{Sink: r.Sink, MinSeverity: r.MinSeverity, Rules: r.Rules, States: r.States}
}

// A delivery is an audit.Delivery on disk.
type delivery struct {
	Sink     string `cbor:"1,keyasint,omitempty"`
	Number   uint64 `cbor:"2,keyasint"`
	Notice   string `cbor:"3,keyasint,omitempty"`
	Revision int    `cbor:"4,keyasint"`
	Alert    alert  `cbor:"5,keyasint"` // with all its evidence in Rest
	At       uint64 `cbor:"6,keyasint"`
	Attempts int    `cbor:"7,keyasint,omitempty"`
	Next     uint64 `cbor:"8,keyasint,omitempty"`
	Error    string `cbor:"9,keyasint,omitempty"`
	Sent     uint64 `cbor:"10,keyasint,omitempty"`
	Dead     uint64 `cbor:"11,keyasint,omitempty"`
}

func deliveryOut(d *audit.Delivery) (delivery, error) {
	out := delivery{Sink: d.Sink, Number: d.Number, Notice: string(d.Notice), Revision: d.Revision, Alert: alertOut(&d.Alert), At: bits(d.At),
		Attempts: d.Attempts, Next: bits(d.Next), Error: d.Error, Sent: bits(d.Sent), Dead: bits(d.Dead)}
	var err error
	if len(d.Alert.Changes) > 0 {
		out.Alert.Rest, err = encodeEvidence(d.Alert.Changes, squeezer)
	}
	return out, err
}

func decodeDelivery(payload []byte) (audit.Delivery, error) {
	var d delivery
	if err := decode(payload, &d); err != nil {
		return audit.Delivery{}, fmt.Errorf("read delivery: %w", err)
	}
	a := d.Alert.head()
	if d.Alert.Rest != nil {
		var err error
		if a.Changes, err = decodeEvidence(d.Alert.Rest); err != nil {
			return audit.Delivery{}, fmt.Errorf("read delivery: %w", err)
		}
	}
	return audit.Delivery{Sink: d.Sink, Number: d.Number, Notice: audit.Notice(d.Notice), Revision: d.Revision, Alert: a, At: timeOf(d.At),
		Attempts: d.Attempts, Next: timeOf(d.Next), Error: d.Error, Sent: timeOf(d.Sent), Dead: timeOf(d.Dead)}, nil
}

func (db *DB) now() audit.Time {
	if db.o.Now != nil {
		return audit.TimeOf(db.o.Now())
	}
	return audit.TimeOf(time.Now())
}

// Deliver says who is told of the alerts that are stored from now on, and of what
// people do with them: each such notice is put into the outbox with the transaction
// that stores the alert. At first nobody is told. If more than limit deliveries
// wait for a sink, new ones are given up at once (0: [DefaultWaiting]).
func (db *DB) Deliver(ctx context.Context, routes []audit.Route, limit int) error {
	err := db.locked(ctx, func() error {
		db.routes = routing{limit: limit}
		for _, r := range routes {
			db.routes.on = append(db.routes.on, route{Sink: r.Sink, MinSeverity: r.MinSeverity, Rules: r.Rules, States: r.States})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set who is told of alerts: %w", err)
	}
	return nil
}

// emit puts a notice on an alert into the outbox, for each sink that wants it, or
// for one alone, and returns for how many. The caller stores the alert.
func (t *teller) emit(txn *badger.Txn, a *alert, n audit.Notice, only *string) (put int, err error) {
	a.Told.Revision++
	brief, err := a.brief(txn)
	if err != nil {
		return 0, err
	}
	for i := range t.routes {
		r := t.routes[i].in()
		if only != nil && *only != r.Sink || only == nil && !r.Wants(&brief, n) {
			continue
		}
		d := audit.Delivery{Sink: r.Sink, Notice: n, Revision: a.Told.Revision, Alert: brief, At: t.now}
		if err := t.put(txn, &d); err != nil {
			return put, err
		}
		put++
		if d.Dead == 0 {
			continue
		}
		if err := t.addEvent(txn, a, undelivered(&d)); err != nil {
			return put, err
		}
	}
	return put, nil
}

// undelivered is the line of an alert's history on a delivery that was given up.
func undelivered(d *audit.Delivery) audit.AlertEvent {
	return audit.AlertEvent{Action: audit.ActionUndelivered, Note: d.Sink + ": " + d.Error}
}

// put puts a delivery into the outbox, or gives it up if too many wait there.
func (t *teller) put(txn *badger.Txn, d *audit.Delivery) error {
	number, err := nextDelivery(txn)
	if err != nil {
		return err
	}
	n, err := t.countWaiting(txn, d.Sink)
	if err != nil {
		return err
	}
	d.Number = number
	if n >= t.limit {
		d.Dead, d.Error = t.now, fmt.Sprintf("%d deliveries were waiting already, which is the limit", n)
		return putDelivery(txn, kindDead, d)
	}
	t.waiting[d.Sink]++
	return putDelivery(txn, kindOutbox, d)
}

// countWaiting is how many deliveries wait for a sink. Those that were taken, and are
// there to be made again, are told from the others only when all together come to the
// limit: that reads each.
func (t *teller) countWaiting(txn *badger.Txn, sink string) (int, error) {
	if t.counted != txn {
		t.counted, t.waiting = txn, map[string]int{}
	}
	if n, known := t.waiting[sink]; known {
		return n, nil
	}
	n := countKeys(txn, nameKey(kindOutbox, sink))
	if n >= t.limit {
		n = 0
		err := eachDelivery(txn, nameKey(kindOutbox, sink), nil, func(d audit.Delivery) error {
			if d.Sent == 0 {
				n++
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	t.waiting[sink] = n
	return n, nil
}

func countKeys(txn *badger.Txn, prefix []byte) int {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	n := 0
	for it.Rewind(); it.Valid(); it.Next() {
		n++
	}
	return n
}

func putDelivery(txn *badger.Txn, kind keyKind, d *audit.Delivery) error {
	out, err := deliveryOut(d)
	if err != nil {
		return err
	}
	return setEncoded(txn, deliveryKey(kind, d.Sink, d.Number), out)
}

// nextDelivery is the number of a new delivery.
func nextDelivery(txn *badger.Txn) (uint64, error) {
	key := []byte{byte(kindOutbox)}
	var n uint64
	payload, found, err := get(txn, key)
	if err == nil && found {
		n, err = parseUint(payload)
	}
	if err != nil {
		return 0, fmt.Errorf("number of the newest delivery: %w", err)
	}
	return n + 1, set(txn, key, uintPayload(n+1))
}

// brief is a stored alert as a delivery has it.
func (d *alert) brief(txn *badger.Txn) (audit.Alert, error) {
	begin := *d
	if len(d.Pieces) > 0 {
		begin.Pieces, begin.Changes, begin.Rest = d.Pieces[:1], nil, nil
	}
	a := d.head()
	var err error
	if a.Changes, err = begin.evidenceFrom(txn, 0); err != nil {
		return a, fmt.Errorf("read alert %s: %w", d.ID, err)
	}
	return a.Brief(), nil
}
