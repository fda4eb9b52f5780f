package worlds

import (
	"math"
	"slices"

	"recourse/audit"
)

// add inserts a record.
func add(tables ...string) act {
	return func(w *world, who *actor) {
		for _, name := range tables {
			w.insert(who.name, w.table(name), nil)
		}
	}
}

// edit gives one of the attributes of a record a new value.
func edit(name string, attrs ...string) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		attr := pick(w.r, attrs)
		if id := w.any(t); id != "" {
			w.update(who.name, t, id, patch{attr: w.fresh(t.kindOf(attr))})
		}
	}
}

// fix alters all of the attributes of a record at once.
func fix(name string, attrs ...string) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		p := patch{}
		for _, attr := range attrs {
			p[attr] = w.fresh(t.kindOf(attr))
		}
		if id := w.any(t); id != "" {
			w.update(who.name, t, id, p)
		}
	}
}

// scale multiplies a number of a record by something from lo to hi.
func scale(name, attr string, lo, hi float64) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		if id := w.any(t); id != "" {
			w.update(who.name, t, id, patch{attr: scaled(t.rows[id].Get(attr), lo+(hi-lo)*w.r.Float64())})
		}
	}
}

func scaled(v audit.Value, by float64) audit.Value {
	f, _ := v.Float64()
	return audit.Float(math.Round(f*by*100) / 100)
}

// shift adds an amount from lo to hi to a number of a record.
func shift(name, attr string, lo, hi float64) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		if id := w.any(t); id != "" {
			w.update(who.name, t, id, patch{attr: plus(t.rows[id].Get(attr), lo+(hi-lo)*w.r.Float64())})
		}
	}
}

func plus(v audit.Value, by float64) audit.Value {
	f, _ := v.Float64()
	return audit.Float(math.Round((f+by)*100) / 100)
}

// drop deletes a record.
func drop(name string) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		if id := w.any(t); id != "" {
			w.remove(who.name, t, id)
		}
	}
}

// oldest deletes the record that is there for the longest.
func oldest(name string) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		if len(t.live) <= 100 {
			return
		}
		if id := t.live[w.r.IntN(20)]; !slices.Contains(t.decoys, id) {
			w.remove(who.name, t, id)
		}
	}
}

// replace writes a whole record anew, as PUT does.
func replace(name string) act {
	return func(w *world, who *actor) {
		t := w.table(name)
		id := w.any(t)
		if id == "" {
			return
		}
		p := t.rows[id]
		for _, c := range t.columns {
			if c.kind != kOwner {
				p = p.With(c.name, w.fresh(c.kind))
			}
		}
		w.write(who.name, audit.OpUpsert, t, id, p.With("__updatedtime__", w.fresh(kStamp)))
	}
}

// series does something lo to hi times, so many seconds apart at the most.
func series(lo, hi int, apart float64, do act) act {
	return func(w *world, who *actor) {
		at := audit.Time(0)
		for range between(w.r, lo, hi) {
			w.after(at, func() { do(w, who) })
			at += audit.Time(apart*(0.2+0.8*w.r.Float64())) * second
		}
	}
}

// batch does something lo to hi times in one transaction.
func batch(lo, hi int, do act) act {
	return func(w *world, who *actor) {
		w.together(func() {
			for range between(w.r, lo, hi) {
				do(w, who)
			}
		})
	}
}

// elsewhere edits a record of a table that is nobody's duty in particular.
func elsewhere(w *world, who *actor) {
	t := pick(w.r, w.with(50))
	c := pick(w.r, t.columns)
	if id := w.any(t); id != "" && c.kind != kOwner {
		w.update(who.name, t, id, patch{c.name: w.fresh(c.kind)})
	}
}
