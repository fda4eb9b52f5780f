package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// ruleWith is a file with one rule whose lines after the fourth are given.
func ruleWith(lines string) string {
	return "apiVersion: rules/v1\nrules:\n  - id: r\n    name: R\n    severity: low\n    alert: {title: t}\n" + lines
}

func TestLintSaysWhatIsWrongAndWhere(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string // line:column: message, in part
	}{
		{"empty", "", []string{"1:1: the file is empty"}},
		{"no YAML", "a: b: c\n", []string{"1:4: no YAML: mapping value is not allowed"}},
		{"a tab", ruleWith("\tversion: 2\n"), []string{"7:1: no YAML: a line begins with a tab; YAML is indented with spaces"}},
		{"a mark of the byte order", "\ufeff" + ruleWith("    severty: low\n"), []string{"7:5: a rule has no key severty"}},
		{"a list", "- a\n", []string{"1:1: a rule file is a list; want a mapping"}},
		{"two documents", "apiVersion: rules/v1\nrules: []\n---\na: 1\n", []string{"4:1: a rule file holds one YAML document"}},
		{"another version", "apiVersion: rules/v2\nrules: []\n", []string{`1:13: apiVersion is "rules/v2"; want "rules/v1"`}},
		{"lacking", "lists: {}\n", []string{"1:1: a rule file lacks apiVersion", "1:1: a rule file lacks rules"}},
		{"unknown key", ruleWith("    severty: low\n"), []string{"7:5: a rule has no key severty; did you mean severity?"}},
		{"key of another system", ruleWith("    condition: x\n"), []string{"7:5: a rule has no key condition"}},
		{"duplicate key", ruleWith("    id: s\n"), []string{"7:5: id is already given in line 3"}},
		{"wrong type", ruleWith("    where: [a]\n"), []string{"7:12: where is a list; want text"}},
		{"wrong type of rule", "apiVersion: rules/v1\nrules: [3]\n", []string{"2:9: a rule is a number; want a mapping"}},
		{"bad severity", strings.Replace(ruleWith(""), "low", "hihg", 1),
			[]string{`5:15: severity is "hihg"; want info, low, medium, high, critical; did you mean high?`}},
		{"bad op", ruleWith("    match: {ops: [delte]}\n"), []string{`7:19: an op is "delte"; want insert,`}},
		{"bad id", strings.Replace(ruleWith(""), "id: r", "id: R r", 1), []string{`3:9: id is "R r"`}},
		{"duplicate id", ruleWith("  - id: r\n    name: S\n    severity: low\n    alert: {title: t}\n"),
			[]string{"7:9: rule r is already defined in a.yaml:3"}},
		{"bad duration", ruleWith("    window: {size: 5 minutes, count: 2}\n"), []string{"7:20: window size is 5 minutes; want a duration"}},
		{"long duration", ruleWith("    window: {size: 99d, count: 2}\n"), []string{"7:20: window size is 99d; want 1s to 31d"}},
		{"window without count", ruleWith("    window: {size: 5m}\n"), []string{"7:13: window has one of count, fire, gte, fraction"}},
		{"bad count", ruleWith("    window: {size: 5m, count: 0}\n"), []string{"7:31: count is 0; want 1 to 5000"}},
		{"bad field", ruleWith("    window: {size: 5m, count: 2, by: [usr]}\n"), []string{`7:39: a field of by is "usr"`}},
		{"field twice", ruleWith("    window: {size: 5m, count: 2, by: [user, user]}\n"), []string{"7:38: by names user twice"}},
		{"risk", ruleWith("    risk: 101\n"), []string{"7:11: risk is 101; want 0 to 100"}},
		{"technique", ruleWith("    attack: {version: '18', ids: [X1]}\n"), []string{`7:35: "X1" is no ATT&CK technique`}},
		{"anchor", ruleWith("    runbook: &a b\n"), []string{"7:14: runbook is an anchor, alias or tag"}},
		{"title", strings.Replace(ruleWith(""), "title: t", "title: 'a {{.usr}} b'", 1),
			[]string{"6:25: the alert has no field usr; it has user, table, count"}},
		{"title runs code", strings.Replace(ruleWith(""), "title: t", "title: 'a {{if .user}}b{{end}}'", 1),
			[]string{"a title may only show fields"}},
		{"title no template", strings.Replace(ruleWith(""), "title: t", "title: '{{'", 1), []string{"6:20: title is no template"}},
		{"test without expect", ruleWith("    tests: [{name: a, events: [{}]}]\n"), []string{"7:13: a test lacks expect"}},
		{"test without events", ruleWith("    tests: [{name: a, events: [], expect: []}]\n"), []string{"a test without events"}},
		{"event", ruleWith("    tests: [{name: a, events: [{table: x, id: null, repeet: 3}], expect: []}]\n"),
			[]string{"7:32: id is null, which is no key", "7:40: table is \"x\"", "7:53: an event has no key repeet"}},
		{"list item", "apiVersion: rules/v1\nlists: {a: {items: [[1]]}}\nrules: []\n", []string{"2:21: an item of list a is a list"}},
		{"name taken", "apiVersion: rules/v1\nmacros: {user: 'true'}\nrules: []\n", []string{"2:10: user is a name of the language"}},
		{"all at once", strings.Replace(ruleWith("    where: usr == 1\n    risk: -1\n"), "low", "x", 1),
			[]string{"5:15: severity", "7:12: unknown name usr; did you mean user?", "8:11: risk is -1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantLint(t, tt.file, tt.want) })
	}
}

func wantLint(t *testing.T, file string, want []string) {
	t.Helper()
	_, err := Compile(File{Name: "a.yaml", Data: []byte(file)})
	var got LintErrors
	if !errors.As(err, &got) {
		t.Fatalf("error %v; want LintErrors", err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d errors; want %d:\n%v", len(got), len(want), err)
	}
	for i, e := range got {
		if s := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message); !strings.Contains(s, want[i]) {
			t.Errorf("error %d is\n%s\nwant %s", i, s, want[i])
		}
	}
}

func TestLintOfConditions(t *testing.T) {
	tests := []struct{ where, want string }{
		{`usr == "eve"`, "1: unknown name usr; did you mean user?"},
		{`user ==`, "7: unexpected token EOF"},
		{`user == "eve" and`, "17: unexpected token EOF"},
		{`user`, "1: a condition is true or false"},
		{`after.active`, "1: a condition is true or false"},
		{`op == "delte"`, `7: op is never "delte"; did you mean delete?`},
		{`"absnt" != before_state`, `1: before_state is never "absnt"; did you mean absent?`},
		{`kind in ["write", "delete", "read"]`, `29: kind is never "read"`},
		{`user > 3`, "6: invalid operation"},
		{`now() > 3`, "1: unknown function now; a condition has no clock"},
		{`lenn(user) > 3`, "1: unknown function lenn; did you mean len?"},
		{`len(user, 3) > 3`, "1: too many arguments"},
		{`user matches after.pattern`, "20: matches takes a constant pattern"},
		{`user matches "("`, "14: the pattern is wrong"},
		{`user matches "` + strings.Repeat("a", 1001) + `"`, "14: the pattern is longer"},
		{`user in list("nope")`, "14: no list is called nope"},
		{`user in list(user)`, "9: list takes the name"},
		{`any(1..txn_size, # > 3)`, "6: a range has two constant ends"},
		{`any(1..100000, # > 3)`, "6: a range has two constant ends"},
		{`any(changed, any(added, # == "a"))`, "14: any stands within another"},
		{`count > 3`, "1: count is a function: write what it takes in parentheses after it"},
		{`user == lower`, "9: lower is a function"},
		{`sum(after.lines) > 3`, "1: unknown function sum"},
		{`reduce(after.lines, #acc + #) > 3`, "1: unknown function reduce"},
		{`after.a[1:2] == nil`, "8: conditions have no slices"},
		{`{"a": 1} == after.a`, "1: conditions have no slices, maps"},
		{`$env.user == "x"`, "1: unknown name $env"},
		{`$run == nil`, "1: unknown name $run"},
		{`after.f(3) == 1`, "7: only functions can be called"},
		{`let user = 3; user == 3`, "5: let user: the name is taken"},
		{strings.Repeat("not ", 2001) + "late", "exceeds maximum allowed nodes"},
		{"late " + strings.Repeat(" ", 16<<10), "longer than 16384 bytes"},
		{"  ", "0: the expression is empty"},
	}
	for _, tt := range tests {
		quoted := strings.ReplaceAll(tt.where, "'", "''")
		_, err := Compile(File{Name: "a.yaml", Data: []byte(ruleWith("    where: '" + quoted + "'\n"))})
		var got LintErrors
		if !errors.As(err, &got) {
			t.Errorf("%s: error %v; want LintErrors", tt.where, err)
			continue
		}
		e := got[0]
		if s := fmt.Sprintf("%d: %s", e.Column-12, e.Message); e.Line != 7 || len(got) > 1 || !strings.Contains(s, tt.want) {
			t.Errorf("%.60s\n got %d: %s\nwant %s\n%v", tt.where, e.Line, s, tt.want, err)
		}
	}
}

// A mistake is marked x✗ in the text; the rule's other lines are right.
func TestExpressionErrorsPointIntoEveryStyleOfScalar(t *testing.T) {
	tests := []struct{ name, where string }{
		{"plain", "user == x✗ and late"},
		{"plain over lines", "user == node\n      and late\n      and x✗ == 1"},
		{"single quotes", "'user == \"it''s\" and x✗ == 1'"},
		{"double quotes", `"user == \"\u00e9\x41\\\\d\" and\tx✗ == 1"`},
		{"double quotes over lines", "\"user == node\n\n      and x✗ == 1\""},
		{"literal block", "|\n      user == node\n\n        and late\n      and x✗ == 1\n"},
		{"literal block, stripped", "|-\n\n      user == \"æøå\" and x✗ == 1"},
		{"literal block with indent", "|2\n        user == node\n      and x✗ == 1"},
		{"folded block", ">\n      user == node\n      and late\n\n      and x✗ == 1\n"},
		{"folded block, kept", ">+\n      user == node\n        and x✗ == 1\n      and late\n\n"},
		{"with a comment in expr", "|\n      user == node // a comment\n      and x✗ == 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := ruleWith("    where: " + tt.where + "\n")
			line, column := 0, 0
			for i, l := range strings.Split(text, "\n") {
				if before, _, ok := strings.Cut(l, "✗"); ok {
					line, column = i+1, len([]rune(before))
				}
			}
			_, err := Compile(File{Name: "a.yaml", Data: []byte(strings.Replace(text, "✗", "", 1))})
			var got LintErrors
			if !errors.As(err, &got) || len(got) != 1 {
				t.Fatalf("error %v; want one LintError", err)
			}
			if e := got[0]; e.Line != line || e.Column != column || !strings.Contains(e.Message, "unknown name x") {
				t.Errorf("got %d:%d: %s; want %d:%d", e.Line, e.Column, e.Message, line, column)
			}
		})
	}
}

