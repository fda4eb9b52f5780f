package rules

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"recourse/audit"
)

// passes fails the test unless all tests that the rules carry pass.
func passes(t *testing.T, set *Set) {
	t.Helper()
	for _, r := range RunTests(set) {
		if !r.Pass {
			t.Errorf("%s:%d: %s: %s: %s", r.File, r.Line, r.Rule, r.Test, r.Message)
		}
	}
}

const labelledRules = `
apiVersion: rules/v1
lists:
  glass: {type: text, file: lists/glass.txt}
  codes: {type: number, file: lists/codes.txt}
  money: {type: pattern, items: ["*price*"]}
macros:
  sensitive: '"pii" in table.labels or "money" in table.labels'
tables:
  - {match: "data.acc*", labels: [money]}
  - {match: ["data.canary", "data.acc*"], labels: [pii], canary_ids: [acc-0, 318]}
actors:
  - {match: ["svc-*", cron], kind: service}
  - {match: "*", kind: human}
rules:
  - id: sensitive
    name: S
    severity: low
    where: not (user in list("glass")) and (sensitive) and actor.kind == "human"
    alert: {title: t}
    tests:
      - name: a labelled table and a person
        events: [{user: eve, table: data.account}]
        expect: [{group: {user: eve}, severity: low}]
      - name: not those of the list, no service, no other table, no user
        events:
          - {user: root-2, table: data.account}
          - {user: svc-pay, table: data.account}
          - {user: eve, table: data.other}
          - {user: "", table: data.account}
        expect: []
      - name: what a test itself says of a table
        tables: [{match: data.other, labels: [pii]}]
        events: [{user: eve, table: data.other}]
        expect: [{alerts: 1}]
  - id: canary
    name: C
    severity: critical
    risk: {score: 90, on: [user]}
    where: canary or after.code in list("codes")
    alert: {title: "{{.user}} touched {{.count}}", missing: skip}
    tests:
      - name: canaries and codes
        events:
          - {table: data.canary, id: acc-0, after: {}}
          - {table: data.canary, id: 318, after: {}}
          - {table: data.canary, id: "318", after: {}}
          - {table: data.canary, id: x, after: {code: 7.5}}
        expect: [{count: 3, keys: ['data.canary/"acc-0"', 'data.canary/"x"', data.canary/318], risk: 90, title: user touched 3, first: 0s, last: 3s, late: false, suppressed: 0}]
      - name: nobody's change does not count, nor another record
        events: [{table: data.canary, id: acc-0, user: ""}, {table: data.canary, id: acc-1, after: {code: 8}}]
        expect: []
`

func labelledFiles() fstest.MapFS {
	return fstest.MapFS{
		"r/a.yaml":          {Data: []byte(labelledRules)},
		"r/lists/glass.txt": {Data: []byte("# people who may\r\nroot-1\r\n\r\n  root-2 \n")},
		"r/lists/codes.txt": {Data: []byte("7.5\n9\n")},
	}
}

func TestListsOfFilesLabelsAndActors(t *testing.T) {
	fsys := labelledFiles()
	set, err := LoadFS(fsys, "r")
	if err != nil {
		t.Fatal(err)
	}
	passes(t, set)
	fsys["r/lists/glass.txt"].Data = append(fsys["r/lists/glass.txt"].Data, "root-3\n"...)
	again, err := LoadFS(fsys, "r")
	if err != nil {
		t.Fatal(err)
	}
	if set.Rule("sensitive").Hash == again.Rule("sensitive").Hash {
		t.Error("another list is another rule")
	}
	if set.Rule("canary").Hash != again.Rule("canary").Hash {
		t.Error("a list that a rule does not read changes nothing of it")
	}
	fsys["r/b.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: rules/v1\nrules: []\ntables: [{match: x.y, labels: [pii]}]\n")}
	if again, err = LoadFS(fsys, "r"); err != nil {
		t.Fatal(err)
	}
	if set.Rule("canary").Hash == again.Rule("canary").Hash {
		t.Error("labels of another file are part of a rule that reads labels")
	}
	passes(t, again)
}

