package api

import (
	"context"
	"strings"
	"time"

	"recourse/audit"
)

// A StateFunc says how the daemon stands now. It is asked at most once in
// [Options.Fresh], however many ask the server, and should answer within
// [Options.Patience]. What it knows when it fails is not published; the error is,
// to whoever can reach the server.
type StateFunc func(context.Context) (State, error)

// A State is what a running daemon knows of itself at one moment. Counters count
// since the process began, where their comment says nothing else. What is not
// known is nil or zero, as the comments say, and no figure is published for it.
type State struct {
	At      time.Time // the moment, by our clock; zero: when the server asked
	Store   StoreState
	Nodes   []NodeState
	Tables  []TableState
	Gaps    map[audit.GapKind]int // stretches that are hidden still; a kind that is not there has none
	Healed  map[audit.GapKind]int // those that were read after all
	Slow    int                   // slow windows known
	Index   audit.Seq             // how many changes of whole blocks are not indexed
	Rules   audit.Seq             // how many changes the rules have not seen
	Alerts  map[string]int        // open ones by severity
	Sinks   []SinkState
	Base    []BaselineState
	Loops   []Loop
	Version Version
}

// A StoreState is how the store stands. Changes, Late, Divergences and Amended
// count since the store was made, or since it was opened where it keeps no count.
type StoreState struct {
	Open    bool
	Trouble string // why nothing can be written now, such as a full disk; empty: it can
	Head    audit.Seq
	Changes int
	Late    int
	// Divergences are readings of a stored change that say something else,
	// Amended those that could be trusted further and took its place.
	Divergences int
	Amended     int
	Disk        int64  // bytes that the store and the index take up
	Free        *int64 // bytes free where they lie; nil: not known
}

// A SinkState is how the deliveries of alerts to one sink stand.
type SinkState struct {
	Sink      string
	Delivered int64
	Failed    int64     // tries
	GivenUp   int64     // deliveries, since the process began
	Waiting   int       // not taken yet
	Dead      int       // given up and kept
	Broken    bool      // it fails again and again, and is tried only once in a while
	Last      time.Time // when one last got through; zero: none since the process began
	Oldest    time.Time // since when the oldest of those that wait does; zero: none waits
}

// A NodeState is how one node of Harper stands.
type NodeState struct {
	Node string
	Up   bool // its last request was answered
	// Reached is when it last answered; zero: not since the process began.
	Reached   time.Time
	Skew      *time.Duration // its clock less ours; nil: not measured
	Retention time.Duration  // how long it keeps its log; 0: not known

	Polls      int64
	Errors     map[ErrorClass]int64 // polls that failed
	Requests   int64                // everything sent to it
	Bytes      int64                // what it answered, as it came from the network
	Unreadable int64                // entries that it could not read, isolated
	Rescans    []RescanState
	Reconcile  ReconcileState
	Feeds      map[string]bool // by kind: whether it is connected
}

// An ErrorClass is why a poll failed.
type ErrorClass string

// The classes of a poll's errors. Any other counts as ErrorOther.
const (
	ErrorUnreachable  ErrorClass = "unreachable"  // no answer came
	ErrorUnauthorized ErrorClass = "unauthorized" // the credentials were refused
	ErrorForbidden    ErrorClass = "forbidden"    // the role lacks the right
	ErrorTimeout      ErrorClass = "timeout"      // Harper sent nothing for too long
	ErrorBusy         ErrorClass = "busy"         // Harper asked to come later
	ErrorTruncated    ErrorClass = "truncated"    // the answer broke off
	ErrorOther        ErrorClass = "other"
)

var errorClasses = []ErrorClass{ErrorUnreachable, ErrorUnauthorized, ErrorForbidden,
	ErrorTimeout, ErrorBusy, ErrorTruncated, ErrorOther}

// A RescanState is how one tier of re-scans of a node stands.
type RescanState struct {
	Tier string // the time that it reaches back: "1h0m0s"
	Done int64
	Last time.Time // when one was last done; zero: never
}

// A ReconcileState is how the comparison of a node's log with the store stands.
type ReconcileState struct {
	Done      int64
	Last      time.Time // when one last ended; zero: never
	Healed    int64     // changes that were missing and are stored now
	Differing int64     // changes that the node says otherwise
}

// A TableState is how far one table's log was read on one node. Only tables
// that are followed have one: not those without an audit log, nor those that
// the user may not read.
type TableState struct {
	Node  string
	Table audit.Table
	Read  audit.Time // by the node's clock; 0: never read
}

// A BaselineState is how many records of a table the baselines hold.
type BaselineState struct {
	Table   audit.Table
	Records int
}

// A Loop is a part of the daemon that goes round for as long as it lives, such
// as the tail of a database, and shows thereby that it is not stuck.
type Loop struct {
	Name  string
	Beat  time.Time     // when it last went round; zero: not yet, and it counts from the server's making
	Limit time.Duration // how long a round may take; 0: two minutes
}

// A Version is what the program was built from.
type Version struct {
	Version  string
	Revision string // of the source; empty: not known
}

// String is both, as two programs that are the same have it.
func (v Version) String() string { return strings.TrimSpace(v.Version + " " + v.Revision) }

// versionHeader tells a server what program asks.
const versionHeader = "Recourse-Version"
