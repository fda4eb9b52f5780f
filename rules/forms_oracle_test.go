package rules

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"recourse/audit"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// An oracle says by definition, without any windows or state, which changes of a
// whole story are evidence of a rule of exactRules.
type oracle []audit.Change

func (o oracle) p(i int) int64 {
	for name, v := range o[i].After.Body.Fields() {
		if name == "p" {
			n, _ := numberOf(fromValue(v))
			return n.i
		}
	}
	return 0
}

// sum: a change of a window of 10 s in which the user's p come to 6.5.
func (o oracle) sum() map[audit.Seq]bool {
	out := map[audit.Seq]bool{}
	for end := range o {
		var in []audit.Seq
		sum := 0.0
		for i := range o[:end+1] {
			if o[i].User == o[end].User && o[i].Time > o[end].Time-10_000 && o.p(i) > 0 {
				sum += float64(o.p(i))
				in = append(in, o[i].Seq)
			}
		}
		if sum >= 6.5 && o.p(end) > 0 {
			mark(out, in)
		}
	}
	return out
}

func mark(out map[audit.Seq]bool, seqs []audit.Seq) {
	for _, s := range seqs {
		out[s] = true
	}
}

// chains goes through all chains of the steps within 15 s of the first. between
// says that a change must not be in between.
func (o oracle) chains(same func(i, j int) bool, between func(i int) bool, steps ...func(i int) bool) map[audit.Seq]bool {
	out := map[audit.Seq]bool{}
	var on func(chain []int)
	on = func(chain []int) {
		if len(chain) == len(steps) {
			first, last := chain[0], chain[len(chain)-1]
			for i := range o {
				if same(i, first) && between(i) && o[i].Time > o[first].Time && o[i].Time < o[last].Time {
					return
				}
			}
			for _, i := range chain {
				out[o[i].Seq] = true
			}
			return
		}
		for i := range o {
			if !steps[len(chain)](i) {
				continue
			}
			if n := len(chain); n > 0 && (!same(i, chain[0]) || o[i].Time <= o[chain[n-1]].Time || o[i].Time > o[chain[0]].Time+15_000) {
				continue
			}
			on(append(slices.Clone(chain), i))
		}
	}
	on(nil)
	return out
}

// silence: p was 1, and the user wrote no 2 in the 6 s after that.
func (o oracle) silence() map[audit.Seq]bool {
	out := map[audit.Seq]bool{}
	for i := range o {
		answered := slices.ContainsFunc(o, func(c audit.Change) bool {
			return c.User == o[i].User && c.Time > o[i].Time && c.Time <= o[i].Time+6000 && o.p(int(c.Seq-1)) == 2
		})
		if o.p(i) == 1 && !answered {
			out[o[i].Seq] = true
		}
	}
	return out
}

// fresh: nobody else's and no earlier change of the user to the record in the
// minute before, and 20 s after the first change of all.
func (o oracle) fresh() map[audit.Seq]bool {
	out := map[audit.Seq]bool{}
	for i := range o {
		known := slices.ContainsFunc(o[:i], func(c audit.Change) bool {
			return c.User == o[i].User && c.Key == o[i].Key && c.Time >= o[i].Time-60_000
		})
		if !known && o[i].Time-o[0].Time >= 20_000 {
			out[o[i].Seq] = true
		}
	}
	return out
}

// share: a delete of a window of 20 s with 2 deletes or more, and three tenths of
// what the table had before the first of them.
func (o oracle) share() map[audit.Seq]bool {
	rows := func(table audit.Table, before audit.Time) int64 {
		counted := exactOptions().Baselines(table)
		last := counted[0]
		for _, c := range counted {
			if c.At < before {
				last = c
			}
		}
		n := last.Rows
		for i := range o {
			if o[i].Key.Table == table && o[i].Time >= last.At && o[i].Time < before {
				n += rowsBy(&o[i])
			}
		}
		return max(n, 0)
	}
	out := map[audit.Seq]bool{}
	for end := range o {
		var in []audit.Seq
		first := -1
		for i := range o[:end+1] {
			if o[i].Op == audit.OpDelete && o[i].Key.Table == o[end].Key.Table && o[i].Time > o[end].Time-20_000 {
				if in = append(in, o[i].Seq); first < 0 {
					first = i
				}
			}
		}
		if o[end].Op == audit.OpDelete && len(in) >= max(2, int(math.Ceil(0.3*float64(rows(o[end].Key.Table, o[first].Time))))) {
			mark(out, in)
		}
	}
	return out
}