func TestALabelOfAnotherFileCounts(t *testing.T) {
	set, err := Compile(
		File{Name: "a.yaml", Data: []byte("apiVersion: rules/v1\nrules: []\ntables: [{match: d.t, labels: [pii], canary_ids: [1]}]\n")},
		File{Name: "b.yaml", Data: []byte(ruleWith("    where: '\"pii\" in table.labels and canary'\n"))},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, slow := range []bool{false, true} {
		e := NewEngine(set, Options{slow: slow})
		for i, id := range []string{"1", "2"} {
			v, _ := audit.FromJSON([]byte(id))
			key, _ := audit.IDOf(v)
			c := audit.Change{Seq: audit.Seq(i + 1), Time: 1, Op: audit.OpUpdate, Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: key}}
			got, err := e.Eval(&c)
			if err != nil || (len(got) == 1) != (id == "1") {
				t.Errorf("slow %t: record %s: %d alerts, %v", slow, id, len(got), err)
			}
		}
	}
}

const exceptedRules = `
apiVersion: rules/v1
lists:
  jobs: {items: [nightly, purge]}
rules:
  - id: r
    name: R
    severity: low
    match: {ops: [write, delete]}
    alert: {title: t}
    exceptions:
      - {id: EX-1, fields: [user, table], comps: [eq, glob], values: [[ops, "data.tmp_*"], [ops, data.scratch]], reason: scratch tables, owner: dba}
      - {id: EX-2, fields: user, comps: in, values: [{list: jobs}], reason: jobs, owner: dba, expires: 2026-01-05}
      - {id: EX-3, fields: changed, comps: glob, values: ["last_*|seen_*"], reason: bookkeeping, owner: dba}
      - {id: EX-4, fields: [after.limits.day, txn.size], comps: [le, gt], values: [[10, 5]], reason: small, owner: dba}
      - {id: EX-5, fields: before.state, values: [null, draft], reason: drafts, owner: dba}
    tests:
      - name: what no exception holds of
        events:
          - {user: ops, table: data.orders, before: {state: a}, after: {state: a}}
          - {user: eve, table: data.tmp_1, before: {state: a}, after: {state: a}}
          - {user: eve, table: data.orders, before: {state: a, last_seen: 1, x: 1}, after: {state: a, last_seen: 2, x: 2}}
          - {user: eve, table: data.orders, before: {state: a}, after: {state: a, limits: {day: 11}}, txn_size: 9}
          - {user: eve, table: data.orders, before: {state: a}, after: {state: a}, txn_size: 9}
        expect: [{group: {table: data.tmp_1}}, {group: {user: eve, table: data.orders}, count: 3}, {group: {user: ops}}]
      - name: what an exception holds of
        events:
          - {user: ops, table: data.tmp_1, before: {state: a}, after: {state: a}}
          - {user: ops, table: data.scratch, before: {state: a}, after: {state: a}}
          - {user: nightly, before: {state: a}, after: {state: a}}
          - {user: eve, before: {state: a, last_seen: 1, seen_at: 1}, after: {state: a, last_seen: 2, seen_at: 2}}
          - {user: eve, before: {state: a}, after: {state: a, limits: {day: 10}}, txn_size: 9}
          - {user: eve, before: {state: draft}, after: {state: a}}
          - {user: eve, before: {}, after: {}}
        expect: []
      - name: an exception ends with its day
        start: 2026-01-05T23:59:59Z
        events: [{user: purge, repeat: 2, before: {state: a}, after: {state: a}}]
        expect: [{at: 1s, count: 1}]
`

func TestExceptions(t *testing.T) {
	set := mustCompile(t, exceptedRules)
	passes(t, set)
	for _, slow := range []bool{false, true} {
		e := NewEngine(set, Options{slow: slow})
		for i, ev := range set.rules[0].tests[1].events {
			c := ev.change(testStart(), 0, i, 0)
			c.Seq = audit.Seq(i + 1)
			if _, err := e.Eval(&c); err != nil {
				t.Fatal(err)
			}
		}
		// The counts are part of the state.
		e, err := restarted(e, set, map[string][]byte{})
		if err != nil {
			t.Fatal(err)
		}
		s := e.Stats().Rules[0]
		if s.Excepted != 7 || s.Matched != 0 || s.Exceptions["EX-1"] != 2 || s.Exceptions["EX-2"] != 1 ||
			s.Exceptions["EX-3"] != 1 || s.Exceptions["EX-4"] != 1 || s.Exceptions["EX-5"] != 2 {
			t.Errorf("slow %t: %+v", slow, s)
		}
	}
	x := set.rules[0].Exceptions[1]
	day := time.Date(2026, 1, 5, 23, 59, 59, 0, time.UTC)
	if x.Expired(day) || !x.Expired(day.Add(time.Second)) || x.Owner != "dba" || x.Line != 13 {
		t.Errorf("exception %+v", x)
	}
}

