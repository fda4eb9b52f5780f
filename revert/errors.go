package revert

import (
	"errors"
	"fmt"
)

// What callers ask for; the command line has an exit code for each.
var (
	// ErrBadSelection says that a selection file is not what was written.
	ErrBadSelection = errors.New("selection is damaged")
	// ErrBadPlan says that a plan file is not what was written: changed, cut
	// short, or of a form this program does not know.
	ErrBadPlan = errors.New("plan is damaged")
	// ErrIncomplete says that a selected change is in no history that was given.
	ErrIncomplete = errors.New("history is incomplete")
	// ErrPlanStale says that every record the plan would write has moved on.
	ErrPlanStale = errors.New("plan is stale")
	// ErrConflicts says that the plan leaves conflicts for a person to decide.
	ErrConflicts = errors.New("conflicts are unresolved")
	// ErrPartial says that some of the plan was not carried out.
	ErrPartial = errors.New("plan is partly done")
	// ErrUnknownOutcome says that of at least one write it is not known whether
	// it was made.
	ErrUnknownOutcome = errors.New("outcome of a write is unknown")
	// ErrNoUser says that the applier was not told as which user it writes, so
	// that it could not recognise its own changes in the log.
	ErrNoUser = errors.New("the writing user is not named")
	// ErrReviewCopy says that a file is a copy for reviewers, without values.
	ErrReviewCopy = errors.New("this is a review copy, which holds no values; the plan itself is needed")
	// ErrNoLine says that a plan has nothing of what was asked for.
	ErrNoLine = errors.New("no line of the plan fits")
	// ErrBadResolution says that a decision is none that the conflict allows.
	ErrBadResolution = errors.New("decision does not fit")
	// ErrAborted says that the apply of this plan was closed for good.
	ErrAborted = errors.New("the apply of this plan was aborted")
	// ErrNotVerified says that a record is not as the plan wants it.
	ErrNotVerified = errors.New("records differ from the plan")
)

// A FileError is a selection or plan that could not be read. It wraps
// ErrBadSelection or ErrBadPlan.
type FileError struct {
	Err  error
	Line int    // from 1; 0 is the file as a whole
	Why  string // what is wrong
}

func (e *FileError) Error() string {
	what := "read plan"
	if errors.Is(e.Err, ErrBadSelection) {
		what = "read selection"
	}
	if e.Line > 0 {
		return fmt.Sprintf("%s: line %d: %v: %s", what, e.Line, e.Err, e.Why)
	}
	return fmt.Sprintf("%s: %v: %s", what, e.Err, e.Why)
}

func (e *FileError) Unwrap() error { return e.Err }

// Hint says what a person can do about it.
func (e *FileError) Hint() string {
	if errors.Is(e.Err, ErrBadSelection) {
		return "select the changes again; a selection is not edited by hand"
	}
	return "plan again from the selection; a plan is not edited by hand"
}

func badPlan(line int, format string, args ...any) error {
	return &FileError{Err: ErrBadPlan, Line: line, Why: fmt.Sprintf(format, args...)}
}

// A ResultError is the outcome of an apply that did not end well. It wraps
// ErrUnknownOutcome, ErrPlanStale, ErrPartial or ErrConflicts, whichever asks
// most of a person.
type ResultError struct {
	Err    error
	Detail string
	hint   string
}

func (e *ResultError) Error() string { return "apply plan: " + e.Err.Error() + ": " + e.Detail }

func (e *ResultError) Unwrap() error { return e.Err }

// Hint says what a person can do about it.
func (e *ResultError) Hint() string { return e.hint }
