package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// A shop is a small Harper whose honest users, and then an attacker, write to it:
// what its audit log says, and what really happened.
type shop struct {
	r      *rand.Rand
	now    float64 // milliseconds
	ids    map[string][]string
	live   map[string]map[string]any // by DATABASE.TABLE/ID
	log    map[string][]map[string]any
	hidden [2]float64 // a stretch that nobody read; 0: none

	attacker string
	before   map[string]map[string]any // the live records when the attack began; nil: it has not
	began    float64
	ended    float64
	wrote    map[string]map[string]writtenBy // of records that the attacker touched, by attribute
	touched  map[string]bool
	since    map[string]map[string]bool // who else wrote them since
	values   map[string]float64         // of values that the attacker brought: when
	attacks  int                        // changes by the attacker during the attack
}

// writtenBy is who gave an attribute its value last.
type writtenBy struct{ user string }

// shopStart is a Monday, ten in the morning, two weeks before the attack.
const (
	shopStart = 1793613600000.0
	hourMS    = 3_600_000.0
	dayMS     = 24 * hourMS
)

func newShop(seed uint64) *shop {
	s := &shop{
		r: rand.New(rand.NewPCG(seed, 5)), now: shopStart, ids: map[string][]string{}, live: map[string]map[string]any{}, log: map[string][]map[string]any{},
		attacker: "eve", wrote: map[string]map[string]writtenBy{}, touched: map[string]bool{}, since: map[string]map[string]bool{}, values: map[string]float64{},
	}
	for table, n := range map[string]int{"bank.accounts": 30, "shop.customers": 40, "shop.products": 30} {
		for i := range n {
			s.ids[table] = append(s.ids[table], fmt.Sprintf("r-%02d", i))
		}
	}
	for _, table := range slices.Sorted(maps.Keys(s.ids)) {
		for i, id := range s.ids[table] {
			s.put("ann", "insert", table, id, map[string]any{
				"id": id, "name": fmt.Sprintf("name %d", i), "email": fmt.Sprintf("u%d@mail.example", i), "balance": 100 + i, "iban": fmt.Sprintf("BE%08d", i), "price": 10 + i,
			})
		}
	}
	return s
}

// put writes a whole record, or with nil deletes it.
func (s *shop) put(user, op, table, id string, record map[string]any) {
	s.now += 500 + float64(s.r.IntN(4000))/4
	key := table + "/" + id
	old := s.live[key]
	entry := map[string]any{"operation": op, "user_name": user, "timestamp": s.now, "hash_values": []string{id}}
	if record != nil {
		entry["records"] = []any{maps.Clone(record)}
		s.live[key] = maps.Clone(record)
	} else {
		delete(s.live, key)
	}
	s.log[table] = append(s.log[table], entry)
	s.note(user, key, old, record)
}

// note keeps what is true of the attack.
func (s *shop) note(user, key string, old, record map[string]any) {
	hostile := user == s.attacker && s.before != nil && s.ended == 0
	if hostile {
		s.touched[key] = true
		s.attacks++
	} else if s.touched[key] {
		if s.since[key] == nil {
			s.since[key] = map[string]bool{}
		}
		s.since[key][user] = true
	}
	if !s.touched[key] {
		return
	}
	if s.wrote[key] == nil {
		s.wrote[key] = map[string]writtenBy{}
	}
	all := union(old, record)
	if old == nil { // who makes a record anew decides on all of it
		for name := range s.wrote[key] {
			all[name] = true
		}
	}
	for name := range all {
		if fmt.Sprint(old[name]) != fmt.Sprint(record[name]) || (old == nil) != (record == nil) {
			s.wrote[key][name] = writtenBy{user}
			if hostile && record[name] != nil {
				if text := fmt.Sprint(record[name]); s.values[text] == 0 {
					s.values[text] = s.now
				}
			}
		}
	}
}

func union(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}

// set writes some attributes of a record.
func (s *shop) set(user, table, id string, attrs map[string]any) {
	record := maps.Clone(s.live[table+"/"+id])
	if record == nil {
		return
	}
	maps.Copy(record, attrs)
	s.put(user, "update", table, id, record)
}

// honest is so many hours of usual work.
func (s *shop) honest(hours int) {
	for range hours {
		next := s.now + hourMS
		for range 2 + s.r.IntN(2) {
			user := []string{"ann", "svc-shop", "bob"}[s.r.IntN(3)]
			switch table := []string{"bank.accounts", "shop.customers", "shop.products"}[s.r.IntN(3)]; table {
			case "bank.accounts":
				s.set(user, table, s.pick(table), map[string]any{"balance": s.r.IntN(1000)})
			case "shop.products":
				s.set(user, table, s.pick(table), map[string]any{"price": 5 + s.r.IntN(100)})
			default:
				s.set(user, table, s.pick(table), map[string]any{"name": fmt.Sprintf("name %d", s.r.IntN(1000))})
			}
		}
		s.now = next
	}
}

func (s *shop) pick(table string) string { return s.ids[table][s.r.IntN(len(s.ids[table]))] }

// some are a few ids of a table, each once.
func (s *shop) some(table string, n int) []string {
	ids := slices.Clone(s.ids[table])
	s.r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:n]
}

// attack is what the attacker does, in a quarter of an hour at most.
func (s *shop) attack(do func()) {
	s.before = maps.Clone(s.live)
	s.began = s.now
	do()
	s.ended = s.now
}

// class is how a record stands that the attacker has touched, from who wrote what.
func (s *shop) class(key string) string {
	was, now := s.before[key], s.live[key]
	worst := "reverted"
	rank := []string{"reverted", "overwritten", "deleted", "unknown", "still-bad"}
	note := func(class string) {
		if slices.Index(rank, class) > slices.Index(rank, worst) {
			worst = class
		}
	}
	for name, by := range s.wrote[key] {
		back := fmt.Sprint(was[name]) == fmt.Sprint(now[name])
		switch {
		case now == nil && by.user != s.attacker:
			note("deleted")
		case back:
		case by.user == s.attacker:
			note("still-bad")
		default:
			note("overwritten")
		}
	}
	return worst
}

// save writes the log as captures, one a table, read some hours after the end.
func (s *shop) save(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	end := s.now + hourMS
	for table, entries := range s.log {
		parts := [][2]float64{{shopStart - hourMS, end}}
		if s.hidden[1] > 0 {
			parts = [][2]float64{{shopStart - hourMS, s.hidden[0]}, {s.hidden[1], end}}
		}
		for i, part := range parts {
			var read []map[string]any
			for _, e := range entries {
				if at := e["timestamp"].(float64); at >= part[0] && at < part[1] {
					read = append(read, e)
				}
			}
			database, name := table[:4], table[5:]
			text, err := json.Marshal(map[string]any{
				"at":       end,
				"request":  map[string]any{"operation": "read_audit_log", "database": database, "schema": database, "table": name, "search_type": "timestamp", "search_values": part},
				"response": read,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, table+strconv.Itoa(i)+".json"), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
