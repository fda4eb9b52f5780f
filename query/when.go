package query

import (
	"cmp"
	"strconv"
	"time"

	"recourse/audit"
)

// When matches changes by their time, compared by Is, Less, AtMost, More or
// AtLeast.
type When struct {
	Op Op
	At audit.Time
}

func (w When) String() string { return "time" + opSigns[w.Op] + timeString(w.At) }

func (w When) match(s *subject) bool { return w.Op.admits(cmp.Compare(s.c.Time, w.At)) }

// gapSlack is how far the time of a hidden change is taken to lie from the
// gap's own limits. These are in the clock of Harper's ranges, which on the
// LMDB line is the time of the commit, while a change shows the time at which
// its transaction began. A backdated transaction can lie further off.
const gapSlack = audit.Time(time.Hour / time.Millisecond)

func (w When) might(g *audit.Gap) (yes, no bool) {
	from, to := g.From-gapSlack, g.To+gapSlack
	switch w.Op {
	case Less:
		return from < w.At, to >= w.At
	case AtMost:
		return from <= w.At, to > w.At
	case More:
		return to > w.At, from <= w.At
	case AtLeast:
		return to >= w.At, from < w.At
	}
	return from <= w.At && w.At <= to, true
}

// Numbered matches changes by our number of them, compared as in When.
type Numbered struct {
	Op Op
	N  audit.Seq
}

func (n Numbered) String() string { return "seq" + opSigns[n.Op] + strconv.FormatUint(uint64(n.N), 10) }

func (n Numbered) match(s *subject) bool { return n.Op.admits(cmp.Compare(s.c.Seq, n.N)) }

// What a gap hides has no number yet, and may get any above those given.
func (Numbered) might(*audit.Gap) (yes, no bool) { return true, true }
