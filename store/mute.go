package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// inhibitFor is how long after the last change of an alert, by the changes' times,
// it explains those that it inhibits: an hour.
const inhibitFor audit.Time = 3_600_000

// muted is why nobody is to be told of an alert now, if there is a reason.
func (t *teller) muted(txn *badger.Txn, a *alert) (audit.MuteReason, string, error) {
	if a.Experimental {
		return audit.MutedExperimental, "", nil
	}
	if id, err := t.silenced(txn, a); err != nil || id != "" {
		return audit.MutedSilence, id, err
	}
	if id, err := inhibitor(txn, a); err != nil || id != "" {
		return audit.MutedInhibited, id, err
	}
	if a.Told.Revision > 0 || a.Dedupe == 0 {
		return "", "", nil // who was told of its beginning hears the rest
	}
	id, err := repeated(txn, a)
	if err != nil || id == "" {
		return "", "", err
	}
	if id != a.MutedBy {
		err = t.grewByRepeat(txn, id, 1, a.Count)
	}
	return audit.MutedRepeat, id, err
}

// silenced is the silence that mutes an alert, and has it counted there once.
func (t *teller) silenced(txn *badger.Txn, a *alert) (string, error) {
	if t.mutedIn != txn {
		all, err := silences(txn)
		if err != nil {
			return "", err
		}
		t.silences, t.mutedIn = all, txn
	}
	h := a.head()
	for i := range t.silences {
		s := &t.silences[i]
		if !s.Active(t.now) || !s.Match.Matches(&h) {
			continue
		}
		if a.MutedBy == s.ID {
			return s.ID, nil
		}
		s.Matched++
		return s.ID, putSilence(txn, s)
	}
	return "", nil
}

// An inhibiting alert is found by the rules that it names.
func inhibitKey(rule, id string) []byte { return appendText(nameKey(kindInhibit, rule), id) }

type inhibit struct {
	Rule string `cbor:"1,keyasint,omitempty"`
	ID   string `cbor:"2,keyasint,omitempty"` // of the alert
}

func indexInhibits(txn *badger.Txn, a *alert) error {
	for _, rule := range a.Inhibits {
		if err := setEncoded(txn, inhibitKey(rule, a.ID), inhibit{rule, a.ID}); err != nil {
			return err
		}
	}
	return nil
}

// inhibitor is the alert that explains this one: it is not closed, people are told of
// it or of the one that it repeats, it was raised no later, it is about the same entity and its last change is at most
// an hour before the first of this.
func inhibitor(txn *badger.Txn, a *alert) (string, error) {
	var ids []string
	err := scan(txn, nameKey(kindInhibit, a.Rule), func(_, payload []byte) error {
		var i inhibit
		err := decode(payload, &i)
		ids = append(ids, i.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if id == a.ID {
			continue
		}
		by, err := storedAlert(txn, id)
		switch {
		case errors.Is(err, ErrNotFound):
			return "", fmt.Errorf("%w: alert %s is entered as one that inhibits and is not there", ErrCorrupt, id)
		case err != nil:
			return "", err
		case by.State == string(audit.AlertClosed) || by.Muted != "" && by.Muted != string(audit.MutedRepeat) || a.RaisedSeq != 0 && by.RaisedSeq > a.RaisedSeq:
		case timeOf(a.FirstTime)-timeOf(by.LastTime) > inhibitFor || timeOf(by.FirstTime)-timeOf(a.LastTime) > inhibitFor:
		case sameEntity(by.Group, a.Group):
			return id, nil
		}
	}
	return "", nil
}

// sameEntity is whether the fields that two groups share have the same values. What
// an operation is called says nothing of who or what it is about.
func sameEntity(a, b map[string]string) bool {
	shared := 0
	for field, value := range a {
		other, there := b[field]
		if !there {
			continue
		}
		if other != value {
			return false
		}
		if field != "op" && field != "kind" && field != "each" {
			shared++
		}
	}
	return shared > 0
}

// A latest names the alert which others of its rule and group repeat.
type latest struct {
	Rule  string `cbor:"1,keyasint,omitempty"`
	Group string `cbor:"2,keyasint,omitempty"`
	ID    string `cbor:"3,keyasint,omitempty"`
	Last  uint64 `cbor:"4,keyasint"` // bits of the time of the last change of it and of its repetitions
}

func latestKey(rule, group string) []byte { return appendText(nameKey(kindLatest, rule), group) }

// repeated is what a repetition of the alert has to be alike in.
func (d *alert) repeated() map[string]string {
	if d.GroupBy == nil {
		return d.Group
	}
	group := map[string]string{}
	for _, field := range d.GroupBy {
		group[field] = d.Group[field]
	}
	return group
}

// groupText is a group as one text; no two are the same.
func groupText(group map[string]string) string {
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(group)) {
		fmt.Fprintf(&b, "%q=%q ", field, group[field])
	}
	return b.String()
}

func readLatest(txn *badger.Txn, a *alert) (latest, bool, error) {
	var l latest
	payload, found, err := get(txn, latestKey(a.Rule, groupText(a.repeated())))
	if err == nil && found {
		err = decode(payload, &l)
	}
	return l, found, err
}

// repeated is the alert which this one repeats: of the same rule and group, not
// closed, and not longer ago than the rule says.
func repeated(txn *badger.Txn, a *alert) (string, error) {
	l, found, err := readLatest(txn, a)
	if err != nil || !found || l.ID == a.ID {
		return "", err
	}
	by, err := storedAlert(txn, l.ID)
	if err != nil {
		return "", err
	}
	since := timeOf(a.FirstTime) - timeOf(l.Last)
	if by.State == string(audit.AlertClosed) || by.Muted != "" || since > timeOf(a.Dedupe) || timeOf(a.FirstTime) < timeOf(by.FirstTime) {
		return "", nil
	}
	return l.ID, nil
}

// noteForRepeats enters an alert as the one that others may repeat, or as the last
// of those that do.
func noteForRepeats(txn *badger.Txn, a *alert) error {
	if a.Dedupe == 0 || a.Muted != "" && a.Muted != string(audit.MutedRepeat) {
		return nil
	}
	l, found, err := readLatest(txn, a)
	if err != nil {
		return err
	}
	next := latest{Rule: a.Rule, Group: groupText(a.repeated()), ID: a.ID, Last: a.LastTime}
	if a.Muted != "" {
		next.ID = a.MutedBy
	}
	if found && l.ID == next.ID {
		next.Last = bits(max(timeOf(l.Last), timeOf(a.LastTime)))
	}
	if found && l == next {
		return nil
	}
	return setEncoded(txn, latestKey(a.Rule, next.Group), next)
}