// TestFormsFindWhatTheyAreDefinedToFind holds the evidence of all alerts against
// the oracle.
func TestFormsFindWhatTheyAreDefinedToFind(t *testing.T) {
	set := mustCompile(t, exactRules)
	exactChecks(t, func(t *rapid.T) {
		story := drawStory(t, rapid.IntRange(1, 50).Draw(t, "n"))
		o := oracle(story)
		is := func(p int64) func(int) bool { return func(i int) bool { return o.p(i) == p } }
		user := func(i, j int) bool { return o[i].User == o[j].User }
		table := func(i, j int) bool { return o[i].Key.Table == o[j].Key.Table }
		want := map[string]map[audit.Seq]bool{
			"sum": o.sum(), "silence": o.silence(), "fresh": o.fresh(), "share": o.share(),
			"steps":       o.chains(user, func(int) bool { return false }, is(1), is(2), func(i int) bool { return o[i].Op == audit.OpDelete }),
			"undisturbed": o.chains(table, is(3), is(1), is(2)),
		}
		got := map[string]map[audit.Seq]bool{}
		for rule := range want {
			got[rule] = map[audit.Seq]bool{}
		}
		for _, a := range collect(t, NewEngine(set, exactOptions()), story) {
			if got[a.Rule] == nil {
				continue
			}
			if len(a.Changes) != a.Count {
				t.Fatalf("%s counts %d and lists %d", a.Rule, a.Count, len(a.Changes))
			}
			for _, e := range a.Changes {
				got[a.Rule][e.Seq] = true
			}
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("(-oracle +engine):\n%s", d)
		}
	})
}

// TestSpikes holds the threshold against the definition, worked out in full.
func TestSpikes(t *testing.T) {
	const perHour, days = 12, 14
	rapid.Check(t, func(t *rapid.T) {
		h := &history{}
		counts := map[int64]int{}
		begin := int64(20_000 * 24 * perHour)
		for range rapid.IntRange(1, 60).Draw(t, "buckets") {
			at := begin + int64(rapid.IntRange(0, 16*24).Draw(t, "hour"))*perHour + int64(rapid.IntRange(0, 11).Draw(t, "part"))
			n := rapid.IntRange(1, 500).Draw(t, "count")
			counts[at] = n
			h.bucket(at).count = int32(n)
		}
		hour := begin/perHour + int64(rapid.IntRange(0, 17*24).Draw(t, "at"))
		today := hour / 24
		var levels []float64
		var maxima []int
		for d := today - days; d < today; d++ {
			most, usable := 0, false
			for at := (d*24 + hour%24 - 1) * perHour; at < (d*24+hour%24+2)*perHour; at++ {
				most = max(most, counts[at])
				if at/perHour == d*24+hour%24 && at >= h.first {
					levels = append(levels, 2*math.Sqrt(float64(counts[at])+0.375))
					usable = true
				}
			}
			if usable {
				maxima = append(maxima, most)
			}
		}
		want := 0
		if today-h.first/(24*perHour) >= 3 && len(levels) > 0 {
			middle := median(slices.Clone(levels))
			var off []float64
			for _, l := range levels {
				off = append(off, math.Abs(l-middle))
			}
			scale := max(1, 1.4826*median(off))
			for want = 20; 2*math.Sqrt(float64(want)+0.375)-middle <= 6*scale+1e-9; want++ {
			}
			slices.Sort(maxima)
			if n := len(maxima); n > 1 {
				want = max(20, min(max(want, 2*maxima[n-2]+1), 4*maxima[n-2]+1))
			}
		}
		if got := h.spikeAt(hour, perHour, days, 3*24*perHour); got != want {
			t.Fatalf("spike %d; want %d", got, want)
		}
	})
}

