package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"recourse/bench/host"
	"recourse/bench/worlds"
)

// A report is a measurement in figures. It has no values of records and no
// names of people.
type report struct {
	Machine     string       `json:"machine"`
	Seeds       string       `json:"seeds"`
	Users       int          `json:"users_per_stream"`
	Days        int          `json:"days_per_stream"`
	Streams     int          `json:"streams"`
	Bare        bool         `json:"bare"`
	Changes     int          `json:"changes"`
	PerSecond   float64      `json:"changes_per_second"` // judged, in a second of processor time
	Rules       int          `json:"rules"`
	AlertsADay  float64      `json:"alerts_per_day_per_1000_users"` // of peaceful streams
	UserDays    float64      `json:"user_days"`
	FalseAlerts int          `json:"false_alerts"`
	Withheld    int          `json:"withheld_alerts"` // of peaceful streams: recorded, and nobody is told
	Precision   float64      `json:"precision"`       // of alerts in attacked streams
	Paces       []paceLine   `json:"paces"`
	Attacks     []attackLine `json:"attacks"`
	PerRule     []ruleLine   `json:"per_rule"`
	Worlds      []worldLine  `json:"worlds"`
}

type paceLine struct {
	Pace      worlds.Pace `json:"pace"`
	Incidents int         `json:"incidents"`
	Found     int         `json:"found"`
	Recall    float64     `json:"recall"`
	Low       float64     `json:"recall_low"`  // Wilson's interval of 95 %
	High      float64     `json:"recall_high"` //
	Minutes   float64     `json:"median_minutes_to_detect"`
	Damaged   float64     `json:"median_records_damaged"`
	Share     float64     `json:"median_share_damaged"`
}

type attackLine struct {
	Attack string `json:"attack"`
	paceLine
	Rules  []string               `json:"rules"` // that found some of them, the most frequent first
	ByPace map[worlds.Pace][2]int `json:"by_pace"`
}

type ruleLine struct {
	Rule      string  `json:"rule"`
	Status    string  `json:"status"`
	True      int     `json:"true_alerts"`
	False     int     `json:"false_alerts"` // of attacked streams
	Precision float64 `json:"precision"`
	Noise     float64 `json:"noise_per_day_per_1000_users"` // of peaceful streams
	Found     int     `json:"incidents"`
	First     int     `json:"incidents_first"`
	Alone     int     `json:"incidents_alone"`
	Withheld  int     `json:"withheld_alerts"` // of all streams; in none of the above
	Evaluated float64 `json:"evaluated_share"`
	Errors    uint64  `json:"errors"`
	Noisiest  string  `json:"most_false_alerts_from"`
}

type worldLine struct {
	World      string  `json:"world"`
	Changes    int     `json:"changes"`
	AlertsADay float64 `json:"alerts_per_day_per_1000_users"`
	Found      int     `json:"found"`
	Incidents  int     `json:"incidents"`
}

func (m *measurement) report(o options) *report {
	r := &report{
		Machine: host.Machine(), Seeds: o.seeds, Users: o.users, Days: o.days, Bare: o.bare, Changes: m.changes,
		PerSecond: m.perSecond(), Rules: len(m.rules), UserDays: m.userDays,
		AlertsADay: 1000 * float64(m.quiet) / m.userDays, FalseAlerts: m.quiet, Withheld: m.withheld,
		Precision: share(m.attacked.good, m.attacked.good+m.attacked.bad),
	}
	for _, p := range worlds.Paces() {
		if l := lineOf(m.finds, func(f *find) bool { return f.Pace == p }); l.Incidents > 0 {
			l.Pace = p
			r.Paces = append(r.Paces, l)
		}
	}
	r.Paces = append(r.Paces, lineOf(m.finds, func(*find) bool { return true }))
	r.Paces[len(r.Paces)-1].Pace = "all"
	r.attacks(m.finds)
	for _, id := range slices.Sorted(maps.Keys(m.rules)) {
		r.PerRule = append(r.PerRule, m.rules[id].line(m))
	}
	for _, kind := range worlds.Kinds() {
		if w := m.worlds[kind]; w != nil {
			r.Worlds = append(r.Worlds, worldLine{kind, w.changes, 1000 * float64(w.noise) / w.userDays, w.found, w.all})
		}
	}
	return r
}

// perSecond is how many changes are judged in a second of processor time; 0 if
// that is not known.
func (m *measurement) perSecond() float64 {
	if m.took <= 0 {
		return 0
	}
	return float64(m.changes) / m.took.Seconds()
}

// lineOf sums up the incidents for which is holds.
func lineOf(finds []find, is func(*find) bool) paceLine {
	var l paceLine
	var after, damaged, shares []float64
	for i := range finds {
		f := &finds[i]
		if !is(f) {
			continue
		}
		l.Incidents++
		damaged = append(damaged, float64(f.damaged))
		shares = append(shares, share(f.damaged, f.Changes))
		if len(f.rules) > 0 {
			l.Found++
			after = append(after, float64(f.after/60000))
		}
	}
	l.Recall = share(l.Found, l.Incidents)
	l.Low, l.High = wilson(l.Found, l.Incidents)
	l.Minutes, l.Damaged, l.Share = middle(after), middle(damaged), middle(shares)
	return l
}

func (r *report) attacks(finds []find) {
	names := map[string]bool{}
	for _, f := range finds {
		names[f.Attack] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a := attackLine{Attack: name, paceLine: lineOf(finds, func(f *find) bool { return f.Attack == name }), ByPace: map[worlds.Pace][2]int{}}
		by := map[string]int{}
		for _, f := range finds {
			if f.Attack != name {
				continue
			}
			n := a.ByPace[f.Pace]
			n[1]++
			if len(f.rules) > 0 {
				n[0]++
			}
			a.ByPace[f.Pace] = n
			for _, id := range f.rules {
				by[id]++
			}
		}
		a.Rules = slices.SortedFunc(maps.Keys(by), func(x, y string) int { return cmp.Or(by[y]-by[x], strings.Compare(x, y)) })
		r.Attacks = append(r.Attacks, a)
	}
}

func (c *ruleCount) line(m *measurement) ruleLine {
	l := ruleLine{
		Rule: c.id, Status: "stable", True: c.good, False: c.bad, Precision: share(c.good, c.good+c.bad),
		Noise: 1000 * float64(c.noise) / m.userDays, Found: c.found, First: c.first, Alone: c.alone, Withheld: c.withheld,
		Evaluated: float64(c.evaluated) / float64(m.changes), Errors: c.errors,
	}
	if c.silent {
		l.Status = "experimental"
	}
	for _, name := range slices.Sorted(maps.Keys(c.traps)) {
		if c.traps[name] > c.traps[l.Noisiest] {
			l.Noisiest = name
		}
	}
	return l
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// wilson is the interval in which a share lies with 95 % of certainty.
func wilson(n, of int) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	const z = 1.96
	p, m := share(n, of), float64(of)
	mid, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return (mid - half) / (1 + z*z/m), (mid + half) / (1 + z*z/m)
}

func (r *report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// duration is minutes for people.
func duration(minutes float64) string {
	d := time.Duration(minutes * float64(time.Minute))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f m", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
