package audit

// A Receipt is one line of the journal: a compensating write that is about to
// be made, and then how it stands. The journal is append-only; a step's last
// receipt says where it is.
type Receipt struct {
	Plan     string `json:"plan"` // the plan's digest
	Step     int    `json:"step"` // the action's number in the plan
	Phase    Phase  `json:"phase"`
	Key      Key    `json:"-"`
	At       Time   `json:"at"`      // our clock
	Guard    Time   `json:"guard"`   // the record's version that the write was based on; 0: not known
	Replaced Image  `json:"-"`       // what the write found
	Wrote    Image  `json:"-"`       // what it was to leave
	Version  Time   `json:"version"` // the time of our own change in the log, once proven
	By       string `json:"by"`      // the Harper user that wrote
	Why      string `json:"why"`     // the reason for a refusal, a failure, a race
	Attempt  int    `json:"attempt"`
	// Class says more exactly how the step ended, such as drift or dropped; of an
	// intent, "repair" says that it is to make a lost race good. Empty: the phase
	// says it all.
	Class string `json:"class,omitempty"`
}

// A Phase is how far a step of an apply got.
type Phase string

// The phases of a step. Planned has no receipt; those from Verified on are ends.
const (
	PhaseIntent   Phase = "intent"   // about to be sent; whether it was is not known
	PhaseSent     Phase = "sent"     // an answer is awaited
	PhaseAcked    Phase = "acked"    // Harper answered with success, which proves nothing yet
	PhaseVerified Phase = "verified" // the audit log and the record prove it
	PhaseSkipped  Phase = "skipped"  // the record was not what the plan expects; nothing was written
	PhaseRaced    Phase = "raced"    // it went over what somebody wrote at the same moment
	PhaseRepaired Phase = "repaired" // so too, and what it went over has been written back
	PhaseFailed   Phase = "failed"   // Harper refused it, or ignored it
	PhaseUnknown  Phase = "unknown"  // it may or may not have been made
	// PhaseAborted, of step 0, closes the apply as a whole: nothing more is to be
	// written for its plan.
	PhaseAborted Phase = "aborted"
)

// Done says that the phase is an end.
func (p Phase) Done() bool {
	switch p {
	case PhaseVerified, PhaseSkipped, PhaseRaced, PhaseRepaired, PhaseFailed, PhaseUnknown, PhaseAborted:
		return true
	}
	return false
}
