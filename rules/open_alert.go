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
	stored   int              // how many changes it lists before evidence, which are stored with it alone
	listed   int              // how many it lists, while it is being restored
	folded   audit.Seqs       // what it rests on beside what it lists, for which there is no room
	unread   bool             // folded is stored with it and has not been read
	unknown  bool
	late     bool
	fired    firing
	parts    []string // the alerts that are evidence, sorted
	into     string   // the alert that this one became part of; empty: none
	told     bool     // it was given to the rules that hear of it
	gathered bool     // it is among those that are to be told
	spoken   bool     // … and they have heard of one that became part of it
}

// alert makes the entries from low to high evidence, which are in the order of time: of the alert
// that they continue, or of a new one when none is within a window's size of
// them. It fires with the entry that made the difference. Of them only those
// are meant whose numbers, counted from low, are in chain, unless that is nil.
func (g *group) alert(low, high int, chain []int, fires *entry, w *windowing) {
	found := g.entries[low : high+1]
	from, to := &found[0], &found[len(found)-1]
	if chain != nil {
		from, to = &found[chain[0]], &found[chain[len(chain)-1]]
	}
	i := slices.IndexFunc(g.alerts, func(a *openAlert) bool { return to.time >= a.from-w.size && from.time <= a.to+w.size })
	grown := false
	if i < 0 {
		g.alerts = append(g.alerts, g.opens(found, chain, fires, w))
		w.held.spend(alertBytes)
		i, grown = len(g.alerts)-1, true
	}
	a := g.alerts[i]
	if at := w.due(fires); at < a.fired.at || at == a.fired.at && fires.seq < a.fired.on.Seq {
		a.fired, grown = firing{at, w.held.evidence(fires, a.fired.on)}, true
	}
	a.from, a.to = min(a.from, from.time), max(a.to, to.time)
	g.spread(a, w)
	take := func(i int) {
		if e := &g.entries[i]; !e.alerted {
			e.alerted, grown = true, true
			g.altered(i)
			a.take(e, w)
		}
	}
	if chain != nil {
		for _, k := range chain {
			take(low + k)
		}
	} else {
		for i := low; i <= high; i++ {
			if i >= g.clear[0] && i < g.clear[1] { // as nearly all are of an alert that goes on
				i = g.clear[1] - 1
				continue
			}
			take(i)
		}
		g.clears(low, high+1)
	}
	if grown {
		w.touch(a)
	}
	g.join(w)
}

// opens is a new alert of the entries, which are not yet its evidence.
func (g *group) opens(found []entry, chain []int, fires *entry, w *windowing) *openAlert {
	begin, end := found[0].time, found[len(found)-1].time
	first := found[0].seq
	if chain != nil {
		begin, end, first = found[chain[0]].time, found[chain[len(chain)-1]].time, found[chain[0]].seq
	}
	for k := range found {
		if chain == nil || slices.Contains(chain, k) {
			first = min(first, found[k].seq)
		}
	}
	w.stats.Alerts++
	return &openAlert{
		id: w.alertID(w.held.values(g), first), from: begin, to: end, first: begin, last: end, firstSeq: first, lastSeq: first,
		late: w.behind, fired: firing{w.due(fires), w.held.evidence(fires, audit.Evidence{})},
	}
}

// A firing is the change that made the difference, and when it did.
type firing struct {
	at audit.Time
	on audit.Evidence
}

func (f firing) before(g firing) bool {
	return f.at < g.at || f.at == g.at && f.on.Seq < g.on.Seq
}

// touch notes an alert that began or grew.
func (w *windowing) touch(a *openAlert) {
	w.lists.fold(a)
	if !slices.Contains(w.touched, a) {
		w.touched = append(w.touched, a)
	}
}

// stretch lets the open alerts that entry i is near go on over it, and over what
// it brings within reach.
func (g *group) stretch(i int, w *windowing) {
	t := g.entries[i].time
	grown := false
	for _, a := range g.alerts {
		switch {
		case t < a.from-w.size || t > a.to+w.size || t >= a.from && t <= a.to:
		case i == len(g.entries)-1:
			a.to = t
		default:
			a.from, a.to = min(a.from, t), max(a.to, t)
			g.spread(a, w)
			grown = true
		}
	}
	if grown {
		g.join(w)
	}
}

