package worlds

import (
	"recourse/audit"
)

// money is a table with an amount, and the attribute; nil if there is none.
func (r *raid) money() (*table, string) {
	kinds := []kind{kPrice, kBalance, kTotal}
	r.w.evil.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for _, k := range kinds {
		if t := r.table(150, k); t != nil {
			return t, t.attr(k)
		}
	}
	return nil, ""
}

// tamper changes amounts: to almost nothing, or by much.
func tamper(r *raid) bool {
	t, attr := r.money()
	by := pick(r.w.evil, []float64{0.001, 0.1, 0.4, 2.5, 20})
	return r.edits(t, r.size(30, 100), func(row audit.Value) patch {
		return patch{attr: scaled(row.Get(attr), by*(0.9+0.2*r.w.evil.Float64()))}
	})
}

// payee puts another account in the place of the right one, has money sent
// there, and hides it.
func payee(r *raid) bool {
	w, t := r.w, r.table(150, kIBAN)
	if t == nil {
		return false
	}
	n, wait := between(w.evil, 6, 12), 10*minute
	if r.pace != Loud {
		n, wait = between(w.evil, 3, 5), hour+audit.Time(w.evil.Float64())*2*hour
	}
	if r.pace == Slow {
		wait = 6*hour + audit.Time(w.evil.Float64())*20*hour
	}
	amount := t.attr(kBalance) + t.attr(kTotal)
	if t.attr(kTotal) != "" {
		amount = t.attr(kTotal)
	} else if t.attr(kBalance) == "" {
		amount = t.attr(kStatus)
	}
	drop := w.freshText(kIBAN)
	victim := r.chosen(t, n)
	r.steps(n, func(i int, user string) {
		id := victim(i)
		w.update(user, t, id, patch{t.attr(kIBAN): audit.Text(drop)})
		w.after(wait, func() {
			w.label = Event{Incident: r.id}
			if row := t.rows[id]; row != nil {
				v := w.fresh(kStatus)
				if t.kindOf(amount) != kStatus {
					v = scaled(row.Get(amount), 1.5)
				}
				w.update(user, t, id, patch{amount: v})
			}
		})
	})
	return true
}

// salami takes a little from many and gives it to one.
func salami(r *raid) bool {
	w, t := r.w, r.table(150, kBalance)
	if t == nil {
		return false
	}
	attr, cut := t.attr(kBalance), 0.3+2*w.evil.Float64()
	victim, n := r.chosen(t, 2000), r.size(100, 220)
	r.steps(n, func(i int, user string) {
		from, to := victim(1+i), victim(0)
		if t.rows[from] != nil && t.rows[to] != nil {
			w.update(user, t, from, patch{attr: plus(t.rows[from].Get(attr), -cut)})
			w.update(user, t, to, patch{attr: plus(t.rows[to].Get(attr), cut)})
		}
	})
	return true
}

// thereAndBack changes amounts or states for as long as it takes to profit.
func thereAndBack(r *raid) bool {
	w := r.w
	t, attr := r.money()
	if t == nil {
		return false
	}
	n, stay := between(w.evil, 8, 15), 5*minute
	if r.pace == Slow {
		n, stay = between(w.evil, 5, 7), 30*minute
	}
	victim := r.chosen(t, n)
	r.steps(n, func(i int, user string) {
		id := victim(i)
		row := t.rows[id]
		if row == nil {
			return
		}
		old := row.Get(attr)
		w.update(user, t, id, patch{attr: scaled(old, 3)})
		w.after(stay, func() {
			w.label = Event{Incident: r.id}
			w.update(user, t, id, patch{attr: old})
		})
	})
	return true
}

// rollback writes versions of records that were overtaken long ago.
func rollback(r *raid) bool {
	w, t := r.w, r.table(600, kStatus)
	if t == nil {
		return false
	}
	n := r.size(60, 150)
	var ids []string
	r.steps(n, func(i int, user string) {
		if ids == nil {
			ids = []string{}
			for _, id := range r.victims(t, len(t.live)) {
				if w.history[historyKey{t, id}] != nil && len(ids) < n {
					ids = append(ids, id)
				}
			}
		}
		if i < len(ids) && t.rows[ids[i]] != nil {
			w.write(user, audit.OpUpsert, t, ids[i], w.history[historyKey{t, ids[i]}])
		}
	})
	return true
}

// takeOver sends what goes to customers to the attacker.
func takeOver(r *raid) bool {
	t := r.table(300, kEmail)
	return r.edits(t, r.size(15, 60), func(audit.Value) patch {
		return patch{t.attr(kEmail): audit.Text("x" + scrambled(r.w.evil, 4) + "@drop.example")}
	})
}

// madeUp inserts records of deals that never were.
func madeUp(r *raid) bool {
	t := r.table(150, kTotal)
	if t == nil {
		return false
	}
	amount := audit.Float(float64(between(r.w.evil, 1200, 9900)))
	r.steps(r.size(15, 50), func(_ int, user string) { r.w.insert(user, t, patch{t.attr(kTotal): amount}) })
	return true
}

// ownerChanged moves records to another owner.
func ownerChanged(r *raid) bool {
	t := r.table(100, kOwner)
	to := audit.Text(r.w.freshText(kOwner))
	return r.edits(t, r.size(12, 40), func(audit.Value) patch { return patch{t.attr(kOwner): to} })
}

// limits lifts what holds others back.
func limits(r *raid) bool {
	t := r.table(60, kLimits)
	return r.edits(t, between(r.w.evil, 3, 6), func(row audit.Value) patch {
		attr := t.attr(kLimits)
		return patch{attr: row.Get(attr).With("day", scaled(row.Get(attr).Get("day"), 200))}
	})
}
