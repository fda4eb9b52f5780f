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
}

type evidence struct {
	_                    struct{} `cbor:",toarray"`
	Seq                  uint64
	Database, Table, Key string
	Time                 uint64
}

func alertOut(a *audit.Alert) alert {
	d := alert{ID: a.ID, Rule: a.Rule, RuleName: a.RuleName, Severity: a.Severity, Risk: a.Risk, Attack: a.Attack,
		State: string(a.State), Title: a.Title, Group: a.Group, FirstSeq: uint64(a.FirstSeq), LastSeq: uint64(a.LastSeq),
		FirstTime: bits(a.FirstTime), LastTime: bits(a.LastTime), Count: a.Count, Unknown: a.Unknown, Late: a.Late, Suppressed: a.Suppressed}
	for _, e := range a.Changes {
		d.Changes = append(d.Changes, evidence{Seq: uint64(e.Seq), Database: e.Database, Table: e.Table, Key: string(e.Key), Time: bits(e.Time)})
	}
	return d
}

func decodeAlert(payload []byte) (audit.Alert, error) {
	var d alert
	if err := decode(payload, &d); err != nil {
		return audit.Alert{}, fmt.Errorf("read alert: %w", err)
	}
	a := audit.Alert{ID: d.ID, Rule: d.Rule, RuleName: d.RuleName, Severity: d.Severity, Risk: d.Risk, Attack: d.Attack,
		State: audit.AlertState(d.State), Title: d.Title, Group: d.Group, FirstSeq: audit.Seq(d.FirstSeq), LastSeq: audit.Seq(d.LastSeq),
		FirstTime: timeOf(d.FirstTime), LastTime: timeOf(d.LastTime), Count: d.Count, Unknown: d.Unknown, Late: d.Late, Suppressed: d.Suppressed}
	for _, e := range d.Changes {
		a.Changes = append(a.Changes, audit.Evidence{Seq: audit.Seq(e.Seq), Database: e.Database, Table: e.Table, Key: audit.ID(e.Key), Time: timeOf(e.Time)})
	}
	return a, nil
}

// window is a part of the rules' state on disk.
type window struct {
	Name  string `cbor:"1,keyasint,omitempty"`
	State []byte `cbor:"2,keyasint"`
}

// SaveAlerts stores what the rules concluded from the changes up to rulesSeq,
// all or nothing: new and altered alerts, their state, and their progress (that
// of the follower "rules").
//
// An alert that is stored already keeps the State that people gave it; see
// UpdateAlert. Of the rules' state the given names are replaced, those with a
// nil value removed, and the others left alone.
func (db *DB) SaveAlerts(ctx context.Context, alerts []audit.Alert, state map[string][]byte, rulesSeq audit.Seq) error {
	err := db.finishSaving(ctx)
	if err == nil {
		err = db.update(ctx, func(txn *badger.Txn) error {
			for i := range alerts {
				if err := saveAlert(txn, alertOut(&alerts[i])); err != nil {
					return err
				}
			}
			for name, data := range state {
				if err := saveWindow(txn, name, data); err != nil {
					return fmt.Errorf("state of %s: %w", name, err)
				}
			}
			return setProgress(txn, rulesProgress, rulesSeq)
		})
	}
	if errors.Is(err, ErrBatchTooBig) {
		err = db.saveInParts(ctx, alerts, state, rulesSeq)
	}
	if err != nil {
		return fmt.Errorf("save alerts: %w", err)
	}
	return nil
}

func saveAlert(txn *badger.Txn, a alert) error {
	key := nameKey(kindAlert, a.ID)
	payload, found, err := get(txn, key)
	if err == nil && found {
		var old audit.Alert
		if old, err = decodeAlert(payload); err == nil {
			a.State = string(old.State)
		}
	}
	if err == nil {
		err = setEncoded(txn, key, a)
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", a.ID, err)
	}
	return nil
}

// maxEvidence bounds the changes that an alert names.
const maxEvidence = 1000

// joinAlert stores an alert of the ingestor's. Of one that is stored already the
// state and the begin stand; the evidence of the two is put together.
func joinAlert(txn *badger.Txn, a audit.Alert) error {
	old, err := readAlert(txn, a.ID)
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
	return setEncoded(txn, nameKey(kindAlert, a.ID), alertOut(&a))
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

func saveWindow(txn *badger.Txn, name string, data []byte) error {
	key := nameKey(kindWindow, name)
	if data == nil {
		return txn.Delete(key)
	}
	return setEncoded(txn, key, window{name, data})
}

// Alerts are all alerts, by the first change that each rests on.
func (db *DB) Alerts(ctx context.Context) ([]audit.Alert, error) {
	all, err := list(ctx, db, []byte{byte(kindAlert)}, "alerts", decodeAlert)
	slices.SortFunc(all, func(a, b audit.Alert) int {
		return cmp.Or(cmp.Compare(a.FirstSeq, b.FirstSeq), cmp.Compare(a.ID, b.ID))
	})
	return all, err
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
	payload, found, err := get(txn, nameKey(kindAlert, id))
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return audit.Alert{}, err
	}
	return decodeAlert(payload)
}

// UpdateAlert changes one alert; ErrNotFound if there is none. An error of f is
// returned and nothing is changed. f must not call the store and cannot change
// the ID.
func (db *DB) UpdateAlert(ctx context.Context, id string, f func(*audit.Alert) error) error {
	err := db.update(ctx, func(txn *badger.Txn) error {
		a, err := readAlert(txn, id)
		if err != nil {
			return err
		}
		if err := f(&a); err != nil {
			return err
		}
		if a.ID != id {
			return fmt.Errorf("its id was changed to %q", a.ID)
		}
		return setEncoded(txn, nameKey(kindAlert, id), alertOut(&a))
	})
	if err != nil {
		return fmt.Errorf("update alert %s: %w", id, err)
	}
	return nil
}

// RuleState is the rules' state as SaveAlerts left it.
func (db *DB) RuleState(ctx context.Context) (map[string][]byte, error) {
	if err := db.finishSaving(ctx); err != nil {
		return nil, fmt.Errorf("rule state: %w", err)
	}
	windows, err := list(ctx, db, []byte{byte(kindWindow)}, "rule state", decodeWindow)
	if err != nil {
		return nil, err
	}
	state := make(map[string][]byte, len(windows))
	for _, w := range windows {
		state[w.Name] = w.State
	}
	return state, nil
}

func decodeWindow(payload []byte) (window, error) {
	var w window
	err := decode(payload, &w)
	return w, err
}
