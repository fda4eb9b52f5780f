package revert

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"recourse/audit"
)

// planOf plays a script and plans to take eve's part back.
func planOf(t testing.TB, script string) (*sim, *Plan) {
	t.Helper()
	s := newSim()
	ops := parse(t, script)
	if ops[0].kind == "update" {
		s.do(op{user: "ann", kind: "insert", key: k1, set: map[string]audit.Value{"a": audit.Int(0)}})
	}
	from := len(s.log)
	for _, o := range ops {
		s.do(o)
		s.poll()
	}
	p, err := planFor(s.changes(from), eves, nil, nil, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// resolved decides the plan's conflicts, "class=option" each, from the history
// alone.
func resolved(t testing.TB, s *sim, p *Plan, decisions ...string) (*Plan, error) {
	t.Helper()
	var choices []Choice
	for _, d := range decisions {
		class, option, _ := strings.Cut(d, "=")
		choices = append(choices, Choice{K: &p.Conflicts[0].K, Class: Class(class), Option: option, Reason: "they asked for it"})
	}
	more, err := p.Decide(choices, "ann", "2026-11-24T08:00:00Z")
	if err != nil {
		return nil, err
	}
	req, err := p.Request()
	if err != nil {
		t.Fatal(err)
	}
	if req.Selection, err = p.Selected(); err != nil {
		t.Fatal(err)
	}
	return drafted(p.Resolve(context.Background(), req, history(s.changes(max(0, len(s.log)-p.Header.History.Changes))), more, nil))
}

// drafted is what a draft writes.
func drafted(d *Draft, err error) (*Plan, error) {
	var file bytes.Buffer
	if err == nil {
		err = errors.Join(d.Write(&file), d.Close())
	}
	if err != nil {
		return nil, err
	}
	return ReadPlan(&file)
}

// Each option of each class leads to the record that docs/revert.md says.
func TestOptions(t *testing.T) {
	const (
		orphan   = "eve insert a=9 c=9; bob patch b=2"
		anew     = base + "eve delete; bob insert a=2 c=3"
		later    = anew + "; bob patch a=x"
		twice    = anew + "; eve patch a=evil c=evil"
		masked   = base + "eve put a=1; bob put a=2"
		number   = "ann insert n=10; eve patch n+90; bob patch n+5"
		attacked = "ann insert a=1 n=10; eve patch n+90; eve delete; bob insert n=7; bob patch n+5"
	)
	for _, tt := range []struct{ script, decide, want string }{
		{orphan, "orphan-edit=keep", `{"a":9,"b":2,"c":9,"id":1}`},
		{orphan, "orphan-edit=delete", ""},
		{orphan, "orphan-edit=keep-legit", `{"b":2,"id":1}`},
		{anew, "recreated=keep", `{"a":2,"c":3,"id":1}`},
		{anew, "recreated=fill", `{"a":2,"b":1,"c":3,"id":1}`},
		{anew, "recreated=merge", `{"a":1,"b":1,"c":3,"id":1}`},
		{anew, "recreated=replace", `{"a":1,"b":1,"id":1}`},
		{later, "recreated=fill", `{"a":"x","b":1,"c":3,"id":1}`},
		{later, "recreated=merge", `{"a":"x","b":1,"c":3,"id":1}`},
		{later, "recreated=replace", `{"a":1,"b":1,"id":1}`},
		{twice, "recreated=keep", `{"a":"evil","c":"evil","id":1}`},
		{twice, "recreated=fill", `{"a":2,"b":1,"c":3,"id":1}`},
		{twice, "recreated=merge", `{"a":1,"b":1,"c":3,"id":1}`},
		{twice, "recreated=replace", `{"a":1,"b":1,"id":1}`},
		{base + "eve delete; bob patch a=x", "stub=keep", `{"a":"x"}`},
		{base + "eve delete; bob patch a=x", "stub=merge", `{"a":"x","b":1,"id":1}`},
		{masked, "masked-removal=keep", `{"a":2,"id":1}`},
		{masked, "masked-removal=restore", `{"a":2,"b":1,"id":1}`},
		{masked + "; eve delete", "masked-removal=keep", ""},
		{masked + "; eve delete", "masked-removal=restore", `{"a":2,"b":1,"id":1}`},
		{masked + "; eve delete", "masked-removal=omit", `{"a":2,"id":1}`},
		{number, "ambiguous-delta=keep", `{"id":1,"n":105}`},
		{number, "ambiguous-delta=delta", `{"id":1,"n":15}`},
		{number + "; eve patch n=0", "ambiguous-delta=keep", `{"id":1,"n":0}`},
		{number + "; eve patch n=0", "ambiguous-delta=delta", `{"id":1,"n":15}`},
		{number + "; eve patch n=0", "ambiguous-delta=value", `{"id":1,"n":105}`},
		{number + "; eve delete", "ambiguous-delta=keep", ""},
		{number + "; eve delete", "ambiguous-delta=delta", `{"id":1,"n":15}`},
		{number + "; eve delete", "ambiguous-delta=value", `{"id":1,"n":105}`},
		{"eve update a=9", "no-base=keep", `{"a":9,"id":1}`},
		{`ann insert n={"__op__":"add"}; eve patch n=9`, "image-risk=keep", `{"id":1,"n":9}`},
		{attacked, "recreated=replace", `{"a":1,"id":1,"n":10}`},
	} {
		t.Run(tt.script+" "+tt.decide, func(t *testing.T) {
			s, p := planOf(t, tt.script)
			q, err := resolved(t, s, p, tt.decide)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, q)
			got := ""
			if rec := applied(q, s.state())[k1]; rec != nil {
				got = rec.JSON()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s (%s)", got, tt.want, said(q))
			}
			class, option, _ := strings.Cut(tt.decide, "=")
			if option == OptionKeep && len(q.Actions) > 0 {
				t.Errorf("keep writes: %s", said(q))
			}
			c := q.Conflicts[0]
			if c.Resolution == nil || c.Resolution.Option != option || string(c.Class) != class || q.Unresolved() != 0 || q.Header.Digest == p.Header.Digest {
				t.Errorf("resolution %+v of %s; %d are open", c.Resolution, c.Class, q.Unresolved())
			}
			m := newMemory()
			res, err := applier(&simServer{sim: s}, m).Apply(context.Background(), q, ApplyOptions{User: me})
			if err != nil || res.Err() != nil {
				t.Fatalf("apply: %v %v %+v", err, res.Err(), res.Steps)
			}
			if live := s.state()[k1]; tt.want != "" && !sameRecord(live, tt.want) {
				t.Errorf("applied: %s, want %s", live.JSON(), tt.want)
			}
		})
	}
}

// sameRecord compares as records are compared: null is absent.
func sameRecord(got audit.Value, want string) bool {
	for name, v := range got.Fields() {
		if blank(v) {
			got = got.With(name, nil)
		}
	}
	return got.JSON() == want
}

// A conflict that appears only once another is decided can be decided too, at
// once or in a second step, with the same end.
func TestResolutionsInSteps(t *testing.T) {
	script := "ann insert n=10 t=x; eve patch n+90; bob patch n+5; eve delete; bob patch t=y"
	s, p := planOf(t, script)
	first, err := resolved(t, s, p, "stub=merge")
	if err != nil {
		t.Fatal(err)
	}
	if first.Unresolved() != 1 || first.Conflicts[0].Class != ClassAmbiguousDelta {
		t.Fatalf("after the first: %s", said(first))
	}
	second, err := resolved(t, s, first, "ambiguous-delta=delta")
	if err != nil {
		t.Fatal(err)
	}
	if got := applied(second, s.state())[k1].JSON(); second.Unresolved() != 0 || got != `{"id":1,"n":15,"t":"y"}` {
		t.Errorf("%s: %s", got, said(second))
	}
	third, err := resolved(t, s, second, "ambiguous-delta=keep")
	if err != nil {
		t.Fatal(err)
	}
	if _, sets := third.Actions[0].Set["n"]; sets || third.Unresolved() != 0 {
		t.Errorf("decided otherwise: %s", said(third))
	}
}

// What does not fit is refused: it decides something that nobody looked at.
func TestResolutionsThatDoNotFit(t *testing.T) {
	s, p := planOf(t, base+"eve delete; bob insert a=2")
	for _, tt := range []struct {
		choice Choice
		by     string
	}{
		{Choice{N: 1, Option: "burn", Reason: "r"}, "ann"},
		{Choice{N: 1, Option: "keep", Reason: " "}, "ann"},
		{Choice{N: 1, Option: "keep", Reason: "r"}, " "},
		{Choice{N: 2, Option: "keep", Reason: "r"}, "ann"},
		{Choice{Option: "keep", Reason: "r"}, "ann"},
		{Choice{N: 1, Class: ClassStub, Option: "keep", Reason: "r"}, "ann"},
		{Choice{N: 1, Option: "keep", Reason: "\xff"}, "ann"},
		{Choice{N: 1, Option: "keep", Reason: "r"}, "\xff"},
		{Choice{N: 1, Option: "keep", Reason: strings.Repeat("r", maxReason+1)}, "ann"},
	} {
		if _, err := p.Decide([]Choice{tt.choice}, tt.by, ""); !errors.Is(err, ErrBadResolution) {
			t.Errorf("%+v by %q: %v", tt.choice, tt.by, err)
		}
	}
	if _, err := p.Decide([]Choice{{N: 1, Option: "keep", Reason: "r", Conflict: "00"}}, "ann", ""); !errors.Is(err, ErrPlanStale) {
		t.Errorf("another conflict than was looked at: %v", err)
	}
	q, err := resolved(t, s, p, "recreated=merge")
	if err != nil {
		t.Fatal(err)
	}
	s.do(op{user: "bob", kind: "patch", key: k1, set: map[string]audit.Value{"a": audit.Int(77)}})
	s.poll()
	for name, plan := range map[string]*Plan{"undecided": p, "decided": q} {
		req, err := plan.Request()
		if err != nil {
			t.Fatal(err)
		}
		if req.Selection, err = plan.Selected(); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Resolve(context.Background(), req, history(s.changes(0)), nil, nil); !errors.Is(err, ErrPlanStale) {
			t.Errorf("the record of the %s conflict has moved: %v", name, err)
		}
	}
}

func TestReadChoices(t *testing.T) {
	got, err := ReadChoices(strings.NewReader(`{"n":4,"option":"keep","reason":"r"}` + "\n" + `[{"k":["d","t",1],"class":"stub","option":"merge","reason":"q"}]`))
	if err != nil || len(got) != 2 || got[0].N != 4 || audit.Key(*got[1].K).String() != "d.t/1" || got[1].Class != ClassStub {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{"", "{", `{"n":4,"otpion":"keep"}`, `[{"n":4}`, `7`, `{"k":["d","t"]}`, `"x"`} {
		if got, err := ReadChoices(bytes.NewReader([]byte(bad))); !errors.Is(err, ErrBadResolution) {
			t.Errorf("%q: %+v %v", bad, got, err)
		}
	}
}
