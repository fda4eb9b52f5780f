package query

import (
	"fmt"

	"recourse/audit"
)

// Where matches changes by a condition of another language, such as those of
// rules. What can be said of it in this one is to stand beside it, so that not
// every change needs to be read.
type Where struct {
	Text string // the condition as it was written
	// Holds is called by several at once. Its error ends a search; Expr.Match
	// takes it as not holding.
	Holds func(*audit.Change) (bool, error)

	needs Node // what can be said of it in this language; nil: nothing
}

// String is for people: [Parse] does not read it back.
func (w Where) String() string { return "where:" + quote(w.Text) }

func (w Where) match(s *subject) bool {
	holds, err := w.Holds(s.c)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("decide change %d by %s: %w", s.c.Seq, w.Text, err)
	}
	return holds && err == nil
}

func (Where) might(*audit.Gap) (yes, no bool) { return true, true }
