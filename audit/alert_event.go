package audit

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// An AlertEvent is one line of an alert's history, which is only ever added to.
type AlertEvent struct {
	Alert  string      `json:"alert"`
	Number int         `json:"number"` // from 1
	At     Time        `json:"at"`     // by our clock
	By     string      `json:"by"`     // who; empty: the program itself
	Action AlertAction `json:"action"`

	Note        string  `json:"note,omitempty"`
	Assignee    string  `json:"assignee,omitempty"`     // of Assigned; empty: nobody any more
	Verdict     Verdict `json:"verdict,omitempty"`      // of Resolved
	DuplicateOf string  `json:"duplicate_of,omitempty"` // of Resolved as a duplicate
}

// An AlertAction is what was done with an alert.
type AlertAction string

// The actions.
const (
	ActionAcknowledged AlertAction = "acknowledged"
	ActionStarted      AlertAction = "started" // somebody began to work on it
	ActionAssigned     AlertAction = "assigned"
	ActionNoted        AlertAction = "noted"
	ActionResolved     AlertAction = "resolved" // it is closed with a verdict
	ActionReopened     AlertAction = "reopened"
	ActionUndelivered  AlertAction = "undelivered" // a sink was not told of it; Note says which, and why
	ActionRedelivered  AlertAction = "redelivered" // the sinks are told again
	ActionDropped      AlertAction = "dropped"     // what a sink, which Note names, was not told is forgotten
)

// maxNote bounds the texts that people give.
const maxNote = 10_000

// Act does with an alert what the event says, or says why that cannot be done and
// leaves the alert as it is.
func (a *Alert) Act(e AlertEvent) error {
	for _, text := range []string{e.By, e.Note, e.Assignee, e.DuplicateOf} {
		if len(text) > maxNote || !utf8.ValidString(text) {
			return fmt.Errorf("a text is longer than %d bytes or no UTF-8", maxNote)
		}
	}
	switch e.Action {
	case ActionAcknowledged:
		return a.moveTo(AlertAcked, AlertOpen)
	case ActionStarted:
		return a.moveTo(AlertInProgress, AlertOpen, AlertAcked)
	case ActionAssigned:
		a.Assignee = e.Assignee
	case ActionNoted:
		if e.Note == "" {
			return fmt.Errorf("the note is empty")
		}
	case ActionResolved:
		return a.resolve(e)
	case ActionReopened:
		if err := a.moveTo(AlertOpen, AlertClosed); err != nil {
			return err
		}
		a.Verdict, a.DuplicateOf = "", ""
	case ActionUndelivered, ActionRedelivered, ActionDropped:
	default:
		return fmt.Errorf("%q is nothing that is done with an alert", e.Action)
	}
	return nil
}

func (a *Alert) resolve(e AlertEvent) error {
	switch {
	case !slices.Contains(Verdicts, e.Verdict):
		return fmt.Errorf("%q is no verdict", e.Verdict)
	case e.Verdict == VerdictDuplicate && e.DuplicateOf == "":
		return fmt.Errorf("of which alert it is a duplicate is not said")
	case e.Verdict != VerdictDuplicate && e.DuplicateOf != "":
		return fmt.Errorf("only a duplicate is one of another alert")
	case e.DuplicateOf == a.ID:
		return fmt.Errorf("an alert is no duplicate of itself")
	}
	if err := a.moveTo(AlertClosed, AlertOpen, AlertAcked, AlertInProgress); err != nil {
		return err
	}
	a.Verdict, a.DuplicateOf = e.Verdict, e.DuplicateOf
	return nil
}

// An ActError says that what somebody asks for cannot be done with an alert.
type ActError struct{ Err error }

func (e *ActError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *ActError) Unwrap() error { return e.Err }

// An AlertStateError says that an alert is not in a state in which what was asked
// for can be done.
type AlertStateError struct{ State AlertState }

// Error names the state.
func (e *AlertStateError) Error() string { return fmt.Sprintf("it is %s", e.State) }

// Hint says how it can be.
func (e *AlertStateError) Hint() string {
	if e.State == AlertClosed {
		return "recourse alerts reopen ID opens it again"
	}
	return "recourse alerts show ID prints its state and its history"
}

func (a *Alert) moveTo(to AlertState, from ...AlertState) error {
	if !slices.Contains(from, a.State) {
		return &AlertStateError{a.State}
	}
	a.State = to
	return nil
}
