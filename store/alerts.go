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

// rulesProgress is the follower whose progress SaveAlerts sets.
const rulesProgress = "rules"

// alert is an audit.Alert on disk.
type alert struct {
	ID        string            `cbor:"1,keyasint,omitempty"`
	Rule      string            `cbor:"2,keyasint,omitempty"`
	RuleName  string            `cbor:"3,keyasint,omitempty"`
	Severity  string            `cbor:"4,keyasint,omitempty"`
	Risk      int               `cbor:"5,keyasint,omitempty"`
	Attack    []string          `cbor:"6,keyasint,omitempty"`
	State     string            `cbor:"7,keyasint,omitempty"`
	Title     string            `cbor:"8,keyasint,omitempty"`
	Group     map[string]string `cbor:"9,keyasint,omitempty"`
	FirstSeq  uint64            `cbor:"10,keyasint"`
	LastSeq   uint64            `cbor:"11,keyasint"`
	FirstTime uint64            `cbor:"12,keyasint"`
	LastTime  uint64            `cbor:"13,keyasint"`
	Count     int               `cbor:"14,keyasint,omitempty"`
	Changes   []evidence        `cbor:"15,keyasint,omitempty"`
	Unknown   bool              `cbor:"16,keyasint,omitempty"`
	Late      bool              `cbor:"17,keyasint,omitempty"`
	// Suppressed came after the others; numbers are never used again.
	Suppressed int `cbor:"18,keyasint,omitempty"`
	// Evidence is in whole pieces, and what is left over in Rest. Changes is that
	// of alerts that were stored before there were these.
	Pieces []piece `cbor:"19,keyasint,omitempty"`
	Rest   []byte  `cbor:"20,keyasint,omitempty"`
}

// alertOut is an alert on disk but for its evidence.
func alertOut(a *audit.Alert) alert {
	return alert{ID: a.ID, Rule: a.Rule, RuleName: a.RuleName, Severity: a.Severity, Risk: a.Risk, Attack: a.Attack,
		State: string(a.State), Title: a.Title, Group: a.Group, FirstSeq: uint64(a.FirstSeq), LastSeq: uint64(a.LastSeq),
		FirstTime: bits(a.FirstTime), LastTime: bits(a.LastTime), Count: a.Count, Unknown: a.Unknown, Late: a.Late, Suppressed: a.Suppressed}
}

// in is a stored alert with its evidence.
func (d *alert) in(txn *badger.Txn) (audit.Alert, error) {
	changes, err := d.evidenceFrom(txn, 0)
	if err != nil {
		return audit.Alert{}, fmt.Errorf("read alert %s: %w", d.ID, err)
	}
	return audit.Alert{ID: d.ID, Rule: d.Rule, RuleName: d.RuleName, Severity: d.Severity, Risk: d.Risk, Attack: d.Attack,
		State: audit.AlertState(d.State), Title: d.Title, Group: d.Group, FirstSeq: audit.Seq(d.FirstSeq), LastSeq: audit.Seq(d.LastSeq),
		FirstTime: timeOf(d.FirstTime), LastTime: timeOf(d.LastTime), Count: d.Count, Changes: changes,
		Unknown: d.Unknown, Late: d.Late, Suppressed: d.Suppressed}, nil
}

func decodeAlert(txn *badger.Txn, payload []byte) (audit.Alert, error) {
	var d alert
	if err := decode(payload, &d); err != nil {
		return audit.Alert{}, fmt.Errorf("read alert: %w", err)
	}
	return d.in(txn)
}

// SaveAlerts stores what the rules concluded from the changes up to rulesSeq,
// all or nothing: new and altered alerts, their state, and their progress (that
// of the follower "rules"). The changes that an alert rests on are found by its
// rule from then on (audit.FacetRule).
//
// An alert that is stored already keeps the State that people gave it; see
// UpdateAlert. Of the rules' state the given names are replaced, those with a
// nil value removed, and the others left alone.
func (db *DB) SaveAlerts(ctx context.Context, alerts []audit.Alert, state map[string][]byte, rulesSeq audit.Seq) error {
	if err := db.locked(ctx, func() error { return db.save(alerts, state, rulesSeq) }); err != nil {
		return fmt.Errorf("save alerts: %w", err)
	}
	return nil
}

