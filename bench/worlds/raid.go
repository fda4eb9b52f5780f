package worlds

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// A Pace is how an attack is spread over time and users.
type Pace string

// The paces.
const (
	Loud     Pace = "loud"     // all at once, within minutes, at any hour
	Hours    Pace = "in hours" // minutes apart, in the hours when its user works
	Slow     Pace = "slow"     // over two days
	Split    Pace = "split"    // within minutes, shared by some users
	Whole    Pace = "one txn"  // in one transaction
	Poisoned Pace = "poisoned" // in hours, after ten days of ever more of the same
)

// Paces lists them in the order of reports.
func Paces() []Pace { return []Pace{Loud, Hours, Slow, Split, Whole, Poisoned} }

// An attack is a script.
type attack struct {
	name  string
	paces []Pace
	plan  func(r *raid) bool // false: this system has nothing for it
}

// A raid is one attack on a world, as it is planned.
type raid struct {
	w     *world
	id    int
	pace  Pace
	users []string
	start audit.Time
}

// plan draws the incidents and spreads them over the days that have any.
func (w *world) plan() {
	type script struct {
		attack
		pace Pace
	}
	var all []script
	for _, a := range attacks() {
		for _, p := range a.paces {
			all = append(all, script{a, p})
		}
	}
	w.evil.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range all {
		if len(w.found) > w.Attacks {
			return
		}
		r := &raid{w: w, id: len(w.found), pace: s.pace}
		r.prepare()
		if s.plan(r) {
			w.found = append(w.found, &Incident{ID: r.id, World: w.Kind, Attack: s.name, Pace: s.pace})
		}
	}
}

// prepare chooses when, and whose accounts.
func (r *raid) prepare() {
	w := r.w
	last := w.Days - 3
	d := between(w.evil, w.Quiet, max(last, w.Quiet))
	h := 24 * w.evil.Float64()
	if r.pace == Hours || r.pace == Poisoned {
		for d%7 >= 5 {
			d--
		}
		h = 9.5 + 1.5*w.evil.Float64()
	}
	r.start = on(d, h)
	n := 1
	if r.pace == Split {
		n = between(w.evil, 3, 5)
	}
	for len(r.users) < n {
		a := pick(w.evil, w.actors)
		// A service's account is taken as often as some people's.
		if w.evil.IntN(6) == 0 {
			a = w.actors[slices.IndexFunc(w.actors, func(a *actor) bool { return !a.human })+w.evil.IntN(2)]
		}
		if !w.taken[a.name] && !a.dormant {
			r.users = append(r.users, a.name)
			w.taken[a.name] = a.human
		}
	}
}

// table is one of the tables with such attributes that are worth an attack; nil
// if there is none.
func (r *raid) table(records int, kinds ...kind) *table {
	worth := slices.DeleteFunc(r.w.with(records, kinds...), func(t *table) bool {
		return slices.Contains([]string{"page_cache", "state_cache", "sessions", "staging", "readings"}, t.name.Name)
	})
	if len(worth) == 0 {
		return nil
	}
	return pick(r.w.evil, worth)
}

// do is something of the attack at a time.
func (r *raid) do(at audit.Time, what func()) { r.labelled(at, false, what) }

func (r *raid) labelled(at audit.Time, prepares bool, what func()) {
	r.w.at(at, func() {
		r.w.label = Event{Incident: r.id, Prepares: prepares}
		what()
		r.w.label = Event{}
	})
}

// steps spreads n steps over time and users, by the pace.
func (r *raid) steps(n int, step func(i int, user string)) {
	e, t := r.w.evil, r.start
	switch r.pace {
	case Whole:
		r.do(t, func() {
			r.w.together(func() {
				for i := range n {
					step(i, r.users[0])
				}
			})
		})
		return
	case Poisoned:
		for d := range 10 {
			for i := range 2 + d {
				r.labelled(t-audit.Time(10-d)*day+audit.Time(i)*5*minute, true, func() { step(0, r.users[0]) })
			}
		}
	}
	for i := range n {
		r.do(t, func() { step(i, r.users[i%len(r.users)]) })
		switch r.pace {
		case Loud:
			t += audit.Time(0.3+2.5*e.Float64()) * second
		case Split:
			t += audit.Time(3+12*e.Float64()) * second
		case Slow:
			t += audit.Time(2*e.Float64()) * 44 * hour / audit.Time(n)
		default:
			t += audit.Time(40+120*e.Float64()) * second
		}
	}
}

// size is how many steps, fewer where patience is needed.
func (r *raid) size(lo, hi int) int {
	if r.pace == Slow || r.pace == Hours || r.pace == Poisoned {
		hi = (lo + hi) / 2
	}
	return between(r.w.evil, lo, hi)
}

// victims are n different records of the table.
func (r *raid) victims(t *table, n int) []string {
	var out []string
	for _, i := range r.w.evil.Perm(len(t.live)) {
		if id := t.live[i]; len(out) < n && !slices.Contains(t.decoys, id) {
			out = append(out, id)
		}
	}
	return out
}

// chosen is n different records of the table, chosen when the attack begins; the
// function names the ith, "" if there is none.
func (r *raid) chosen(t *table, n int) func(i int) string {
	var ids []string
	begun := false
	return func(i int) string {
		if !begun {
			ids, begun = r.victims(t, n), true
		}
		if len(ids) == 0 {
			return ""
		}
		return ids[i%len(ids)]
	}
}

// edits is an attack that changes one record a step.
func (r *raid) edits(t *table, n int, change func(row audit.Value) patch) bool {
	if t == nil {
		return false
	}
	victim := r.chosen(t, 2*n)
	r.steps(n, func(i int, user string) {
		id := victim(i + r.w.evil.IntN(2)*n)
		if row := t.rows[id]; row != nil {
			r.w.update(user, t, id, change(row))
		}
	})
	return true
}

// newcomer is the name of an account that the attacker makes.
func (r *raid) newcomer() string {
	return fmt.Sprintf("%s%d", pick(r.w.evil, []string{"backup-svc", "sync", "svc-report", "maria.k", "support"}), r.w.evil.IntN(90))
}
