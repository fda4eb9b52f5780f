package store

import (
	"cmp"
	"context"
	"fmt"

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
	// Changes known by number alone, as the evidence: in whole pieces and a rest.
	FoldedPieces []piece `cbor:"21,keyasint,omitempty"`
	FoldedRest   []byte  `cbor:"22,keyasint,omitempty"`
	// What the rule says of its alerts.
	Experimental bool     `cbor:"23,keyasint,omitempty"`
	Inhibits     []string `cbor:"24,keyasint,omitempty"`
	Dedupe       uint64   `cbor:"25,keyasint,omitempty"` // bits of a float64, as Realert
	Realert      uint64   `cbor:"26,keyasint,omitempty"`
	Runbook      string   `cbor:"27,keyasint,omitempty"`
	RaisedSeq    uint64   `cbor:"28,keyasint,omitempty"`
	// What became of it.
	Assignee        string `cbor:"29,keyasint,omitempty"`
	Verdict         string `cbor:"30,keyasint,omitempty"`
	DuplicateOf     string `cbor:"31,keyasint,omitempty"`
	Muted           string `cbor:"32,keyasint,omitempty"`
	MutedBy         string `cbor:"33,keyasint,omitempty"`
	Withheld        int    `cbor:"34,keyasint,omitempty"`
	Repeats         int    `cbor:"35,keyasint,omitempty"`
	RepeatedChanges int    `cbor:"36,keyasint,omitempty"`
	Told            told   `cbor:"37,keyasint,omitzero"`
	// More of what the rules say.
	GroupBy    []string `cbor:"50,keyasint,omitempty"`
	Alerts     []string `cbor:"51,keyasint,omitempty"`
	MergedInto string   `cbor:"52,keyasint,omitempty"`
}

// told is what the sinks were told of an alert, or would have been if it were not
// muted. The zero value is that of an alert that was stored before there were sinks.
type told struct {
	_        struct{} `cbor:",toarray"`
	Count    int      // how many changes it had then, those of its repetitions among them
	Severity string   // that it had then
	Revision int      // how many notices there were
	Events   int      // how many lines its history has
}

// alertOut is an alert on disk but for its evidence and what the sinks were told.
func alertOut(a *audit.Alert) alert {
	return alert{ID: a.ID, Rule: a.Rule, RuleName: a.RuleName, Severity: a.Severity, Risk: a.Risk, Attack: a.Attack,
		State: string(a.State), Title: a.Title, Group: a.Group, FirstSeq: uint64(a.FirstSeq), LastSeq: uint64(a.LastSeq),
		FirstTime: bits(a.FirstTime), LastTime: bits(a.LastTime), Count: a.Count, Unknown: a.Unknown, Late: a.Late, Suppressed: a.Suppressed,
		Experimental: a.Experimental, Inhibits: a.Inhibits, Dedupe: bits(audit.Time(a.Dedupe)), Realert: bits(audit.Time(a.Realert)),
		Runbook: a.Runbook, RaisedSeq: uint64(a.RaisedSeq), Assignee: a.Assignee, Verdict: string(a.Verdict), DuplicateOf: a.DuplicateOf,
		Muted: string(a.Muted), MutedBy: a.MutedBy, Withheld: a.Withheld, Repeats: a.Repeats, RepeatedChanges: a.RepeatedChanges,
		GroupBy: a.GroupBy, Alerts: a.Alerts, MergedInto: a.MergedInto}
}

// head is a stored alert without its evidence.
func (d *alert) head() audit.Alert {
	return audit.Alert{ID: d.ID, Rule: d.Rule, RuleName: d.RuleName, Severity: d.Severity, Risk: d.Risk, Attack: d.Attack,
		State: audit.AlertState(d.State), Title: d.Title, Group: d.Group, FirstSeq: audit.Seq(d.FirstSeq), LastSeq: audit.Seq(d.LastSeq),
		FirstTime: timeOf(d.FirstTime), LastTime: timeOf(d.LastTime), Count: d.Count,
		Unknown: d.Unknown, Late: d.Late, Suppressed: d.Suppressed,
		Experimental: d.Experimental, Inhibits: d.Inhibits, Dedupe: audit.Duration(timeOf(d.Dedupe)), Realert: float64(timeOf(d.Realert)),
		Runbook: d.Runbook, RaisedSeq: audit.Seq(d.RaisedSeq), Assignee: d.Assignee, Verdict: audit.Verdict(d.Verdict), DuplicateOf: d.DuplicateOf,
		Muted: audit.MuteReason(d.Muted), MutedBy: d.MutedBy, Withheld: d.Withheld, Repeats: d.Repeats, RepeatedChanges: d.RepeatedChanges,
		GroupBy: d.GroupBy, Alerts: d.Alerts, MergedInto: d.MergedInto}
}

// in is a stored alert with its evidence.
func (d *alert) in(txn *badger.Txn) (audit.Alert, error) {
	a := d.head()
	var err error
	if a.Changes, err = d.evidenceFrom(txn, 0); err == nil {
		a.Folded, err = d.folded(txn)
	}
	if err != nil {
		return audit.Alert{}, fmt.Errorf("read alert %s: %w", d.ID, err)
	}
	return a, nil
}

// keep takes over from the stored alert what its rule does not decide.
func (d *alert) keep(old *alert) {
	d.State, d.Assignee, d.Verdict, d.DuplicateOf = old.State, old.Assignee, old.Verdict, old.DuplicateOf
	d.Muted, d.MutedBy, d.Withheld = old.Muted, old.MutedBy, old.Withheld
	d.Repeats, d.RepeatedChanges, d.Told = old.Repeats, old.RepeatedChanges, old.Told
	d.RaisedSeq = cmp.Or(old.RaisedSeq, d.RaisedSeq)
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
// An alert that is stored already keeps what people and the sinks made of it; see
// [DB.Act]. Whoever is to be told of it by [DB.Deliver] has a delivery in the
// outbox from then on. Of the rules' state the given names are replaced, those with a
// nil value removed, and the others left alone.
func (db *DB) SaveAlerts(ctx context.Context, alerts []audit.Alert, state map[string][]byte, rulesSeq audit.Seq) error {
	if err := db.locked(ctx, func() error { return db.save(alerts, state, rulesSeq) }); err != nil {
		return fmt.Errorf("save alerts: %w", err)
	}
	return nil
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
	sortAlerts(all)
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

// UpdateAlert changes one alert, of which no sink is told; ErrNotFound if there is
// none. An error of f is returned and nothing is changed. f must not call the store
// and cannot change the ID. What people do with an alert is [DB.Act].
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
		return db.teller(nil, 0).replace(txn, &a, &stored)
	})
	if err != nil {
		return fmt.Errorf("update alert %s: %w", id, err)
	}
	return nil
}