// maxEvidence bounds the changes that an alert names.
const maxEvidence = 1000

// joinAlert stores an alert of the ingestor's. Of one that is stored already the
// state and the begin stand; the evidence of the two is put together.
func joinAlert(txn *badger.Txn, l layout, a audit.Alert) error {
	stored, err := storedAlert(txn, a.ID)
	var old audit.Alert
	if err == nil {
		old, err = stored.in(txn)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		a.State = cmp.Or(a.State, audit.AlertOpen)
	case err != nil:
		return err
	default:
		a.State, a.FirstSeq, a.FirstTime = old.State, old.FirstSeq, old.FirstTime
		a.LastTime, a.LastSeq = max(a.LastTime, old.LastTime), max(a.LastSeq, old.LastSeq)
		a.Count = max(a.Count, old.Count)
		a.Unknown, a.Late = a.Unknown || old.Unknown, a.Late || old.Late
		a.Suppressed = max(a.Suppressed, old.Suppressed)
	}
	joinEvidence(&a, &old)
	return putAlert(txn, l, &a, &stored)
}

// joinEvidence puts the evidence of old before that of a and counts what is then
// too much. What old had already left out is not counted twice, as far as the
// numbers of the changes tell.
func joinEvidence(a, old *audit.Alert) {
	all := slices.Clone(old.Changes)
	for _, e := range a.Changes {
		known := slices.ContainsFunc(all, func(k audit.Evidence) bool { return k.Seq == e.Seq && (e.Seq != 0 || k == e) })
		switch {
		case known:
		case len(all) < maxEvidence:
			all = append(all, e)
		case e.Seq == 0 || e.Seq > old.LastSeq:
			a.Suppressed++
		}
	}
	a.Changes = all
}

// Alerts are all alerts, by the first change that each rests on.
func (db *DB) Alerts(ctx context.Context) ([]audit.Alert, error) {
	var all []audit.Alert
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, []byte{byte(kindAlert)}, func(_, payload []byte) error {
			a, err := decodeAlert(r.txn, payload)
			all = append(all, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	slices.SortFunc(all, func(a, b audit.Alert) int {
		return cmp.Or(cmp.Compare(a.FirstSeq, b.FirstSeq), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Alert is one alert, or ErrNotFound.
func (db *DB) Alert(ctx context.Context, id string) (audit.Alert, error) {
	var a audit.Alert
	err := db.view(ctx, func(r *reader) (err error) {
		a, err = readAlert(r.txn, id)
		return err
	})
	if err != nil {
		return audit.Alert{}, fmt.Errorf("get alert %s: %w", id, err)
	}
	return a, nil
}

func readAlert(txn *badger.Txn, id string) (audit.Alert, error) {
	d, err := storedAlert(txn, id)
	if err != nil {
		return audit.Alert{}, err
	}
	return d.in(txn)
}

// storedAlert is an alert as it is on disk, or ErrNotFound.
func storedAlert(txn *badger.Txn, id string) (alert, error) {
	payload, found, err := get(txn, nameKey(kindAlert, id))
	if err == nil && !found {
		err = ErrNotFound
	}
	var d alert
	if err == nil {
		err = decode(payload, &d)
	}
	return d, err
}

// UpdateAlert changes one alert; ErrNotFound if there is none. An error of f is
// returned and nothing is changed. f must not call the store and cannot change
// the ID.
func (db *DB) UpdateAlert(ctx context.Context, id string, f func(*audit.Alert) error) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		stored, err := storedAlert(txn, id)
		if err != nil {
			return err
		}
		a, err := stored.in(txn)
		if err != nil {
			return err
		}
		if err := f(&a); err != nil {
			return err
		}
		if a.ID != id {
			return fmt.Errorf("its id was changed to %q", a.ID)
		}
		return putAlert(txn, db.sums.layout, &a, &stored)
	})
	if err != nil {
		return fmt.Errorf("update alert %s: %w", id, err)
	}
	return nil
}
