package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// attacks are those on a shop: what is done, and what honest users do after.
var attacks = []struct {
	name  string
	do    func(*shop)
	after func(*shop)
}{
	{"mass delete", func(s *shop) {
		for _, id := range s.some("shop.customers", 25) {
			s.put("eve", "delete", "shop.customers", id, nil)
		}
	}, func(s *shop) {
		for i, key := range slices.Sorted(maps.Keys(s.touched)) {
			id := strings.TrimPrefix(key, "shop.customers/")
			switch i {
			case 0, 1: // made anew as it was
				s.put("ann", "insert", "shop.customers", id, s.before[key])
			case 2: // and otherwise
				s.put("bob", "insert", "shop.customers", id, map[string]any{"id": id, "name": "again"})
			}
		}
	}},
	{"tampered money", func(s *shop) {
		for i, id := range s.some("bank.accounts", 12) {
			s.set("eve", "bank.accounts", id, map[string]any{"balance": 90000 + i})
		}
		s.set("eve", "bank.accounts", "r-01", map[string]any{"iban": "XX66EVIL66"})
	}, func(s *shop) {
		for i, key := range slices.Sorted(maps.Keys(s.touched)) {
			if i < 5 {
				s.set("svc-shop", "bank.accounts", strings.TrimPrefix(key, "bank.accounts/"), map[string]any{"balance": 5 + i})
			}
		}
	}},
	{"account takeover", func(s *shop) {
		for _, id := range s.some("shop.customers", 15) {
			s.set("eve", "shop.customers", id, map[string]any{"email": "takeover@evil.example"})
		}
	}, func(s *shop) {
		for i, key := range slices.Sorted(maps.Keys(s.touched)) {
			id := strings.TrimPrefix(key, "shop.customers/")
			switch i {
			case 0, 1:
				s.set("ann", "shop.customers", id, map[string]any{"email": s.before[key]["email"]})
			case 2:
				s.set("ann", "shop.customers", id, map[string]any{"email": "new@mail.example"})
			case 3:
				s.put("bob", "delete", "shop.customers", id, nil)
			}
		}
	}},
	{"ransom", func(s *shop) {
		for _, id := range s.some("shop.products", 28) {
			s.set("eve", "shop.products", id, map[string]any{"name": "ENCRYPTED " + id, "price": 0})
		}
		s.put("eve", "insert", "shop.products", "README", map[string]any{"id": "README", "name": "pay 3 BTC to bc1qevil"})
	}, func(s *shop) { s.put("ann", "delete", "shop.products", "README", nil) }},
	{"insider", func(s *shop) {
		s.attacker = "bob" // who has worked here for two weeks
		for i, id := range s.some("bank.accounts", 8) {
			s.set("bob", "bank.accounts", id, map[string]any{"balance": 7770 + i})
			s.now += 60_000
		}
	}, func(*shop) {}},
	{"log wiped", func(s *shop) {
		for _, id := range s.some("bank.accounts", 6) {
			s.set("eve", "bank.accounts", id, map[string]any{"iban": "XX66EVIL66"})
		}
	}, func(s *shop) {
		s.hidden = [2]float64{s.now + 1000, s.now + 60_000}
		s.now += 120_000
	}},
}

// TestInvestigations answers, for generated incidents, what an investigator asks
// first, by the documented commands alone, and holds the answers against what
// happened.
func TestInvestigations(t *testing.T) {
	for i, incident := range attacks {
		t.Run(incident.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(uint64(i))
			s.honest(14 * 24)
			s.attack(func() { incident.do(s) })
			incident.after(s)
			s.honest(2)
			q := &investigation{t: t, shop: s, data: t.TempDir()}
			q.tell(exitOK, "import", s.save(t))
			q.window = fmt.Sprintf("@%s..%s", audit.Time(s.began), audit.Time(s.ended))
			q.of = "user:" + s.attacker + " " + q.window
			q.coverage()
			q.what()
			q.who()
			q.records()
			q.values()
			q.before()
			q.normal()
			q.undo()
			q.prove()
			q.report()
		})
	}
}

// An investigation asks the program.
type investigation struct {
	t      *testing.T
	shop   *shop
	data   string
	window string // the time of the attack, as a query
	of     string // the attacker's changes
}

// tell runs a command, which must end with a code, and gives its output.
func (q *investigation) tell(code int, args ...string) string {
	q.t.Helper()
	out, errs, got := runCommand(q.t, append(args, "--data", q.data)...)
	if got != code {
		q.t.Fatalf("%q: exit %d, want %d\n%s\n%s", args, got, code, out, errs)
	}
	return out
}

