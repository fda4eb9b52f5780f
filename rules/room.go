package rules

// What an engine keeps takes about so many bytes, with its part of what lists and
// tables of places leave free. It is counted by what there is, not by what it lies in,
// so that an engine which is made anew gives up the same.
const (
	groupBytes   = 320 // and its name
	entryBytes   = 56  // with its texts and its tally
	alertBytes   = 1200
	stretchBytes = 16
)

// A room is what all rules of an engine keep, in bytes.
type room struct {
	taken int
	most  int // 0: there is no bound
}

// spend notes that a rule keeps so many bytes more.
func (h *held) spend(n int) {
	h.bytes += n
	h.room.taken += n
}

// holds notes that a rule keeps so many changes more.
func (w *windowing) holds(n int) {
	w.kept += n
	w.held.spend(n * entryBytes)
}

// stretches is how many stretches a group's history has.
func (g *group) stretches() int {
	if g.history == nil {
		return 0
	}
	return len(g.history.buckets)
}

// rest is what a group takes beside its entries.
func (h *held) rest(g *group) int {
	return groupBytes + len(h.name(g)) + len(g.alerts)*alertBytes + g.stretches()*stretchBytes
}

// giveUp lets groups go until what is kept fits: of the rule that keeps the most, the
// least recently touched.
func (e *Engine) giveUp() {
	for _, r := range e.rules {
		r.expire(e) // saving may have let these go already
	}
	for e.room.taken > e.room.most {
		var most *ruleState
		for _, r := range e.rules {
			if r.held.n > 1 && (most == nil || r.held.bytes > most.held.bytes) {
				most = r
			}
		}
		if most == nil {
			return
		}
		most.evict(e)
	}
}
