package audit

import (
	"fmt"
	"slices"
)

// A Route says which alerts a sink is told of. A sink is where people or other
// programs hear of alerts: a webhook, a pager, a mailbox, a file.
type Route struct {
	Sink        string
	MinSeverity string   // the least severity; empty: any
	Rules       []string // patterns of rule ids with * and ?; none: all
	States      bool     // it is told of what people do with the alerts, too
}

// Wants is whether the sink is to be told that this happened to an alert.
func (r *Route) Wants(a *Alert, n Notice) bool {
	if n == NoticeState && !r.States || a.Rule == RuleUndelivered && a.Group["sink"] == r.Sink {
		return false
	}
	return SeverityRank(a.Severity) >= SeverityRank(r.MinSeverity) && (len(r.Rules) == 0 || AnyGlob(r.Rules, a.Rule))
}

// RuleUndelivered is the rule of the alerts which say that a sink could not be told
// of alerts. Their group names the sink, which is not told of them.
const RuleUndelivered = "alerts-undelivered"

// A Notice is why a sink is told of an alert.
type Notice string

// The notices.
const (
	NoticeRaised   Notice = "raised"
	NoticeGrown    Notice = "grown"    // it rests on so much more that it is told again
	NoticeSeverity Notice = "severity" // it became worse
	NoticeState    Notice = "state"    // people did something with it: see the alert's State
	NoticeAgain    Notice = "again"    // somebody asked for it to be told again
	NoticeTest     Notice = "test"     // there is no such alert: the sink is tried
)

// A Delivery is one message to one sink: what is waiting in the outbox until the
// sink has taken it.
type Delivery struct {
	Sink   string
	Number uint64 // its place in the outbox; ascending in the order in which things happened
	Notice Notice
	// Revision counts the notices of the alert. With the alert's id it is the key by
	// which a receiver knows a message that came twice.
	Revision int
	// Alert is as it was then, with its first DeliveryChanges changes.
	Alert Alert
	At    Time // when it was put into the outbox, by our clock

	Attempts int    // how often it was tried
	Next     Time   // not to be tried before, by our clock
	Error    string // of the last try
	// Sent is when the sink took it; it is kept to be told again at Next, for as long
	// as the sink wants that. 0: it did not take it yet.
	Sent Time
	Dead Time // when it was given up; 0: it was not
}

// DeliveryChanges is how many of an alert's changes a delivery has.
const DeliveryChanges = 20

// Key names the message: the same however often it is sent.
func (d *Delivery) Key() string { return fmt.Sprintf("%s-%d", d.Alert.ID, d.Revision) }

// A SinkState is how the deliveries to a sink stand.
type SinkState struct {
	Sink    string
	Waiting int  // not taken yet
	Repeats int  // taken, and to be told again
	Dead    int  // given up
	Oldest  Time // when the oldest of those that wait was put there; 0: none waits
}

// Brief is the alert as a delivery has it.
func (a *Alert) Brief() Alert {
	b := *a
	b.Changes = slices.Clone(a.Changes[:min(len(a.Changes), DeliveryChanges)])
	b.Folded = Seqs{}
	return b
}

// A Settlement is how deliveries of one sink ended.
type Settlement struct {
	Done  []uint64   // their numbers: the sink took them, or they are of no use any more
	Later []Delivery // to be made, or made again, at Next
	Dead  []Delivery // given up
}
