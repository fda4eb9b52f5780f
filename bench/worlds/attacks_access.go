package worlds

import (
	"slices"

	"recourse/audit"
)

// escalate gives somebody all rights: by a role, or right by right.
func escalate(r *raid) bool {
	w := r.w
	if r.pace == Slow {
		role, tables := pick(w.evil, roleNames), w.with(10)
		r.steps(len(tables), func(i int, _ string) {
			p := w.table("hdb_role").rows[role].Get("permission")
			name := tables[i].name.String()
			w.set("hdb_role", role, "permission", p.With(name, p.Get(name).With("delete", audit.Bool(true)).With("insert", audit.Bool(true))))
		})
		return true
	}
	r.do(r.start, func() {
		if w.evil.IntN(3) > 0 && w.table("hdb_user").rows[r.users[0]] != nil {
			w.set("hdb_user", r.users[0], "role", audit.Text("super_user"))
			return
		}
		role := pick(w.evil, roleNames)
		p := w.table("hdb_role").rows[role].Get("permission")
		w.set("hdb_role", role, "permission", p.With("super_user", audit.Bool(true)))
	})
	return true
}

// selfGrant is somebody who makes himself super user, uses it, and gives it back.
func selfGrant(r *raid) bool {
	w := r.w
	r.do(r.start, func() { w.set("hdb_user", r.users[0], "role", audit.Text("super_user")) })
	t := r.table(300)
	r.do(r.start+10*minute, func() {
		for _, id := range r.victims(t, 5) {
			w.remove(r.users[0], t, id)
		}
	})
	r.do(r.start+20*minute, func() { w.set("hdb_user", r.users[0], "role", audit.Text("operator")) })
	return true
}

// newUser makes an account and works with it within a day.
func newUser(r *raid) bool {
	w, name := r.w, r.newcomer()
	t := r.table(300)
	r.do(r.start-10*minute, func() { w.put("hdb_user", name, w.account(name, pick(w.evil, append(roleNames, "super_user")))) })
	r.steps(r.size(30, 80), func(_ int, _ string) {
		c := pick(w.evil, t.columns)
		if id := w.any(t); id != "" {
			w.update(name, t, id, patch{c.name: w.fresh(c.kind)})
		}
	})
	return true
}

// lockOut takes away the accounts of several people.
func lockOut(r *raid) bool {
	w := r.w
	r.steps(r.size(5, 15), func(i int, _ string) {
		users := w.table("hdb_user")
		id := pick(w.evil, users.live)
		if w.evil.IntN(2) == 0 {
			w.remove("", users, id)
		} else {
			w.set("hdb_user", id, "active", audit.Bool(false))
		}
	})
	return true
}

func rogueNode(r *raid) bool {
	r.do(r.start, func() {
		r.w.put("hdb_nodes", "mirror", audit.Object(map[string]audit.Value{"name": audit.Text("mirror"), "url": audit.Text("wss://203.0.113.9:9933")}))
	})
	return true
}

// dormant is an account that nobody has used for long, and now somebody does.
func dormant(r *raid) bool {
	w := r.w
	i := slices.IndexFunc(w.actors, func(a *actor) bool { return a.dormant && !w.taken[a.name] })
	if i < 0 {
		return false
	}
	name := w.actors[i].name
	w.taken[name] = true
	t := r.table(300)
	r.steps(r.size(25, 60), func(int, string) {
		c := pick(w.evil, t.columns)
		if id := w.any(t); id != "" {
			w.update(name, t, id, patch{c.name: w.fresh(c.kind)})
		}
	})
	return true
}

// canary reads and touches whatever is there, and so the record that nobody has
// a reason to touch.
func canary(r *raid) bool {
	t := r.w.tables[0]
	r.do(r.start, func() {
		for _, id := range append(r.victims(t, 3), t.decoys...) {
			r.w.update(r.users[0], t, id, patch{t.columns[0].name: r.w.fresh(t.columns[0].kind)})
		}
	})
	return true
}

func wipeLog(r *raid) bool {
	w := r.w
	r.do(r.start, func() {
		w.put("hdb_job", "job-"+scrambled(w.evil, 6), audit.Object(map[string]audit.Value{
			"type": audit.Text("delete_audit_logs_before"), "status": audit.Text("CREATED"),
			"request": audit.Object(map[string]audit.Value{"operation": audit.Text("delete_audit_logs_before")})}))
	})
	return true
}

// nameless writes by a way that names no user.
func nameless(r *raid) bool {
	t := r.table(300)
	n := r.size(40, 120)
	victim := r.chosen(t, n)
	r.steps(n, func(i int, _ string) {
		c := pick(r.w.evil, t.columns)
		r.w.update("", t, victim(i), patch{c.name: r.w.fresh(c.kind)})
	})
	return true
}

// forgeTimes gives records other times of creation.
func forgeTimes(r *raid) bool {
	return r.edits(r.table(300), r.size(15, 60), func(row audit.Value) patch {
		at, _ := row.Get("__createdtime__").Float64()
		return patch{"__createdtime__": audit.Float(at - 90*24*3600*1000)}
	})
}

// futureDated writes records that no later write can change.
func futureDated(r *raid) bool {
	t := r.table(300)
	r.do(r.start, func() {
		r.w.late = -3 * day
		for _, id := range r.victims(t, 10) {
			c := pick(r.w.evil, t.columns)
			r.w.update(r.users[0], t, id, patch{c.name: r.w.fresh(c.kind)})
		}
	})
	return true
}
