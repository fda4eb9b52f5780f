package rules

import (
	"math"
	"slices"
	"sort"
	"time"

	"recourse/audit"
)

// A Baseline says how a window learns what is usual for each of its groups: how
// many changes a stretch of the window's size had, by the hour of the day; how many
// a day (UTC) had, if the window is a day.
type Baseline struct {
	Train      time.Duration // how far back it looks, in whole days
	MinHistory time.Duration // of a group, before it is armed
	Cold       int           // fires at so many while it is not armed; 0: not at all
}

// leastSpike is the least that is ever called a spike.
const leastSpike = 20

// A history is how many changes a group had, by stretches of the window's size.
type history struct {
	first   int64    // the first stretch; 0 without any
	buckets []bucket // those with changes, in order
	from    int64    // the first stretch that was altered since the last State

	// The spike of one hour of one day, which does not change any more. It is found
	// when a window first has enough changes for it to matter.
	hour  int64
	known bool // of that hour what is older has been forgotten
	found bool // spike is set
	spike int  // 0: not armed
}

type bucket struct {
	at     int64 // the stretch's number since 1970
	count  int32
	frozen bool // an alert was open, so it teaches nothing
}

// bucket is that of the number, made if need be. Most are the last or come after it.
func (h *history) bucket(at int64) *bucket {
	h.from = min(h.from, at)
	if n := len(h.buckets); n > 0 && h.buckets[n-1].at == at {
		return &h.buckets[n-1]
	}
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].at >= at })
	if i == len(h.buckets) || h.buckets[i].at != at {
		h.buckets = slices.Insert(roomy(h.buckets), i, bucket{at: at})
		if h.first == 0 || at < h.first {
			h.first = at
		}
	}
	return &h.buckets[i]
}

// spike decides entry i: whether there are more changes than the group's history
// lets one expect at that hour.
func (e *Engine) spike(r *ruleState, g *group, i int) {
	n := &g.entries[i]
	if g.history == nil {
		g.history = &history{}
	}
	h, size := g.history, r.w.size
	at := int64(n.time / size)
	b := h.bucket(at)
	if !n.taught { // the first time that it is decided
		n.taught = true
		g.altered(i)
		b.count++
		h.altered(at, int64(day/size))
	}
	r.turn(h, n.time)
	// What a group does in its first days is all there is to learn from. If what it
	// alerts on then taught nothing, a nightly job would alert every night.
	if slices.ContainsFunc(g.alerts, func(a *openAlert) bool { return n.time >= a.from && n.time <= a.to }) && r.spikeOf(h) > 0 {
		h.freeze(at, int64(day/size))
	}
	low := after(g.entries, n.time-size)
	if count := i - low + 1; count < r.leastOf() || count < r.threshold(h) {
		return
	}
	armed := r.spikeOf(h) > 0
	g.alert(low, i, nil, n, &r.w)
	if !armed {
		return
	}
	for k := low; k <= i; k++ {
		h.freeze(int64(g.entries[k].time/size), int64(day/size))
	}
}

// freeze has a stretch teach nothing.
func (h *history) freeze(at, perDay int64) {
	if b := h.bucket(at); !b.frozen {
		b.frozen = true
		h.altered(at, perDay)
	}
}

// altered forgets the spike that was found if the stretch is of a day before it.
func (h *history) altered(at, perDay int64) {
	if h.known && at < h.hour/24*perDay {
		h.known = false
	}
}

// day and hour are in the unit of audit.Time.
const (
	hour = audit.Time(3_600_000)
	day  = 24 * hour
)

// turn has a history tell of the hour of t. What it is too old to teach is let go.
func (r *ruleState) turn(h *history, t audit.Time) {
	if at := int64(t / hour); !h.known || h.hour != at {
		h.forget(at/24-r.days(), int64(day/r.w.size))
		h.hour, h.known, h.found = at, true, false
	}
}

// spikeOf is the spike of the hour that the history tells of.
func (r *ruleState) spikeOf(h *history) int {
	if !h.found {
		h.spike, h.found = h.spikeAt(h.hour, int64(hour/r.w.size), r.days(), int64(millis(r.Baseline.MinHistory)/r.w.size)), true
	}
	return h.spike
}

