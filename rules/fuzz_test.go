package rules

import (
	"errors"
	"strings"
	"testing"

	"recourse/audit"
)

// Whatever a file holds, loading it ends in a set whose tests can be run or in
// mistakes that have a place in the file.
func FuzzLoad(f *testing.F) {
	for _, file := range BuiltinFiles() {
		f.Add(string(file.Data))
	}
	f.Add(ruleWith("    where: |2\n        a\n\n      b\n"))
	f.Add(ruleWith("    where: \"\\u00e9 == x\"\n    window: {size: 1d, each: changed, count: 2}\n"))
	f.Add(exceptedRules)
	f.Add(strings.NewReplacer("file: lists/glass.txt", "items: [root-2]", "file: lists/codes.txt", "items: [7.5]").Replace(labelledRules))
	f.Add("a: &x [*x]\n<<: {}\n? b\n: !!str c\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<15 {
			return
		}
		set, err := Compile(File{Name: "a.yaml", Data: []byte(text)})
		if err == nil {
			set.Warnings(testStart())
			set.Unseen(Catalogue{{Database: "data", Name: "t"}: {"a"}})
			set.Parts().Diff(nil)
			for _, r := range set.Rules() {
				r.Explain()
				if r.Hash == "" || r.ID == "" || r.Window.Count < 1 || r.Window.Size <= 0 {
					t.Fatalf("rule %+v", r)
				}
			}
			return
		}
		var lint LintErrors
		if !errors.As(err, &lint) {
			t.Fatalf("error %v is no LintErrors", err)
		}
		lines := newDocument(File{Data: []byte(text)}).lines
		for _, e := range lint {
			if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Message == "" || e.Error() == "" {
				t.Fatalf("%d lines, mistake %+v", len(lines), e)
			}
		}
	})
}

// Whatever a condition says, it compiles or is refused, and runs on whatever
// record without taking the engine along.
func FuzzCondition(f *testing.F) {
	set, err := Builtin()
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range set.Rules() {
		if r.where != nil {
			f.Add(r.where.text, `{"price":5,"email":"a"}`, `{"price":0.01,"email":"b"}`)
		}
	}
	f.Add(`any(after.a, .b.c[0] == 1) or (after.x ?? "y") matches "^a"`, `{}`, `{"a":[{"b":{"c":[1]}},3,null]}`)
	f.Add(`from("price", 5) and to("email", "b") or format(get(after, "email.0")) == "uuid" and secretlike(before.email)`, `{"price":5,"email":"a"}`, `{"price":0.01,"email":"b"}`)
	f.Add(`"pii" in table.labels or canary or actor.kind == "human" and txn.size > dow and seen ?? seq > 1`, `{}`, `{}`)
	f.Add(`let a = after.n * 2 ** 70; -a < 0 and not (a % 0 == nil ? true : late)`, `{}`, `{"n":9223372036854775807}`)
	f.Fuzz(func(t *testing.T, where, before, after string) {
		c := simpleChange(1, 0, "1")
		c.Op = audit.OpUpdate
		for image, text := range map[*audit.Image]string{&c.Before: before, &c.After: after} {
			var v audit.Value
			if len(text) > 4096 || v.UnmarshalJSON([]byte(text)) != nil || v.Kind() != audit.KindObject {
				return
			}
			*image = audit.PresentImage(v, audit.Logged, audit.Exact)
		}
		lines := strings.Split(where, "\n")
		file := ruleWith("    where: |\n      " + strings.Join(lines, "\n      ") + "\n    tests: []\n")
		set, err := Compile(File{Name: "a.yaml", Data: []byte(file)})
		if err != nil {
			return
		}
		e := NewEngine(set, Options{})
		if _, err := e.Eval(&c); err != nil {
			t.Fatal(err)
		}
		if s := e.Stats().Rules[0]; strings.Contains(s.LastError, "nil pointer") || strings.Contains(s.LastError, "interface conversion") {
			t.Fatalf("%s: %s", where, s.LastError)
		}
	})
}
