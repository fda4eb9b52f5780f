package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"recourse/audit"
	"recourse/index"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/revert"
	"recourse/rules"
	"recourse/store"
)

// The exit codes are a promise to scripts; docs/cli.md repeats them.
const (
	exitOK          = 0
	exitInternal    = 1
	exitNothing     = 2  // nothing found in what is stored; a plan that is not empty
	exitConflicts   = 3  // unresolved conflicts
	exitStale       = 4  // the plan no longer fits the history
	exitPartly      = 5  // something failed, raced or was refused; the rest is done
	exitIntegrity   = 6  // verification failed
	exitApproval    = 7  // an approval or a signature is missing
	exitPreflight   = 8  // refused before anything was written
	exitBusy        = 9  // another process has the store
	exitOutcome     = 10 // whether a write was made is not known
	exitCoverage    = 11 // coverage incomplete, with --require-coverage
	exitHarper      = 12 // Harper cannot be reached, or refuses
	exitUsage       = 64
	exitInput       = 65
	exitInterrupted = 130
)

// An exitError is an error with an exit code of its own and a word on what to
// do. A nil err exits without a message: the command has said all.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Hint says what to do next.
func (e *exitError) Hint() string { return e.hint }

// exit ends a command with a code and nothing more to say.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// usageHint is for a command line that is wrong.
const usageHint = "see --help for the command's arguments and an example"

func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: usageHint}
}

func inputErr(err error) error { return &exitError{code: exitInput, err: err} }

// exitCode is the code that an error ends the program with.
func exitCode(ctx context.Context, err error) int {
	var own *exitError
	var bad *ingest.BadInputError
	var export *ingest.BadBaselineError
	var lint *rules.LintError
	stopped := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)))
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own) && !(stopped && own.code == exitInput): // input that was waited for is not bad
		return own.code
	case stopped:
		return exitInterrupted
	case errors.As(err, &bad), errors.As(err, &export), errors.As(err, &lint), errors.Is(err, revert.ErrBadPlan),
		errors.Is(err, revert.ErrReviewCopy), errors.Is(err, revert.ErrClusters), errors.Is(err, revert.ErrBadApproval), errors.Is(err, revert.ErrBadResolution):
		return exitInput
	case errors.Is(err, revert.ErrNotApproved), errors.Is(err, revert.ErrPlanExpired):
		return exitApproval
	case errors.Is(err, revert.ErrPlanStale):
		return exitStale
	case errors.Is(err, store.ErrFormat):
		return exitInput
	case errors.Is(err, store.ErrBusy), errors.Is(err, index.ErrBusy):
		return exitBusy
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, index.ErrRebuild):
		return exitIntegrity
	case errors.Is(err, harper.ErrUnauthorized), errors.Is(err, harper.ErrForbidden),
		errors.Is(err, harper.ErrUnreachable), errors.Is(err, harper.ErrTimeout), errors.Is(err, harper.ErrNotFound):
		return exitHarper
	}
	var refused *harper.Error
	var truncated *harper.TruncatedError
	if errors.As(err, &refused) || errors.As(err, &truncated) {
		return exitHarper
	}
	return exitInternal
}

// hintOf is the advice of the innermost error that has one.
func hintOf(err error) string {
	hint := ""
	for err != nil {
		if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
			hint = h.Hint()
		}
		if _, ok := err.(*ingest.BadInputError); ok {
			return hint // what is within speaks of a server's answer, not of a file
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				if h := hintOf(e); h != "" {
					hint = h
				}
			}
			return hint
		}
		err = errors.Unwrap(err)
	}
	return hint
}

// complain prints an error for people, or as JSON where JSON was asked for.
func complain(e *env, err error, code int, asJSON bool) {
	var own *exitError
	if errors.As(err, &own) && own.err == nil {
		return
	}
	if e.beside != nil {
		logPanic(e.beside.log, err)
	}
	if e.failed != nil {
		e.failed(err, code)
		return
	}
	if e.beside == nil {
		logPanic(slog.New(slog.NewTextHandler(e.stderr, nil)), err)
	}
	f := failureOf(err, code)
	if asJSON {
		out, _ := json.Marshal(map[string]failure{"error": f})
		fmt.Fprintln(e.stderr, string(out))
		return
	}
	fmt.Fprintf(e.stderr, "recourse: %s\n", f.Message)
	if f.Hint != "" {
		fmt.Fprintf(e.stderr, "hint: %s\n", f.Hint)
	}
}

// logPanic says of a defect of the program where it was.
func logPanic(log *slog.Logger, err error) {
	if p, ok := errors.AsType[*audit.Panic](err); ok {
		log.Error("a defect of the program", "panic", printable(fmt.Sprint(p.Value)), "stack", string(p.Stack))
	}
}

// A failure is an error as it is told.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	// Position is where in the query it is wrong, in characters from 1; left out
	// where the error is about no place in a query.
	Position int `json:"position,omitempty"`
}

func failureOf(err error, code int) failure {
	return failure{code, printable(err.Error()), printable(hintOf(err)), positionOf(err)}
}

// printable takes control characters out of text that may quote a server or a
// record, so that it cannot steer the terminal. Line ends stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}
