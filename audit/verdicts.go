package audit

import "math"

// A Tally is what people made of a rule's alerts.
type Tally struct {
	Rule       string
	True       int
	Benign     int
	False      int
	Duplicates int
	Unjudged   int // open, or closed before there were verdicts
}

// Judged are the alerts that say something about the rule. A duplicate does not.
func (t *Tally) Judged() int { return t.True + t.Benign + t.False }

// Add counts an alert.
func (t *Tally) Add(a *Alert) {
	switch a.Verdict {
	case VerdictTrue:
		t.True++
	case VerdictBenign:
		t.Benign++
	case VerdictFalse:
		t.False++
	case VerdictDuplicate:
		t.Duplicates++
	default:
		t.Unjudged++
	}
}

// Precision is the part of the judged alerts in which the rule found what it looks
// for, harmful or not, with the ends of its Wilson score interval of 95 %. Without
// a judged alert nothing is known: ok is false, and the interval all of 0 to 1.
func (t *Tally) Precision() (part, low, high float64, ok bool) {
	n := float64(t.Judged())
	if n == 0 {
		return 0, 0, 1, false
	}
	const z = 1.959963984540054 // of 95 %
	p := float64(t.True+t.Benign) / n
	mid := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	whole := 1 + z*z/n
	return p, max(0, (mid-half)/whole), min(1, (mid+half)/whole), true
}
