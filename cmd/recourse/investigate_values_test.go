package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"recourse/audit"
)

// Questions 5, 6 and 7: what did a record look like before and after, who set this
// attribute, when did the value first appear?
func (q *investigation) values() {
	s := q.shop
	for _, key := range slices.Sorted(maps.Keys(s.touched))[:2] {
		var diff struct {
			Records []struct {
				Old, New struct{ Body map[string]any }
				Diff     []struct{ Path string }
			}
		}
		code := exitOK
		if fmt.Sprint(s.before[key]) == fmt.Sprint(s.live[key]) {
			code = exitNothing
		}
		q.ask(code, &diff, "diff", key, audit.Time(s.began).String(), audit.Time(s.now).String())
		if r := diff.Records[0]; fmt.Sprint(r.Old.Body) != fmt.Sprint(s.before[key]) || fmt.Sprint(r.New.Body) != fmt.Sprint(s.live[key]) {
			q.t.Errorf("%s was %v and is %v, want %v and %v", key, r.Old.Body, r.New.Body, s.before[key], s.live[key])
		}
		var blame struct {
			Attributes []struct {
				Path   string
				Origin string
				Change struct{ User string }
			}
		}
		q.ask(exitOK, &blame, "blame", key)
		for _, a := range blame.Attributes {
			if by, ok := s.wrote[key][a.Path[1:]]; ok && (a.Change.User != by.user || a.Origin != "set") {
				q.t.Errorf("%s%s is by %s (%s), want %s", key, a.Path, a.Change.User, a.Origin, by.user)
			}
		}
	}
	looked := 0
	for _, value := range slices.Sorted(maps.Keys(s.values)) {
		at := s.values[value]
		if !strings.ContainsAny(value, "@ ") && !strings.HasPrefix(value, "XX") {
			continue // a number may have been there before
		}
		if looked++; looked > 2 {
			break
		}
		var pickaxe struct {
			Summary struct {
				First struct {
					Time float64
					User string
				}
			}
		}
		q.ask(exitOK, &pickaxe, "pickaxe", "--exact", value)
		if first := pickaxe.Summary.First; first.Time != at || first.User != s.attacker {
			q.t.Errorf("%s first appeared at %f by %s, want %f", value, first.Time, first.User, at)
		}
	}
}

// Question 8: what did the tables look like before?
func (q *investigation) before() {
	for _, table := range slices.Sorted(maps.Keys(q.shop.log)) {
		var asof struct {
			Records []struct {
				Key  string
				Body map[string]any
			}
			Summary struct{ Present, Unknown int }
		}
		q.ask(exitOK, &asof, "asof", table, audit.Time(q.shop.began).String())
		want := 0
		for key := range q.shop.before {
			if strings.HasPrefix(key, table+"/") {
				want++
			}
		}
		if asof.Summary.Present != want || asof.Summary.Unknown != 0 {
			q.t.Errorf("%s had %d records, want %d", table, asof.Summary.Present, want)
		}
		for _, r := range asof.Records {
			if was := q.shop.before[table+"/"+r.Key]; fmt.Sprint(r.Body) != fmt.Sprint(was) {
				q.t.Errorf("%s/%s was %v, want %v", table, r.Key, r.Body, was)
			}
		}
	}
}

// Question 12: is this normal for them?
func (q *investigation) normal() {
	var usual struct {
		Facets []struct {
			Values []struct {
				Value string
				A     int
				Score float64
			}
		}
		Summary struct{ Windows int }
	}
	q.ask(exitOK, &usual, "compare", q.window, "--vs", "14d", "--by", "user")
	if first := usual.Facets[0].Values[0]; first.Value != q.shop.attacker || first.Score < 3 || usual.Summary.Windows < 10 {
		q.t.Errorf("what is least usual is %+v, of %d windows", first, usual.Summary.Windows)
	}
}

// Question 13: what would undoing it cost?
func (q *investigation) undo() {
	dir := q.t.TempDir()
	q.tell(exitOK, "revert", "select", "--query", q.of, "-o", dir+"/sel.json")
	out, errs, code := runCommand(q.t, "revert", "plan", dir+"/sel.json", "-o", dir+"/plan.ndjson", "--data", q.data)
	if code != exitOK && code != exitConflicts {
		q.t.Fatalf("plan: exit %d\n%s\n%s", code, out, errs)
	}
	var plan struct {
		Counts    map[string]int
		Selection struct{ Events int }
	}
	q.ask(code, &plan, "revert", "show", dir+"/plan.ndjson")
	bad := 0
	for key := range q.shop.touched {
		if q.shop.class(key) == "still-bad" {
			bad++
		}
	}
	if n := plan.Counts["patch"] + plan.Counts["insert"] + plan.Counts["delete"]; plan.Selection.Events != q.shop.attacks || n != bad {
		q.t.Errorf("the plan writes %d records for %d changes, want %d for %d: %v", n, plan.Selection.Events, bad, q.shop.attacks, plan.Counts)
	}
}

// Question 14: can it be proved to an auditor?
func (q *investigation) prove() {
	dir := q.t.TempDir()
	file := dir + "/case.ndjson"
	_, key, _ := strings.Cut(q.tell(exitOK, "revert", "keygen", "--name", "ann", "-o", dir+"/key"), "key: ")
	key = strings.TrimSpace(key)
	q.tell(exitOK, "evidence", "export", q.of, "--file", file, "--key", dir+"/key")
	var said struct {
		Changes int
		Whole   bool
		Signed  string `json:"signed_by"`
		Stored  struct{ Same, Differ, Missing int }
	}
	q.ask(exitOK, &said, "evidence", "verify", file, "--stored", "--signed-by", key)
	if said.Changes != q.shop.attacks || !said.Whole || said.Signed != key || said.Stored.Same != said.Changes {
		q.t.Errorf("the evidence is %+v, want %d changes signed by %s", said, q.shop.attacks, key)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		q.t.Fatal(err)
	}
	altered := strings.Replace(string(text), q.shop.attacker, "somebody", 2)
	if err := os.WriteFile(file, []byte(altered), 0o600); err != nil {
		q.t.Fatal(err)
	}
	q.tell(exitIntegrity, "evidence", "verify", file)
}

// Question 15: what is told to others?
func (q *investigation) report() {
	bad := 0
	for key := range q.shop.touched {
		if q.shop.class(key) == "still-bad" {
			bad++
		}
	}
	for _, format := range []string{"md", "html"} {
		text := q.tell(exitOK, "report", q.of, "-o", format)
		for _, want := range []string{"Open questions", "Timeline", fmt.Sprintf("%d still", bad), q.shop.attacker} {
			if !strings.Contains(text, want) {
				q.t.Errorf("the report as %s lacks %q", format, want)
			}
		}
	}
}