func TestLintErrorShowsTheLineWithACaret(t *testing.T) {
	_, err := Compile(File{Name: "rules/a.yaml", Data: []byte(ruleWith("    where: late and usr == \"\x1b[31m\"\n"))})
	want := "rules/a.yaml:7:21: unknown name usr; did you mean user?\n" +
		"  |     where: late and usr == \"\uFFFD[31m\"\n" +
		"  |                     ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestACommentThatCutsAConditionIsExplained(t *testing.T) {
	wantLint(t, ruleWith("    where: any(changed, # == \"a\")\n"), []string{"in YAML a # after a space begins a comment"})
}

func TestMacros(t *testing.T) {
	file := func(macros, where string) string {
		return "apiVersion: rules/v1\nmacros:\n" + macros + "rules:\n  - id: r\n    name: R\n    severity: low\n    alert: {title: t}\n    where: " + where + "\n"
	}
	t.Run("mean the same wherever they stand", func(t *testing.T) {
		set, err := Compile(File{Name: "a", Data: []byte(file("  a_or_b: user == \"a\" or user == \"b\"\n  both: a_or_b and late\n", "not a_or_b and both or a_or_b"))})
		if err != nil {
			t.Fatal(err)
		}
		got := set.Rules()[0].where.text
		want := `(not (user == "a" or user == "b") and ((user == "a" or user == "b") and late)) or (user == "a" or user == "b")`
		if got != want {
			t.Errorf("expanded to\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("report their own mistakes", func(t *testing.T) {
		wantLint(t, file("  m: usr == 1\n", "m and late"), []string{"3:6: unknown name usr"})
		wantLint(t, file("  m: user ==\n", "m and late"), []string{"3:12: unexpected token EOF"})
	})
	t.Run("do not contain themselves", func(t *testing.T) {
		wantLint(t, file("  a: b and late\n  b: late and a\n", "a"), []string{
			"3:6: macro b contains itself: b → a → b", "4:15: macro a contains itself: a → b → a"})
	})
	t.Run("do not explode", func(t *testing.T) {
		var m strings.Builder
		m.WriteString("  m0: late or lossy\n")
		for i := range 30 {
			fmt.Fprintf(&m, "  m%d: m%d or m%d\n", i+1, i, i)
		}
		_, err := Compile(File{Name: "a", Data: []byte(file(m.String(), "m30"))})
		if err == nil || !strings.Contains(err.Error(), "more than 2000 parts") {
			t.Errorf("error %.300v", err)
		}
	})
}

func TestLoadReadsFilesAndFolders(t *testing.T) {
	dir := t.TempDir()
	rule := func(id string) []byte { return []byte(strings.Replace(ruleWith(""), "id: r", "id: "+id, 1)) }
	for name, id := range map[string]string{"a.yaml": "a", "b.yml": "b", "sub/c.yaml": "c", "d.txt": "d"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, rule(id), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(s *Set) string {
		var out []string
		for _, r := range s.Rules() {
			out = append(out, r.ID)
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct {
		paths []string
		want  string
	}{
		{[]string{dir}, "a b c"},
		{[]string{filepath.Join(dir, "d.txt"), filepath.Join(dir, "sub")}, "d c"},
	} {
		set, err := Load(tt.paths...)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(set); got != tt.want {
			t.Errorf("%v: rules %s; want %s", tt.paths, got, tt.want)
		}
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a path that is not there: %v", err)
	}
	_, err := Load(filepath.Join(dir, "a.yaml"), dir)
	var lint LintErrors
	if !errors.As(err, &lint) || !strings.Contains(lint[0].File, "a.yaml") {
		t.Errorf("a rule that is loaded twice: %v", err)
	}
	set, err := LoadFS(fstest.MapFS{"x/e.yaml": {Data: rule("e")}}, "x")
	if err != nil || ids(set) != "e" {
		t.Errorf("from a file system: %v, %v", set, err)
	}
}