func TestAnExceptionIsNoPartOfTheDefinition(t *testing.T) {
	with := mustCompile(t, exceptedRules).rules[0]
	a, b, _ := strings.Cut(exceptedRules, "    exceptions:\n")
	_, b, _ = strings.Cut(b, "    tests:\n")
	without := mustCompile(t, a+"    tests:\n"+b).rules[0]
	if with.Hash != without.Hash {
		t.Error("the windows begin anew when an exception is added")
	}
}

func TestExceptionsOfOtherFilesRules(t *testing.T) {
	more := `
apiVersion: rules/v1
rules: []
exceptions:
  - {id: X, rules: [r, "r*", "s*"], fields: user, values: [user], reason: a, owner: b}
  - {id: Y, rules: nothing, fields: user, values: [user], reason: a, owner: b}
`
	rule := ruleWith("    tests: [{name: fires, events: [{op: delete}], expect: [{}]}, {name: silent, events: [{op: message}], expect: []}]\n")
	set, err := Compile(File{Name: "more.yaml", Data: []byte(more)}, File{Name: "a.yaml", Data: []byte(rule)})
	if err != nil {
		t.Fatal(err)
	}
	passes(t, set) // the tests of a rule are of its own file
	if x := set.rules[0].Exceptions; len(x) != 1 || x[0].ID != "X" || x[0].File != "more.yaml" {
		t.Errorf("exceptions %+v", x)
	}
	e := NewEngine(set, Options{})
	if got, err := e.Eval(&audit.Change{Seq: 1, Time: 1, User: "user", Op: audit.OpDelete}); err != nil || len(got) != 0 {
		t.Errorf("alerts %v, %v", got, err)
	}
	warnings := set.Warnings(time.Now())
	if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "more.yaml:6:5: exception Y is of rule nothing, which there is not") {
		t.Errorf("warnings %v", warnings)
	}
}

