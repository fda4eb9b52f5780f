package rules

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// listings are where the changes are that open alerts rest on and that are not kept in
// memory: with the alerts, in that which stores them.
type listings struct {
	listed func(id string) ([]audit.Evidence, error) // nil: all is kept
	folded func(id string) (audit.Seqs, error)       // nil: they are not known
	last   int                                       // changes of a list that are kept though it is stored
	err    error                                     // that something could not be read
}

// lastListed is how many changes that an alert lists are kept in memory when it was
// saved: what is learned a little out of order is put among them without reading.
const lastListed = 8

// leave leaves what an alert lists to what it was saved with.
func (l *listings) leave(a *openAlert) {
	n := len(a.evidence) - l.last
	if l.listed == nil || n <= 0 {
		return
	}
	a.stored += n
	a.evidence = slices.Clone(a.evidence[n:])
}

// whole has all in memory that an alert lists.
func (l *listings) whole(a *openAlert) {
	if a.stored == 0 || l.err != nil {
		return
	}
	all, err := l.listed(a.id)
	if err == nil && len(all) < a.stored {
		err = fmt.Errorf("%w: it lists %d changes, and the rules had %d", ErrState, len(all), a.stored)
	}
	if err != nil {
		l.err = fmt.Errorf("read the evidence of alert %s: %w", a.id, err)
		return
	}
	a.evidence, a.stored = slices.Concat(all[:a.stored], a.evidence), 0
}

// fold has in memory what an alert rests on beside what it lists.
func (l *listings) fold(a *openAlert) {
	if !a.unread || l.err != nil {
		return
	}
	a.unread = false
	if l.folded == nil {
		return
	}
	var err error
	if a.folded, err = l.folded(a.id); err != nil {
		l.err = fmt.Errorf("read the evidence of alert %s: %w", a.id, err)
	}
}
