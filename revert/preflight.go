package revert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrRefused says that an apply was refused before anything was written.
var ErrRefused = errors.New("refused before anything was written")

// A PreflightCheck is what a preflight found of one thing that it looks at.
type PreflightCheck struct {
	Check string         `json:"check"` // such as lag; --allow takes it
	State PreflightState `json:"state"`
	Found string         `json:"found"`          // what was seen, as a sentence
	Hint  string         `json:"hint,omitempty"` // what to do about it
}

// A PreflightState says whether a finding stands in the way.
type PreflightState string

// The states of a check.
const (
	CheckOK      PreflightState = "ok"
	CheckWarn    PreflightState = "warn"    // a person should know, and it goes on
	CheckRefused PreflightState = "refused" // nothing is written
	CheckAllowed PreflightState = "allowed" // it would be refused, and somebody has said that it is all right
)

// A Preflight is what is looked at before an apply writes anything. All of it is
// looked at, so that whoever is refused learns of everything at once.
type Preflight struct {
	Allow  map[string]bool // checks that somebody has said are all right
	Checks []PreflightCheck
}

// Add notes a finding. A refusal that is allowed is noted as such.
func (p *Preflight) Add(f PreflightCheck) {
	if f.State == CheckRefused && p.Allow[f.Check] {
		f.State, f.Hint = CheckAllowed, ""
	}
	p.Checks = append(p.Checks, f)
}

// Err names every refusal; nil: there is none.
func (p *Preflight) Err() error {
	var why, hints []string
	for _, f := range p.Checks {
		if f.State == CheckRefused {
			why = append(why, f.Check+": "+f.Found)
			if hint := f.Check + ": " + f.Hint; f.Hint != "" && !slices.Contains(hints, hint) {
				hints = append(hints, hint)
			}
		}
	}
	if len(why) == 0 {
		return nil
	}
	return &RefusedError{Why: why, hints: hints}
}

// A RefusedError is a preflight that did not let an apply begin. It wraps
// ErrRefused.
type RefusedError struct {
	Why   []string // each begins with the name of its check
	hints []string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%v: %s", ErrRefused, strings.Join(e.Why, "; "))
}

func (e *RefusedError) Unwrap() error { return ErrRefused }

// Hint says what a person can do about it.
func (e *RefusedError) Hint() string { return strings.Join(e.hints, "; ") }