// ask reads the answer as JSON.
func (q *investigation) ask(code int, to any, args ...string) {
	q.t.Helper()
	if err := json.Unmarshal([]byte(q.tell(code, append(args, "-o", "json")...)), to); err != nil {
		q.t.Fatalf("%q: %v", args, err)
	}
}

// Question 0: is the log complete for this time?
func (q *investigation) coverage() {
	code := exitOK
	if q.shop.hidden[1] > 0 {
		code = exitCoverage
	}
	q.tell(code, "search", q.of[:strings.Index(q.of, " ")]+fmt.Sprintf(" @%s..%s", audit.Time(q.shop.began), audit.Time(q.shop.now)), "--require-coverage")
	q.tell(exitOK, "search", q.of, "--require-coverage")
}

// Question 1: what changed, how much, when did it start and stop?
func (q *investigation) what() {
	var hist struct{ Summary struct{ Total int } }
	q.ask(exitOK, &hist, "hist", q.of, "--step", "1m")
	var actor struct {
		First, Last struct{ Time float64 }
		Tables      []struct{ Database, Table string }
		Sessions    []struct{ Changes int }
		Others      []struct{ User string }
		Summary     struct{ Changes, Records int }
	}
	q.ask(exitOK, &actor, "actor", q.shop.attacker, "--query", q.window, "--top", "1000")
	s := q.shop
	if hist.Summary.Total != s.attacks || actor.Summary.Changes != s.attacks || actor.Summary.Records != len(s.touched) {
		q.t.Errorf("%d and %d changes of %d records, want %d of %d", hist.Summary.Total, actor.Summary.Changes, actor.Summary.Records, s.attacks, len(s.touched))
	}
	if actor.First.Time <= s.began || actor.Last.Time > s.ended || len(actor.Sessions) != 1 || actor.Sessions[0].Changes != s.attacks {
		q.t.Errorf("from %f to %f in %d sessions, want within %f to %f", actor.First.Time, actor.Last.Time, len(actor.Sessions), s.began, s.ended)
	}
	for _, table := range actor.Tables {
		prefix := table.Database + "." + table.Table + "/"
		if !slices.ContainsFunc(slices.Collect(maps.Keys(s.touched)), func(k string) bool { return strings.HasPrefix(k, prefix) }) {
			q.t.Errorf("%s was not touched", prefix)
		}
	}
	// Question 10: who else is about these records?
	for key := range s.touched {
		for user := range s.since[key] {
			if !slices.ContainsFunc(actor.Others, func(o struct{ User string }) bool { return o.User == user }) {
				q.t.Errorf("%s is not among the others", user)
			}
		}
	}
}

// Questions 2 and 3: who, and what else did they do?
func (q *investigation) who() {
	var facets struct {
		Facets []struct{ Values []struct{ Value string } }
	}
	q.ask(exitOK, &facets, "facets", q.window, "--by", "user")
	if got := facets.Facets[0].Values[0].Value; got != q.shop.attacker {
		q.t.Errorf("the most changes are by %s", got)
	}
	var sessions struct {
		Sessions []struct{ Changes, Records int }
	}
	q.ask(exitOK, &sessions, "sessions", q.of)
	if len(sessions.Sessions) != 1 || sessions.Sessions[0].Records != len(q.shop.touched) {
		q.t.Errorf("sessions %+v", sessions.Sessions)
	}
	// Question 11: was a user, a role or a schema changed nearby?
	q.tell(exitNothing, "search", "db:system "+q.window)
}

// Questions 4 and 9: which records, are they still bad, and who wrote them since?
func (q *investigation) records() {
	var blast struct {
		Records []struct {
			Database, Table, Key, Class string
			Writers                     []struct{ User string }
		}
	}
	q.ask(exitOK, &blast, "blast", q.of)
	got := map[string]string{}
	for _, r := range blast.Records {
		key := r.Database + "." + r.Table + "/" + r.Key
		got[key] = r.Class
		users := map[string]bool{}
		for _, w := range r.Writers {
			users[w.User] = true
		}
		if want := q.shop.since[key]; len(users)+len(want) > 0 && !maps.Equal(users, want) {
			q.t.Errorf("%s was written since by %v, want %v", key, users, want)
		}
	}
	want := map[string]string{}
	for key := range q.shop.touched {
		want[key] = q.shop.class(key)
	}
	if !maps.Equal(got, want) {
		q.t.Errorf("the records stand %v, want %v", got, want)
	}
}