// TestSpikesOfDays holds the threshold of windows of a day against the definition.
func TestSpikesOfDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{}
		counts := map[int64]int{}
		const begin = 20_000
		for range rapid.IntRange(1, 20).Draw(t, "buckets") {
			d := begin + int64(rapid.IntRange(0, 16).Draw(t, "day"))
			n := rapid.IntRange(1, 500).Draw(t, "count")
			counts[d] = n
			h.bucket(d).count = int32(n)
		}
		today := begin + int64(rapid.IntRange(0, 17).Draw(t, "today"))
		var levels []float64
		var of []int
		for d := max(today-14, h.first); d < today; d++ {
			levels = append(levels, 2*math.Sqrt(float64(counts[d])+0.375))
			of = append(of, counts[d])
		}
		want := 0
		if today-h.first >= 3 {
			middle := median(slices.Clone(levels))
			var off []float64
			for _, l := range levels {
				off = append(off, math.Abs(l-middle))
			}
			scale := max(1, 1.4826*median(off))
			for want = 20; 2*math.Sqrt(float64(want)+0.375)-middle <= 6*scale+1e-9; want++ {
			}
			slices.Sort(of)
			second := of[len(of)-2]
			want = max(20, min(max(want, 2*second+1), 4*second+1))
		}
		if got := h.spikeAt(today*24+int64(rapid.IntRange(0, 23).Draw(t, "hour")), 0, 14, 3); got != want {
			t.Fatalf("spike %d; want %d", got, want)
		}
	})
}

// TestRiskDecays: of two alerts of different rules, and repeats, at so many hours.
func TestRiskDecays(t *testing.T) {
	for _, tt := range []struct {
		rules  []string
		hours  []float64
		risks  []float64
		gte    float64
		fires  bool
		reason string
	}{
		{[]string{"a", "b"}, []float64{0, 0}, []float64{60, 40}, 100, true, "together"},
		{[]string{"a", "b"}, []float64{0, 0}, []float64{60, 39}, 100, false, "one short"},
		{[]string{"a", "b"}, []float64{0, 12}, []float64{80, 60}, 100, true, "40 are left of 80 after a half-life"},
		{[]string{"a", "b"}, []float64{0, 12.1}, []float64{80, 60}, 100, false, "less than 40 are left"},
		{[]string{"a", "a"}, []float64{0, 0}, []float64{60, 60}, 100, false, "the second of a rule counts half"},
		{[]string{"a", "a", "b"}, []float64{0, 0, 0}, []float64{60, 60, 10}, 100, true, "60 + 30 + 10"},
		{[]string{"a", "b"}, []float64{0, 24}, []float64{100, 75}, 100, false, "the first is out of the window"},
		{[]string{"a"}, []float64{0}, []float64{100}, 100, false, "two rules are asked for"},
	} {
		r := &Rule{Composite: &Composite{Entity: "user", Gte: tt.gte, HalfLife: 12 * 3600e9, DistinctRules: 2}}
		r.Window.Size = 24 * 3600e9
		s := newRuleState(r, 0, Options{}, 0, newPool(), &room{})
		g := s.held.begin(appendName(nil, []string{"eve"}))
		for i, rule := range tt.rules {
			g.weights = append(g.weights, tt.risks[i])
			g.entries = append(g.entries, entry{time: audit.Time(tt.hours[i] * 3.6e6), seq: audit.Seq(i + 1), told: true,
				key: s.held.tell(hearsay{rule: rule, alert: fmt.Sprint(i), on: audit.Evidence{Seq: audit.Seq(i + 1)}})})
			g.risk(i, &s.w)
		}
		if fires := len(g.alerts) > 0; fires != tt.fires {
			t.Errorf("%s: fires %t", tt.reason, fires)
		}
	}
}
