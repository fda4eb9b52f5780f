// Package notify tells people and other programs of alerts.
//
// What is to be told waits in the store's outbox. A [Sink] knows how to tell it:
// to a webhook, a chat, a pager, a mailbox, a log. [New] makes one of what the
// configuration says; a [Worker] takes the deliveries of one sink out of the outbox
// in their order, tries again what did not get through, and gives up what is too
// old. A delivery may be made twice when the process ends between a success and the
// note of it, but always with the same key. docs/notify.md describes all that for
// those who receive it.
package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recourse/audit"
)

// A Sink tells somebody or something of alerts. It is for one goroutine.
type Sink interface {
	// Send makes one delivery. An error is a [RefusedError] if trying again is of no
	// use; a [RetryError] says when to; after any other it is tried again.
	Send(ctx context.Context, d *audit.Delivery) (Result, error)
}

// A Result is what came of a delivery.
type Result struct {
	// Again is after how long the same is to be sent again, as a receiver wants it
	// that forgets; 0: it is done.
	Again time.Duration
	// Trouble is what went wrong though the delivery got through, such as a template
	// that failed; empty: nothing.
	Trouble string
}

// A RefusedError says that the receiver will not take the delivery, whenever it is
// tried.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap is the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// A RetryError says that the receiver asked to be left alone for a while.
type RetryError struct {
	After time.Duration
	Err   error
}

func (e *RetryError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *RetryError) Unwrap() error { return e.Err }

// refused says how a delivery ended: is there no use in trying it again?
func refused(err error) bool {
	var r *RefusedError
	return errors.As(err, &r)
}

// TestDelivery is one that says nothing but that it is a test; n makes its key.
func TestDelivery(sink string, now time.Time, n int64) *audit.Delivery {
	at := audit.TimeOf(now)
	return &audit.Delivery{
		Sink: sink, Notice: audit.NoticeTest, Revision: 1, At: at,
		Alert: audit.Alert{
			ID: fmt.Sprintf("test-%d", n), Rule: "test", RuleName: "Test", Severity: "info", State: audit.AlertOpen,
			Title: "A test: recourse can tell " + sink + " of alerts", Group: map[string]string{}, FirstTime: at, LastTime: at,
		},
	}
}
