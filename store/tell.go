package store

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A teller stores alerts within a transaction, and decides who is to be told of
// what became of them: that is put into the outbox with the same transaction.
type teller struct {
	layout layout
	routes []route
	limit  int // how many deliveries may wait for one sink
	now    audit.Time

	waiting map[string]int // deliveries that wait, by sink, as far as they are counted
	counted *badger.Txn    // within which they were

	silences []audit.Silence // as they stand
	mutedIn  *badger.Txn     // within which they were read
}

func (db *DB) teller(routes []route, limit int) *teller {
	return &teller{layout: db.sums.layout, routes: routes, limit: cmp.Or(limit, DefaultWaiting), now: db.now()}
}

// save stores an alert whose evidence is written; old is the stored one, without an
// ID if there is none.
func (t *teller) save(txn *badger.Txn, g *grown, old *alert) error {
	a := &g.Alert
	if old.ID != "" {
		a.keep(old)
	}
	err := t.judge(txn, a, old)
	if err == nil {
		err = g.write(txn, t.layout)
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", a.ID, err)
	}
	return nil
}

// replace stores an alert that somebody changed, and tells nobody.
func (t *teller) replace(txn *badger.Txn, a *audit.Alert, old *alert) error {
	p, err := partingIn(txn)
	if err != nil {
		return err
	}
	g, err := grow(txn, p, a, old)
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return err
	}
	g.Alert.Told = old.Told
	return g.write(txn, t.layout)
}

// judge decides what is to be told of an alert that is about to be stored.
func (t *teller) judge(txn *badger.Txn, a, old *alert) error {
	if old.ID == "" {
		if err := indexInhibits(txn, a); err != nil {
			return err
		}
	}
	if a.MergedInto != "" {
		return t.merge(txn, a)
	}
	if err := t.repeat(txn, a, a.Count-old.Count); err != nil {
		return err
	}
	notice, due, err := t.due(txn, a, old)
	if err != nil {
		return err
	}
	if due {
		if err := t.tell(txn, a, notice); err != nil {
			return err
		}
	}
	return noteForRepeats(txn, a)
}

// merge closes an alert that turned out to be part of another, which speaks for it
// from then on.
func (t *teller) merge(txn *badger.Txn, a *alert) error {
	if a.Muted == string(audit.MutedMerged) {
		return nil
	}
	heard := a.Muted == "" && a.Told.Revision > 0
	if a.Told.Revision == 0 {
		a.Withheld++
	}
	a.Muted, a.MutedBy = string(audit.MutedMerged), a.MergedInto
	if a.State == string(audit.AlertClosed) {
		return nil
	}
	e := audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictDuplicate, DuplicateOf: a.MergedInto, Note: "a change that came late made both one alert"}
	if err := t.addEvent(txn, a, e); err != nil {
		return err
	}
	a.State, a.Verdict, a.DuplicateOf = string(audit.AlertClosed), string(e.Verdict), e.DuplicateOf
	if !heard {
		return nil
	}
	_, err := t.emit(txn, a, audit.NoticeState, nil)
	return err
}

// total is how many changes an alert and its repetitions rest on.
func (d *alert) total() int { return d.Count + d.RepeatedChanges }

// due is whether the alert is new, or became so much more than when it was last
// told of that people are to hear of it again.
func (t *teller) due(txn *badger.Txn, a, old *alert) (audit.Notice, bool, error) {
	factor := cmp.Or(float64(timeOf(a.Realert)), audit.RealertFactor)
	switch {
	case old.ID == "":
		return audit.NoticeRaised, true, nil
	case a.Told.Severity == "" && a.Told.Count == 0: // stored before there were sinks
		a.Told.Count, a.Told.Severity = cmp.Or(old.Count, 1), old.Severity
	}
	switch {
	case audit.SeverityRank(a.Severity) > audit.SeverityRank(a.Told.Severity):
		return audit.NoticeSeverity, true, nil
	case float64(a.total()) >= factor*float64(max(a.Told.Count, 1)):
		return audit.NoticeGrown, true, nil
	case a.Count <= old.Count || a.Muted != string(audit.MutedSilence):
		return "", false, nil
	}
	s, err := readSilence(txn, a.MutedBy)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return audit.NoticeGrown, err == nil && !s.Active(t.now), err
}

// tell puts a notice on an alert into the outbox, unless something mutes it. A
// closed one that grew is opened again: what was decided is of what it was then.
func (t *teller) tell(txn *badger.Txn, a *alert, n audit.Notice) error {
	if a.State == string(audit.AlertClosed) {
		if a.Verdict == string(audit.VerdictDuplicate) {
			return nil // its original speaks for it
		}
		note := fmt.Sprintf("it had %d changes when it was last told of, and has %d", a.Told.Count, a.total())
		if err := t.addEvent(txn, a, audit.AlertEvent{Action: audit.ActionReopened, Note: note}); err != nil {
			return err
		}
		a.State, a.Verdict, a.DuplicateOf = string(audit.AlertOpen), "", ""
	}
	reason, by, err := t.muted(txn, a)
	if err != nil {
		return err
	}
	a.Told.Count, a.Told.Severity = a.total(), a.Severity
	if a.Muted, a.MutedBy = string(reason), by; reason != "" {
		a.Withheld++
		return nil
	}
	if a.Told.Revision == 0 {
		n = audit.NoticeRaised // whatever happened before, nobody heard of it
	}
	_, err = t.emit(txn, a, n, nil)
	return err
}

// repeat enters the growth of a repetition with the alert that it repeats, which
// may thereby be due itself.
func (t *teller) repeat(txn *badger.Txn, a *alert, by int) error {
	if a.Muted != string(audit.MutedRepeat) || by <= 0 {
		return nil
	}
	return t.grewByRepeat(txn, a.MutedBy, 0, by)
}

func (t *teller) grewByRepeat(txn *badger.Txn, id string, repeats, changes int) error {
	d, err := storedAlert(txn, id)
	if err != nil {
		return fmt.Errorf("the alert that it repeats: %w", err)
	}
	old := d
	d.Repeats += repeats
	d.RepeatedChanges += changes
	n, due, err := t.due(txn, &d, &old)
	if err == nil && due {
		err = t.tell(txn, &d, n)
	}
	if err != nil {
		return err
	}
	return setEncoded(txn, nameKey(kindAlert, id), &d)
}
