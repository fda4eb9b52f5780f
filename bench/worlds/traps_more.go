package worlds

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// trapReversion: somebody spoils records by mistake, and we take it back.
func trapReversion(w *world) {
	who := w.someone("merchant", "manager", "operator", "editor", "analyst")
	w.at(w.working(between(w.r, 5, w.Days-2)), func() {
		t := pick(w.r, w.with(200, kStatus))
		var ids []string
		for range 40 {
			ids = append(ids, w.any(t))
		}
		for i, id := range ids {
			w.after(audit.Time(i)*3*second, func() {
				w.labelled("mistake", func() { w.update(who.name, t, id, patch{t.attr(kStatus): audit.Text("archived")}) })
			})
		}
		w.after(2*hour, func() {
			w.label.Own = true
			w.labelled("own reversion", func() {
				for _, id := range ids {
					if old := w.history[historyKey{t, id}]; old != nil && t.rows[id] != nil {
						w.write("recourse", audit.OpUpsert, t, id, old)
					}
				}
			})
		})
	})
}

// trapReplay: a node was away; what people did there comes late.
func trapReplay(w *world) {
	for range 2 {
		w.at(on(between(w.r, 2, w.Days-2), 24*w.r.Float64()), func() {
			for range between(w.r, 60, 200) {
				w.after(audit.Time(w.r.Float64())*20*second, func() {
					w.labelled("failover replay", func() {
						w.late = audit.Time(between(w.r, 5, 40)) * minute
						w.perform(w.someone("checkout", "frontend", "gateway", "web", "stream"))
						w.late = 0
					})
				})
			}
		})
	}
}

// trapOffboarding: a customer leaves, and all that is theirs is deleted.
func trapOffboarding(w *world) {
	who := w.someone("manager")
	for d := 3 + w.r.IntN(5); d < w.Days; d += 7 + w.r.IntN(7) {
		w.at(w.working(d), func() {
			org, wait := w.freshText(kOwner), audit.Time(0)
			for _, t := range w.with(10, kOwner) {
				for _, id := range slices.Clone(t.live) {
					if t.rows[id].Get(t.attr(kOwner)).Text() != org || slices.Contains(t.decoys, id) {
						continue
					}
					wait += audit.Time(w.r.Float64()) * 4 * second
					w.after(wait, func() { w.labelled("tenant off-boarding", func() { w.remove(who.name, t, id) }) })
				}
			}
		})
	}
}

// trapFirmware: hundreds of devices get one and the same version.
func trapFirmware(w *world) {
	who := w.someone("engineer")
	for range 2 {
		w.at(w.working(between(w.r, 3, w.Days-2)), func() {
			t, version := w.table("devices"), audit.Text("fw-"+w.freshText(kCode)+"-release")
			w.chunks(t, 0.2, 25, 30*second, "firmware", func(id string) { w.update(who.name, t, id, patch{"firmware": version}) })
		})
	}
}

// trapReload: a small table is emptied and filled again every night.
func trapReload(w *world) {
	who := w.someone("loader")
	for d := range w.Days {
		w.at(on(d, 2.2), func() {
			t := w.table("rates")
			w.chunks(t, 1, 200, second, "reload", func(id string) { w.remove(who.name, t, id) })
			w.after(20*second, func() {
				w.labelled("reload", func() { batch(200, 200, add("rates"))(w, who) })
			})
		})
	}
}

// trapClock: a node's clock is some seconds off for an hour.
func trapClock(w *world) {
	w.at(on(between(w.r, 2, w.Days-2), 10), func() {
		for range 200 {
			w.after(audit.Time(w.r.Float64())*hour, func() {
				w.labelled("clock", func() {
					w.late = -audit.Time(between(w.r, 1, 20)) * second
					w.perform(w.someone("gateway"))
					w.late = 0
				})
			})
		}
	})
}

// trapPurge: once in a while, years of old orders are let go.
func trapPurge(w *world) {
	who := w.someone("cleanup")
	w.at(on(between(w.r, 5, w.Days-2), 3.2), func() {
		w.chunks(w.table("orders"), 0.08, 20, 90*second, "purge", func(id string) { w.remove(who.name, w.table("orders"), id) })
	})
}

// trapAccounts: people come and go, log in, change passwords, get other rights;
// the cluster grows.
func trapAccounts(w *world) {
	for d := range w.Days {
		w.at(on(d, 0), func() { w.accountsOf(d) })
	}
	w.at(w.working(between(w.r, 2, w.Days-2)), func() {
		w.labelled("cluster grows", func() {
			w.put("hdb_nodes", "n3", audit.Object(map[string]audit.Value{"name": audit.Text("n3"), "url": audit.Text("wss://n3.corp.example:9933")}))
		})
	})
	for range 2 {
		w.at(w.working(between(w.r, 2, w.Days-2)), func() {
			w.labelled("planned grant", func() {
				name := pick(w.r, roleNames)
				p := w.table("hdb_role").rows[name].Get("permission")
				t := pick(w.r, w.with(10))
				w.set("hdb_role", name, "permission", p.With(t.name.String(), p.Get(t.name.String()).With("delete", audit.Bool(true))))
			})
		})
	}
}

// accountsOf is a day of it.
func (w *world) accountsOf(d int) {
	if d%7 >= 5 {
		return
	}
	users := w.table("hdb_user")
	for _, id := range slices.Clone(users.live) {
		if w.r.IntN(3) == 0 {
			w.at(w.working(d), func() { w.set("hdb_user", id, "refresh_token", w.fresh(kSecret)) })
		}
		if w.r.IntN(90) == 0 {
			w.at(w.working(d), func() { w.labelled("new password", func() { w.set("hdb_user", id, "password", w.fresh(kSecret)) }) })
		}
	}
	for range poisson(w.r, float64(w.Users)/700) {
		w.at(w.working(d), w.join)
	}
	for range poisson(w.r, float64(w.Users)/900) {
		w.at(w.working(d), func() {
			w.labelled("leaver", func() { w.set("hdb_user", w.someone().name, "active", audit.Bool(false)) })
		})
	}
}

// join is a new colleague, who begins to work.
func (w *world) join() {
	like := w.someone()
	a := w.person(like.role)
	a.starts = like.starts
	a.name = fmt.Sprint(a.name, w.r.IntN(10))
	w.labelled("joiner", func() { w.put("hdb_user", a.name, w.account(a.name, pick(w.r, roleNames))) })
	w.actors = append(w.actors, a)
}
