package rules

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// An openAlert is an alert that may still grow.
type openAlert struct {
	id       string
	from, to audit.Time // the stretch of matching changes without a silence
	first    audit.Time // of the evidence
	last     audit.Time
	firstSeq audit.Seq
	lastSeq  audit.Seq
	count    int
	evidence []audit.Evidence // by seq
	listed   int              // how long evidence is, while it is being restored
	unknown  bool
	late     bool
}

// alert makes the entries evidence: of the alert that they continue, or of a
// new one when none is within a window's size of them.
func (g *group) alert(low, high int, w *windowing) *openAlert {
	from, to := g.entries[low].time, g.entries[high].time
	i := slices.IndexFunc(g.alerts, func(a *openAlert) bool { return to >= a.from-w.size && from <= a.to+w.size })
	if i < 0 {
		first := slices.MinFunc(g.entries[low:high+1], compareEntries).evidence.Seq
		g.alerts = append(g.alerts, &openAlert{
			id: w.alertID(g.values, first), from: from, to: to, first: from, last: to, firstSeq: first, lastSeq: first,
		})
		i = len(g.alerts) - 1
		w.stats.Alerts++
	}
	a := g.alerts[i]
	a.from, a.to = min(a.from, from), max(a.to, to)
	for _, e := range g.entries[low : high+1] {
		if !e.alerted {
			e.alerted = true
			a.take(e, w)
		}
	}
	return a
}

func (a *openAlert) take(e *entry, w *windowing) {
	a.count++
	a.first, a.last = min(a.first, e.time), max(a.last, e.time)
	a.firstSeq, a.lastSeq = min(a.firstSeq, e.evidence.Seq), max(a.lastSeq, e.evidence.Seq)
	a.unknown, a.late = a.unknown || e.unknown, a.late || e.late
	if len(a.evidence) >= w.maxEvidence {
		w.stats.EvidenceCut++
		return
	}
	// Alerts that were handed out share this memory, so it is only ever
	// appended to; what comes out of order goes into a copy.
	if n := len(a.evidence); n > 0 && a.evidence[n-1].Seq > e.evidence.Seq {
		i, _ := slices.BinarySearchFunc(a.evidence, e.evidence.Seq, func(x audit.Evidence, s audit.Seq) int {
			return cmp.Compare(x.Seq, s)
		})
		a.evidence = slices.Insert(slices.Clone(a.evidence), i, e.evidence)
		return
	}
	a.evidence = append(a.evidence, e.evidence)
}
