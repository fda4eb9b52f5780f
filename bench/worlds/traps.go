package worlds

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// A trap plans harmless events that look like attacks.
type trap func(w *world)

// someone is a person of a role who works; the roles are tried in their order.
func (w *world) someone(roles ...string) *actor {
	for _, name := range roles {
		var all []*actor
		for _, a := range w.actors {
			if a.role.name == name && !a.dormant && !w.taken[a.name] {
				all = append(all, a)
			}
		}
		if len(all) > 0 {
			return pick(w.r, all)
		}
	}
	for {
		if a := pick(w.r, w.actors); a.human && !a.dormant {
			return a
		}
	}
}

// working is a moment of a working day.
func (w *world) working(d int) audit.Time {
	if d%7 >= 5 {
		d += 2
	}
	return on(d, 9+7*w.r.Float64())
}

// trapErasure: people ask for their data to be erased, some a week.
func trapErasure(w *world) {
	officer := w.someone("support", "manager", "steward", "editor")
	for d := 1 + w.r.IntN(3); d < w.Days; d += 2 + w.r.IntN(4) {
		w.at(w.working(d), func() {
			for range between(w.r, 1, 3) {
				w.after(audit.Time(w.r.Float64())*20*minute, func() { w.labelled("erasure", func() { w.erase(officer.name) }) })
			}
		})
	}
}

// erase empties a person's record and deletes what hangs on it.
func (w *world) erase(user string) {
	t := pick(w.r, w.with(50, kEmail, kName))
	id := w.any(t)
	p := patch{}
	for _, c := range t.columns {
		if slices.Contains([]kind{kName, kEmail, kPhone, kText}, c.kind) {
			p[c.name] = audit.Null()
		}
	}
	w.update(user, t, id, p)
	others := w.with(50)
	for range between(w.r, 1, 4) {
		o := pick(w.r, others)
		w.remove(user, o, w.any(o))
	}
}

// trapMonthEnd: a run that adds interest or fees, and people who close the books.
func trapMonthEnd(w *world) {
	name := pick(w.r, []string{"month-end", "svc-billing", "closing_job"})
	w.enrol(name, "operator")
	closer := w.someone("finance", "billing", "treasury")
	for _, d := range []int{w.Quiet - 8, w.Days - 2} {
		w.at(on(d, 1.5), func() {
			for _, t := range append(w.with(50, kBalance), w.with(50, kTotal)...) {
				w.chunks(t, 0.5, 50, 20*second, "month end", func(id string) {
					attr := t.attr(kBalance)
					if attr != "" {
						w.update(name, t, id, patch{attr: scaled(t.rows[id].Get(attr), 1.002)})
					} else {
						w.update(name, t, id, patch{"closed_period": audit.Text(fmt.Sprintf("2026-%02d", 3+d/28))})
					}
				})
			}
		})
		w.at(on(d, 9), func() { w.labelled("month end", func() { series(40, 120, 40, w.closing())(w, closer) }) })
	}
}

// closing sets the status of what has one and an amount.
func (w *world) closing() act {
	with := w.with(50, kTotal, kStatus)
	if len(with) == 0 {
		with = w.with(50, kStatus)
	}
	t := pick(w.r, with)
	return edit(t.name.Name, t.attr(kStatus))
}

// chunks does something to a share of a table's records, so many at a time, each
// lot one transaction.
func (w *world) chunks(t *table, share float64, size int, apart audit.Time, trap string, do func(id string)) {
	ids := slices.Clone(t.live[:int(float64(len(t.live))*share)])
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(t.decoys, id) })
	wait := audit.Time(0)
	for lot := range slices.Chunk(ids, size) {
		w.after(wait, func() {
			w.labelled(trap, func() {
				w.together(func() {
					for _, id := range lot {
						do(id)
					}
				})
			})
		})
		wait += apart
	}
}

// trapSale: prices of a third of the products fall, and come back a week later.
func trapSale(w *world) {
	who := w.someone("merchant")
	t := w.table("products")
	d := between(w.r, w.Quiet-4, w.Days-9)
	w.at(w.working(d), func() {
		was := map[string]audit.Value{}
		w.chunks(t, 0.3, 20, 15*second, "sale", func(id string) {
			was[id] = t.rows[id].Get("price")
			w.update(who.name, t, id, patch{"price": scaled(was[id], 0.7)})
		})
		w.after(7*day, func() {
			w.chunks(t, 0.3, 20, 15*second, "sale", func(id string) {
				if old := was[id]; old != nil && t.rows[id] != nil {
					w.update(who.name, t, id, patch{"price": old})
				}
			})
		})
	})
}

// trapRestore: somebody puts back older versions of a few dozen records.
func trapRestore(w *world) {
	who := w.someone("admin", "merchant", "manager", "engineer", "steward", "editor")
	w.at(w.working(between(w.r, 3, w.Days-2)), func() {
		t := pick(w.r, w.with(200))
		n := between(w.r, 20, 60)
		for _, id := range slices.Clone(t.live) {
			old := w.history[historyKey{t, id}]
			if n == 0 || old == nil || slices.Contains(t.decoys, id) {
				continue
			}
			n--
			w.after(audit.Time(w.r.Float64())*8*minute, func() {
				w.labelled("restore", func() {
					if t.rows[id] != nil {
						w.write(who.name, audit.OpUpsert, t, id, old.With("__updatedtime__", w.fresh(kStamp)))
					}
				})
			})
		}
	})
}

// trapBackfill: a release gives every record of a table a new attribute.
func trapBackfill(w *world) {
	name := pick(w.r, []string{"deploy", "svc-migrate", "release_bot"})
	w.enrol(name, "operator")
	d := between(w.r, 4, w.Days-3)
	v := pick(w.r, []audit.Value{audit.Text("eu-central-frankfurt"), audit.Int(3), audit.Bool(false), audit.Text("legacy")})
	w.at(on(d, 20), func() {
		t := pick(w.r, w.with(200))
		w.chunks(t, 1, 100, 5*second, "backfill", func(id string) { w.update(name, t, id, patch{"schema_tag": v}) })
	})
}