// spread takes an alert's stretch on over all entries that follow one another
// without a silence.
func (g *group) spread(a *openAlert, w *windowing) {
	for i := from(g.entries, a.from) - 1; i >= 0 && g.entries[i].time >= a.from-w.size; i-- {
		a.from = g.entries[i].time
	}
	for i := after(g.entries, a.to); i < len(g.entries) && g.entries[i].time <= a.to+w.size; i++ {
		a.to = g.entries[i].time
	}
}

// join makes one of alerts between which there is no silence any more, because
// of a change that came late.
func (g *group) join(w *windowing) {
	for i := 0; i < len(g.alerts); i++ {
		for j := i + 1; j < len(g.alerts); j++ {
			a, b := g.alerts[i], g.alerts[j]
			if b.from > a.to+w.size || b.to < a.from-w.size {
				continue
			}
			a.absorb(b, w)
			g.alerts = slices.Delete(g.alerts, j, j+1)
			w.held.spend(-alertBytes)
			w.touch(b)
			w.touch(a)
			i, j = -1, len(g.alerts) // a reaches further now
		}
	}
}

// absorb takes over what another alert rests on.
func (a *openAlert) absorb(b *openAlert, w *windowing) {
	b.into = a.id
	a.spoken = b.spoken || b.told && b.fired.at < w.watermark
	w.stats.Merged++
	for _, x := range []*openAlert{a, b} {
		w.lists.fold(x)
		w.lists.whole(x)
	}
	a.count += b.count
	a.from, a.to = min(a.from, b.from), max(a.to, b.to)
	a.first, a.last = min(a.first, b.first), max(a.last, b.last)
	a.firstSeq, a.lastSeq = min(a.firstSeq, b.firstSeq), max(a.lastSeq, b.lastSeq)
	a.unknown, a.late = a.unknown || b.unknown, a.late || b.late
	if b.fired.before(a.fired) {
		a.fired = b.fired
	}
	all := slices.Concat(a.evidence, b.evidence)
	slices.SortStableFunc(all, func(x, y audit.Evidence) int { return cmp.Compare(x.Seq, y.Seq) })
	for s := range b.folded.All() {
		a.folded.Add(s)
	}
	if n := len(all) - w.maxEvidence; n > 0 {
		w.stats.EvidenceCut += uint64(n)
		for _, e := range all[w.maxEvidence:] {
			a.folded.Add(e.Seq)
		}
		all = all[:w.maxEvidence]
	}
	a.evidence = all
	a.parts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.parts, b.parts))))
}

func (a *openAlert) take(e *entry, w *windowing) {
	a.count++
	newest := a.lastSeq
	a.first, a.last = min(a.first, e.time), max(a.last, e.time)
	a.firstSeq, a.lastSeq = min(a.firstSeq, e.seq), max(a.lastSeq, e.seq)
	a.unknown, a.late = a.unknown || e.unknown, a.late || e.late
	if alert := w.held.alertOf(e); alert != "" {
		i, _ := slices.BinarySearch(a.parts, alert)
		a.parts = slices.Insert(slices.Clone(a.parts), i, alert)
	}
	if a.stored+len(a.evidence) >= w.maxEvidence {
		w.stats.EvidenceCut++
		w.lists.fold(a)
		a.folded.Add(e.seq)
		return
	}
	if a.stored > 0 && e.seq < newest && (len(a.evidence) == 0 || e.seq < a.evidence[0].Seq) {
		w.lists.whole(a)
	}
	n := len(a.evidence)
	like := a.fired.on
	if n > 0 {
		like = a.evidence[n-1]
	}
	evidence := w.held.evidence(e, like)
	// Alerts that were handed out share this memory, so it is only ever
	// appended to; what comes out of order goes into a copy.
	if n > 0 && a.evidence[n-1].Seq > e.seq {
		i, _ := slices.BinarySearchFunc(a.evidence, e.seq, func(x audit.Evidence, s audit.Seq) int {
			return cmp.Compare(x.Seq, s)
		})
		a.evidence = slices.Insert(slices.Clone(a.evidence), i, evidence)
		return
	}
	a.evidence = append(a.evidence, evidence)
}
