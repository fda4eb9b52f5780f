package audit

import (
	"maps"
	"slices"
)

// A Ledger is what earlier applies have done: which changes each of them undid,
// or stopped undoing, and which changes were its own writes. Nothing is ever
// taken out of it; what an apply did ends with a later one that takes it back.
type Ledger struct {
	Applies []Apply              // in the order in which they were begun; of those from before there were numbers, first
	Entries map[ChangeID][]Entry // by change, in the order of Applies; an apply has one at most for each
	Own     map[ChangeID]string  // our own writes, and the digest of the plan that each is of
	// Chosen says of our own writes which of their values a person had chosen.
	// They are that person's; the others are nobody's.
	Chosen map[ChangeID]Choice
}

// An Apply is a plan that was begun to be carried out.
type Apply struct {
	Plan    string   `json:"plan"`             // the plan's digest
	Number  uint64   `json:"number"`           // from 1 in the order in which they were begun; 0: by a program that kept none
	At      Time     `json:"at"`               // our clock when it was begun; 0: not known
	By      string   `json:"by"`               // the Harper user that wrote
	Author  string   `json:"author"`           // who made the plan; empty: not known
	Purpose string   `json:"purpose"`          // revert, undo, redo or restore
	Undoes  []string `json:"undoes"`           // the plans whose applies it takes back, sorted
	Since   Time     `json:"since"`            // of a restore: the time that it restores; else 0
	Ended   Time     `json:"ended"`            // our clock when it came to its end and how each of its writes went was known; 0: not yet
	Policy  string   `json:"policy,omitempty"` // the plan's policy, as JSON; empty: not known
	// What the plan was to undo: the selection's digest, how many changes and
	// records.
	Selection string `json:"selection"`
	Events    int    `json:"events"`
	Records   int    `json:"records"`
}

// What an apply was for.
const (
	PurposeRevert  = "revert"  // to undo changes that were selected
	PurposeUndo    = "undo"    // to take back an earlier apply
	PurposeRedo    = "redo"    // to take back the undoing of one
	PurposeRestore = "restore" // to bring records back to how they were at a time
)

// An Entry is what one apply did with one change.
type Entry struct {
	Plan string
	// Undone says that the apply took back what those did with the change that it
	// undoes. Otherwise it undid the change.
	Undone bool
}

// Entered is what an apply has done with one record.
type Entered struct {
	Own      []ChangeID // its writes
	Chosen   Choice     // what of them a person had chosen
	Reverted []ChangeID // changes that it has undone
	Undone   []ChangeID // changes for which it has taken others back
}

// A Choice is what of a write a person had chosen.
type Choice struct {
	Whole bool     // all of it, the record's being there included
	Attrs []string // or these attributes, sorted
}

// Stands says that the plan's apply undid the change, or took something back for
// it, and no later one has taken that back.
func (l *Ledger) Stands(plan string, id ChangeID) bool { return l.Standing()(plan, id) }

// Standing is Stands for many changes.
func (l *Ledger) Standing() func(plan string, id ChangeID) bool {
	return l.StandingBut(nil, func(ChangeID) bool { return false })
}

// StandingBut is Standing as it would be with the applies of some plans taken back
// for the changes that back names.
func (l *Ledger) StandingBut(plans []string, back func(ChangeID) bool) func(plan string, id ChangeID) bool {
	undoes := l.undoes()
	undoes[""] = plans // no plan has an empty digest
	return func(plan string, id ChangeID) bool {
		entries := l.Entries[id]
		if back(id) {
			entries = append(slices.Clone(entries), Entry{Undone: true})
		}
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Plan == plan })
		return i >= 0 && standing(entries, undoes)[i]
	}
}

// Reverted are the changes that are undone, each with the newest plan that undid
// it and was not taken back.
func (l *Ledger) Reverted() map[ChangeID]string { return l.Without(nil, nil) }

// Without is Reverted as it would be with the applies of some plans taken back
// for some changes.
func (l *Ledger) Without(plans []string, ids []ChangeID) map[ChangeID]string {
	undoes := l.undoes()
	undoes[""] = plans
	reverted := make(map[ChangeID]string, len(l.Entries))
	for id, entries := range l.Entries {
		if by, ok := reverter(entries, undoes); ok {
			reverted[id] = by
		}
	}
	for _, id := range ids {
		delete(reverted, id)
		if by, ok := reverter(append(slices.Clone(l.Entries[id]), Entry{Undone: true}), undoes); ok {
			reverted[id] = by
		}
	}
	return reverted
}

// Redoes are the plans that must be taken back for the change, so that what the
// plan's apply did with it counts again.
func (l *Ledger) Redoes(plan string, id ChangeID) []string {
	undoes := l.undoes()
	entries := append(slices.Clone(l.Entries[id]), Entry{Undone: true})
	for {
		stands := standing(entries, undoes)
		more := ""
		for i, e := range entries {
			if e.Undone && stands[i] && slices.Contains(undoes[e.Plan], plan) && e.Plan != "" {
				more = e.Plan
			}
		}
		if more == "" {
			return undoes[""]
		}
		undoes[""] = append(undoes[""], more)
	}
}

// undoes is, for each plan that takes others back, which.
func (l *Ledger) undoes() map[string][]string {
	m := map[string][]string{}
	for i := range l.Applies {
		if a := &l.Applies[i]; len(a.Undoes) > 0 {
			m[a.Plan] = a.Undoes
		}
	}
	return m
}

// reverter is the newest plan by which a change is undone.
func reverter(entries []Entry, undoes map[string][]string) (string, bool) {
	if len(entries) == 1 && !entries[0].Undone {
		return entries[0].Plan, true // as nearly all are
	}
	stands := standing(entries, undoes)
	for i, e := range slices.Backward(entries) {
		if !e.Undone && stands[i] {
			return e.Plan, true
		}
	}
	return "", false
}

// standing says of each of a change's entries whether none that itself stands
// takes it back. What takes back comes later than what it takes back.
func standing(entries []Entry, undoes map[string][]string) []bool {
	stands := make([]bool, len(entries))
	for i := range slices.Backward(entries) {
		stands[i] = true
		for j := i + 1; j < len(entries); j++ {
			if entries[j].Undone && stands[j] && slices.Contains(undoes[entries[j].Plan], entries[i].Plan) {
				stands[i] = false
			}
		}
	}
	return stands
}

// Of are the changes that an apply has entries for, sorted by id.
func (l *Ledger) Of(plan string) []ChangeID {
	var ids []ChangeID
	for id, entries := range l.Entries {
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Plan == plan }) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b ChangeID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// OwnOf are an apply's own writes, sorted by id.
func (l *Ledger) OwnOf(plan string) []ChangeID {
	var ids []ChangeID
	for id := range maps.Keys(l.Own) {
		if l.Own[id] == plan {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b ChangeID) int { return slices.Compare(a[:], b[:]) })
	return ids
}
