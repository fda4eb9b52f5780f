// Package worlds makes streams of changes as five kinds of systems make them:
// people and services at work by hours and days, harmless events that look like
// attacks, and attacks, each labelled.
//
// A stream is made by its [Config] alone: the same configuration gives the same
// changes. It serves to measure rules, and knows nothing of them.
package worlds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"recourse/audit"
)

// A Config fixes a stream. The zero value of a field selects its default.
type Config struct {
	Kind    string // one of Kinds
	Seed    uint64
	Users   int  // people with an account, default 200
	Days    int  // default 28
	Quiet   int  // days before the first attack, default 14
	Attacks int  // incidents, none if 0
	Bare    bool // no snapshot was taken before: what records were before their first change is unknown
}

// Kinds are the kinds of systems that there are.
func Kinds() []string { return []string{"shop", "tenants", "iot", "cache", "etl"} }

// An Event is one change of a stream, and the truth about it.
type Event struct {
	Change   audit.Change
	Incident int    // the number of the Incident that it is part of; 0: harmless
	Prepares bool   // of an incident: it only makes the rest look usual
	Own      bool   // a reversion of our own made it
	Trap     string // the harmless event that it is part of; empty: everyday work
	Rows     int64  // records in the table before the change
}

// An Incident is one attack.
type Incident struct {
	ID       int
	World    string
	Attack   string
	Pace     Pace
	Begins   audit.Time // of the first change that is more than preparation; 0: nothing happened
	Changes  int        // without preparation
	LastSeq  audit.Seq
	FirstSeq audit.Seq
}

// ErrKind says that there is no such kind of system.
var ErrKind = errors.New("no such world")

// A world is a system at a moment.
type world struct {
	Config
	r       *rand.Rand // of everyday work
	evil    *rand.Rand // of attacks
	queue   queue
	now     audit.Time
	steps   int // changes made at the moment now
	seq     audit.Seq
	tables  []*table
	actors  []*actor
	nodes   []string
	label   Event // what the next changes are, beside Change
	late    audit.Time
	txn     *[]Event // not nil: changes are gathered into one group
	history map[historyKey]audit.Value
	found   []*Incident
	taken   map[string]bool // users that an incident has
	yield   func(*Event) error
	err     error
}

// begin is the Monday on which every stream begins.
func begin() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }

const (
	second = audit.Time(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// Run makes the stream and gives its events to yield, in the order in which
// they are learned. It returns the incidents, and stops with yield's error.
func Run(c Config, yield func(*Event) error) ([]Incident, error) {
	c.Users, c.Days, c.Quiet = orDefault(c.Users, 200), orDefault(c.Days, 28), orDefault(c.Quiet, 14)
	system, known := kinds()[c.Kind]
	if !known {
		return nil, fmt.Errorf("make world %q: %w; there are %v", c.Kind, ErrKind, Kinds())
	}
	w := &world{
		Config: c, yield: yield, now: audit.TimeOf(begin()), history: map[historyKey]audit.Value{}, taken: map[string]bool{},
		r:    rand.New(rand.NewPCG(c.Seed, 0x9e3779b97f4a7c15^uint64(slices.Index(Kinds(), c.Kind)))),
		evil: rand.New(rand.NewPCG(c.Seed, 0xd1342543de82ef95^uint64(slices.Index(Kinds(), c.Kind)))),
	}
	w.nodes = []string{"n1", "n2"}
	w.found = []*Incident{nil}
	w.settle(system())
	w.plan()
	for w.err == nil && w.queue.Len() > 0 {
		item := w.queue.next()
		if item.at >= audit.TimeOf(begin())+audit.Time(w.Days)*day {
			break
		}
		if item.at > w.now {
			w.now, w.steps = item.at, 0
		}
		item.do()
		w.label, w.late = Event{}, 0
	}
	var out []Incident
	for _, in := range w.found[1:] {
		if in.Changes > 0 {
			out = append(out, *in)
		}
	}
	return out, w.err
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// on is a moment of a day of the stream, at an hour of it.
func on(d int, h float64) audit.Time {
	return audit.TimeOf(begin()) + audit.Time(d)*day + audit.Time(h)*hour
}

// at does something at a time; what lies in the past is done at once.
func (w *world) at(t audit.Time, do func()) { w.queue.add(max(t, w.now), do) }

// after does something later.
func (w *world) after(d audit.Time, do func()) { w.at(w.now+d, do) }

// labelled does something now as part of a harmless event.
func (w *world) labelled(trap string, do func()) {
	was := w.label
	w.label.Trap = trap
	do()
	w.label = was
}