// threshold is how many changes make an alert in the hour that the history tells of.
func (r *ruleState) threshold(h *history) int {
	switch spike := r.spikeOf(h); {
	case spike > 0:
		return max(r.Window.Count, spike)
	case r.Baseline.Cold > 0:
		return max(r.Window.Count, r.Baseline.Cold)
	}
	return math.MaxInt
}

// leastOf is what no threshold of the rule is below.
func (r *ruleState) leastOf() int {
	least := leastSpike
	if cold := r.Baseline.Cold; cold > 0 {
		least = min(least, cold)
	}
	return max(r.Window.Count, least)
}

// arms counts the groups whose baseline is armed at t, and those that have too
// little history.
func (r *ruleState) arms(t audit.Time) (armed, cold int) {
	if r.w.form != spikeForm {
		return 0, 0
	}
	for g := range r.held.all() {
		h := g.history
		if h != nil && h.spikeAt(int64(t/hour), int64(hour/r.w.size), r.days(), int64(millis(r.Baseline.MinHistory)/r.w.size)) > 0 {
			armed++
		} else {
			cold++
		}
	}
	return armed, cold
}

func (r *ruleState) days() int64 { return int64(r.Baseline.Train / (24 * time.Hour)) }

// forget drops what is older than the day. A day before it is kept, for the hour
// before midnight.
func (h *history) forget(before, perDay int64) {
	old := (before - 1) * perDay
	if len(h.buckets) == 0 || h.buckets[0].at >= old {
		return
	}
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].at >= old })
	h.buckets = slices.Delete(h.buckets, 0, i)
}

// spikeAt is the least number of changes in one stretch that is a spike in an hour
// of a day, by what the days before had in that hour and those beside it; 0 if
// they are too few. Numbers are made comparable by 2√(x+3/8), after which the
// noise of a count is about 1 whatever its size; a spike is more than 6 times the
// usual deviation above the median, and more than twice the second highest of the
// days' maxima, so that one bad day teaches nothing. Four times that is always one,
// so that days which become ever more uneven teach little.
func (h *history) spikeAt(at, perHour, days, least int64) int {
	today, perDay := at/24, max(24*perHour, 1)
	if h.first == 0 || (today-h.first/perDay)*perDay < least {
		return 0
	}
	var levels []float64
	var maxima []int
	for d := today - days; d < today; d++ {
		begin, n, beside := (d*24+at%24)*perHour, perHour, perHour
		if perHour == 0 { // a stretch is a day
			begin, n = d, 1
		}
		level, usable := h.levels(levels, begin, begin+n)
		if levels = level; usable > 0 {
			maxima = append(maxima, h.highest(begin-beside, begin+n+beside))
		}
	}
	if len(levels) == 0 {
		return 0
	}
	middle := median(levels)
	for i, x := range levels {
		levels[i] = math.Abs(x - middle)
	}
	scale := max(1, 1.4826*median(levels))
	top := middle + 6*scale
	spike := int(math.Floor(top*top/4-3.0/8)) + 1
	slices.Sort(maxima)
	if n := len(maxima); n > 1 {
		second := maxima[n-2]
		spike = min(max(spike, 2*second+1), max(4*second+1, leastSpike))
	}
	return max(spike, leastSpike)
}

// levels adds the stretches from low to before high, those without changes
// included, and says how many there were.
func (h *history) levels(to []float64, low, high int64) ([]float64, int64) {
	low = max(low, h.first)
	if low >= high {
		return to, 0
	}
	usable := high - low
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].at >= low })
	empty := usable
	for ; i < len(h.buckets) && h.buckets[i].at < high; i++ {
		empty--
		if h.buckets[i].frozen {
			usable--
			continue
		}
		to = append(to, 2*math.Sqrt(float64(h.buckets[i].count)+3.0/8))
	}
	for range empty {
		to = append(to, 2*math.Sqrt(3.0/8))
	}
	return to, usable
}

// highest is the most changes of a stretch from low to before high.
func (h *history) highest(low, high int64) int {
	most := 0
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].at >= low })
	for ; i < len(h.buckets) && h.buckets[i].at < high; i++ {
		if !h.buckets[i].frozen {
			most = max(most, int(h.buckets[i].count))
		}
	}
	return most
}

// median sorts the values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}
