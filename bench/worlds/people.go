package worlds

import (
	"fmt"
	"math"
	"math/rand/v2"

	"recourse/audit"
)

// An act is one piece of work that somebody does.
type act func(w *world, who *actor)

// A duty is an act and how often it is done among others.
type duty struct {
	weight int
	do     act
}

// A role is how a part of the people, or a service, works.
type role struct {
	name    string
	share   float64 // of the people; 0: a service, which is one
	perHour float64 // acts at work
	shape   shape
	duties  []duty
}

// A shape says how much of its work a role does in an hour of the week: 1 when
// it is at work.
type shape func(a *actor, weekday int, hour float64) float64

// An actor is somebody with an account.
type actor struct {
	name      string
	human     bool
	role      *role
	starts    float64 // when the working day begins, in UTC
	diligence float64
	dormant   bool // has not worked for long, nor will
}

// office is eight hours on weekdays, a break at noon, and a little at odd times.
func office(a *actor, weekday int, hour float64) float64 {
	at := math.Mod(hour-a.starts+24, 24)
	switch {
	case at >= 9:
		return 0.002
	case weekday >= 5:
		return 0.02
	case at >= 4 && at < 5:
		return 0.4
	}
	return 1
}

// daily is a service that follows its customers: low at night, high in the evening.
func daily(_ *actor, weekday int, hour float64) float64 {
	v := 0.55 - 0.45*math.Cos((hour-4)/24*2*math.Pi)
	if weekday >= 5 {
		v *= 1.2
	}
	return v
}

// steady is the same at all hours.
func steady(*actor, int, float64) float64 { return 1 }

// nightly works from two to three.
func nightly(_ *actor, _ int, hour float64) float64 {
	if hour >= 2 && hour < 3 {
		return 1
	}
	return 0
}

// hire makes the people and services of the roles.
func (w *world) hire(roles []role, services [][]string) {
	var last *role
	for i := range roles {
		if roles[i].share > 0 {
			last = &roles[i]
			for range int(math.Round(roles[i].share * float64(w.Users))) {
				w.actors = append(w.actors, w.person(last))
			}
		}
	}
	n := 0
	for i := range roles {
		if roles[i].share == 0 {
			w.actors = append(w.actors, &actor{name: pick(w.r, services[n]), role: &roles[i], diligence: 1})
			n++
		}
	}
	for range 1 + w.Users/50 {
		idle := w.person(last)
		idle.dormant = true
		w.actors = append(w.actors, idle)
	}
}

func (w *world) person(r *role) *actor {
	for {
		name := pick(w.r, firsts) + "." + pick(w.r, lasts)
		if w.r.IntN(4) == 0 {
			name = fmt.Sprintf("%s%d@corp.example", name, w.r.IntN(90))
		}
		if w.actor(name) == nil {
			return &actor{name: name, human: true, role: r, starts: 5 + 5*w.r.Float64(), diligence: math.Exp(w.r.NormFloat64() * 0.5)}
		}
	}
}

func (w *world) actor(name string) *actor {
	for _, a := range w.actors {
		if a.name == name {
			return a
		}
	}
	return nil
}

// work plans an hour of everybody's work, and then the next.
func (w *world) work() {
	d := int((w.now - audit.TimeOf(begin())) / day)
	h := float64(w.now-audit.TimeOf(begin())-audit.Time(d)*day) / float64(hour)
	for _, a := range w.actors {
		if a.dormant {
			continue
		}
		for range poisson(w.r, a.role.perHour*a.diligence*a.role.shape(a, d%7, h)) {
			a := a
			w.after(audit.Time(w.r.Float64())*hour, func() { w.perform(a) })
		}
	}
	w.after(hour, w.work)
}

// perform is one of the actor's duties. Once in three weeks or so a person does
// something that is not.
func (w *world) perform(a *actor) {
	if a.human && w.r.IntN(400) == 0 {
		elsewhere(w, a)
		return
	}
	sum := 0
	for _, d := range a.role.duties {
		sum += d.weight
	}
	n := w.r.IntN(sum)
	for _, d := range a.role.duties {
		if n -= d.weight; n < 0 {
			d.do(w, a)
			return
		}
	}
}

// poisson is how often something happens that happens mean times on average.
func poisson(r *rand.Rand, mean float64) int {
	if mean > 50 {
		return max(int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())), 0)
	}
	limit, p, n := math.Exp(-mean), r.Float64(), 0
	for p > limit {
		p *= r.Float64()
		n++
	}
	return n
}
