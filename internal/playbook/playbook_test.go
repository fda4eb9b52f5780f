package playbook_test

import (
	"strings"
	"testing"
	"time"

	"recourse/internal/playbook"
	"recourse/query"
)

var now = time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)

var language = query.Language{Now: now, Condition: func(string) (query.Expr, error) { return query.Expr{}, nil }}

// Every question of every playbook that comes with the program is a query, whatever
// of its params is given.
func TestBuiltinPlaybooksAreQueries(t *testing.T) {
	all, err := playbook.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
		if err := p.Lint(language); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if got, want := strings.Join(names, " "), "account-takeover insider log-wiping mass-delete ransom tampered-money"; got != want {
		t.Errorf("playbooks %s, want %s", got, want)
	}
}

// What a param holds can be nothing but a value in the query.
func TestValuesStayValues(t *testing.T) {
	p, err := playbook.Parse([]byte(`
apiVersion: playbook/v1
name: x
title: X
params:
  - {name: user, kind: text}
  - {name: table, kind: pattern}
  - {name: f, kind: name, default: a}
questions:
  - {id: q, ask: Who?, query: '[[user:{{user}}]] [[table:{{table}}]] op:delete after.{{f}}:1 | stats count'}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, hostile := range []string{`eve or user:*`, `") | save x`, `a  b`, `\`, "x\ny", `in(a)`, `* | plan x`, `/re/`, `~a`, "\u202e", "?*"} {
		asked, err := p.Fill(map[string]string{"user": hostile, "table": hostile, "f": hostile}, now)
		if err != nil {
			t.Errorf("%q: %v", hostile, err)
			continue
		}
		parsed, err := language.Parse(asked[0].Text)
		if err != nil {
			t.Errorf("%q: %s: %v", hostile, asked[0].Text, err)
			continue
		}
		and, ok := parsed.Filter.Root().(query.And)
		if !ok || len(and) != 4 || len(parsed.Pipes) != 1 {
			t.Errorf("%q became %s", hostile, parsed)
			continue
		}
		if f, ok := and[0].(query.Field); !ok || !f.Pattern.Match(hostile) {
			t.Errorf("%q became %s", hostile, and[0])
		}
	}
}

func TestMistakesInPlaybooksAreTold(t *testing.T) {
	const head = "apiVersion: playbook/v1\nname: x\ntitle: X\n"
	for _, tt := range []struct{ text, say string }{
		{"apiVersion: v2", "apiVersion"},
		{head + "odd: 1\nquestions: [{id: a, ask: b, query: '*'}]", "unknown field"},
		{head, "questions"},
		{head + "questions: [{id: a, ask: b}]", "ask and query"},
		{head + "questions: [{id: a, ask: b, query: '*'}, {id: a, ask: b, query: '*'}]", "an id of its own"},
		{head + "params: [{name: p, kind: odd}]\nquestions: [{id: a, ask: b, query: '*'}]", "kind is"},
		{head + "params: [{name: p, kind: text, required: true, default: x}]\nquestions: [{id: a, ask: b, query: '*'}]", "a default"},
	} {
		if _, err := playbook.Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v, want it to say %q", tt.text, err, tt.say)
		}
	}
	p, err := playbook.Parse([]byte(head + "params: [{name: p, kind: time}, {name: must, kind: number, required: true}]\nquestions: [{id: a, ask: b, query: 'usr:x {{q}} {{p}}'}]"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Lint(language); err == nil || !strings.Contains(err.Error(), "{{q}} is no param") {
		t.Errorf("Lint: %v", err)
	}
	for _, values := range []map[string]string{{}, {"must": "x"}, {"must": "1", "p": "yesterday"}, {"must": "1", "odd": "x"}} {
		if _, err := p.Fill(values, now); err == nil {
			t.Errorf("%v was taken", values)
		}
	}
}