func TestRuleFileMistakes(t *testing.T) {
	top := func(lines string) string { return "apiVersion: rules/v1\nrules: []\n" + lines }
	ex := func(fields string) string {
		return ruleWith("    exceptions:\n      - {id: X, reason: r, owner: o, " + fields + "}\n")
	}
	for _, tt := range []struct{ file, want string }{
		{top("lists: {a: {}}\n"), "3:9: list a lacks items or a file"},
		{top("lists: {a: {items: [], file: x}}\n"), "3:9: list a has both"},
		{top("lists: {a: {file: ../x}}\n"), `3:19: list a: "../x" is no path of a file below`},
		{top("lists: {a: {file: x}}\n"), "3:19: list a: read x: this rule file has no folder"},
		{top("lists: {a: {type: txt, items: []}}\n"), `3:19: type is "txt"; want text, number, pattern; did you mean text?`},
		{top("lists: {a: {type: number, items: [x]}}\n"), "3:35: an item of list a is text; want a number"},
		{"apiVersion: rules/v1\nlists: {p: {type: pattern, items: [a]}}\n" + strings.TrimPrefix(ruleWith("    where: user in list(\"p\")\n"), "apiVersion: rules/v1\n"),
			"list p is of patterns: write glob"},
		{"apiVersion: rules/v1\nlists: {p: {type: number, items: [1]}}\n" + strings.TrimPrefix(ruleWith("    where: user not in list(\"p\")\n"), "apiVersion: rules/v1\n"),
			"list p is of numbers, and user is text"},
		{"apiVersion: rules/v1\nlists: {p: {type: number, items: [1]}}\n" + strings.TrimPrefix(ruleWith("    where: glob(user, list(\"p\"))\n"), "apiVersion: rules/v1\n"),
			"list p is of numbers, which are no patterns"},
		{top("tables: [{match: x}]\n"), "3:10: a table's labels lack labels and canary_ids"},
		{top("tables: [{match: x, labels: [a b]}]\n"), `3:30: "a b" is no name for a label`},
		{top("tables: [{match: x, label: [a]}]\n"), "3:21: a table's labels has no key label; did you mean labels?"},
		{top("actors: [{match: x, kind: robot}]\n"), `3:27: kind is "robot"; want human, service`},
		{top("macros: {txn: late}\n"), "3:10: txn is a name of the language"},
		{ruleWith("    where: '\"a\" in table.lables'\n"), "7:20: there is no table.lables; did you mean table.labels?"},
		{ruleWith("    where: txn == 1\n"), "7:12: unknown name txn"},
		{ruleWith("    where: actor.kind == \"humna\"\n"), `actor.kind is never "humna"; did you mean human?`},
		{ruleWith("    where: format(after.a) == \"emial\"\n"), `7:31: format is never "emial"; did you mean email?`},
		{ruleWith("    where: from(user, 1)\n"), "from takes an attribute's name in quotes, or #"},
		{ex("fields: [user, table], values: [[a]]"), "8:70: a row of values of exception X has 1 values; it has 2 fields"},
		{ex("fields: [usr], values: [a]"), "there is no field usr; did you mean user?"},
		{ex("fields: [user + table], values: [a]"), `"user + table" is no field`},
		{ex("fields: user, comps: is, values: [a]"), `comps has "is"; want eq, in, glob`},
		{ex("fields: user, comps: [eq, eq], values: [a]"), "exception X has 1 fields and 2 comps"},
		{ex("fields: user, values: []"), "exception X has no values, and so never holds"},
		{ex("fields: op, values: [delte]"), `op is never "delte"; did you mean delete?`},
		{ex("fields: user, comps: in, values: [{list: a}]"), "no list is called a"},
		{ex("fields: user, values: [a], expires: tomorrow"), `expires is "tomorrow"; want a day such as`},
		{ruleWith("    exceptions: [{id: X, fields: user, values: [a], owner: o}]\n"), "an exception lacks reason"},
		{ruleWith("    exceptions: [{id: X, fields: user, values: [a], reason: r, owner: o}, {id: X, fields: user, values: [a], reason: r, owner: o}]\n"),
			"rule r has an exception X already"},
		{"apiVersion: rules/v1\nexceptions: [{id: X, rules: \"*\", fields: usr, values: [a], reason: r, owner: o}]\n" +
			strings.TrimPrefix(ruleWith("  - {id: s, name: S, severity: low, alert: {title: t}}\n"), "apiVersion: rules/v1\n"), "there is no field usr"},
		{ruleWith("    risk: {entity: user, gte: 9, within: 1h}\n    exceptions: [{id: X, fields: user, values: [a], reason: r, owner: o}]\n"),
			"8:18: rule r looks at alerts, and exceptions are of changes"},
		{ruleWith("    risk: {score: 5, on: [usr]}\n"), `7:27: on has "usr"; want user, table`},
		{ruleWith("    risk: {score: 5, on: [node]}\n"), "7:27: on has node, which is none of the fields"},
		{strings.Replace(ruleWith(""), "title: t", "title: t, group_by: [node]", 1), `6:34: group_by has "node"`},
		{strings.Replace(ruleWith(""), "title: t", "title: t, re_alert: 10", 1), "re_alert is a number; want text"},
		{strings.Replace(ruleWith(""), "title: t", "title: t, re_alert: x1", 1), `re_alert is "x1"; want x and a number above 1`},
		{strings.Replace(ruleWith(""), "title: t", "title: t, evidence: {events: 0}", 1), "events is 0; want 1 to 100000"},
	} {
		_, err := Compile(File{Name: "a.yaml", Data: []byte(tt.file)})
		if lint, ok := errors.AsType[LintErrors](err); !ok || len(lint) != 1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.file, err, tt.want)
		}
	}
}
