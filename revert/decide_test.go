package revert

import (
	"context"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

func decided(class Class, do Handling) Policy {
	return Policy{Classes: map[Class]Decision{class: {Do: do, Reason: "seen by hand"}}}
}

// What a policy says of strictness and of classes.
func TestPolicyDecides(t *testing.T) {
	const edited = base + "eve patch a=x; bob patch b=5"
	record, all := Policy{Strict: StrictRecord}, Policy{Strict: StrictTransaction}
	for _, tt := range []struct {
		name, ops, want string
		policy          Policy
	}{
		{"another attribute edited later", edited, "patch a=1 carried:a", Policy{}},
		{"so too, strict about records", edited, "conflict later-write a", record},
		{"edited before", base + "bob patch b=5; eve patch a=x", "patch a=1", record},
		{"the same attribute edited later", base + "eve patch a=x; bob patch a=5", "superseded a", Policy{}},
		{"so too, strict about records", base + "eve patch a=x; bob patch a=5", "conflict later-write; superseded a", record},
		{"nothing left, strict about records", "eve insert a=9; bob delete", "already", record},
		{"strict about transactions is no less", edited, "conflict later-write a", all},
		{"later edits are kept", edited, "later-write", Policy{Strict: StrictRecord, Classes: map[Class]Decision{ClassLaterWrite: {Do: HandleKeep}}}},
		{"later edits are written on", edited, "patch a=1 carried:a",
			Policy{Strict: StrictRecord, Classes: map[Class]Decision{ClassLaterWrite: {Do: HandleApply, Reason: "bob's batch job"}}}},
		{"carried is a conflict", edited, "conflict carried a", decided(ClassCarried, HandleConflict)},
		{"carried is kept", edited, "superseded a", decided(ClassCarried, HandleKeep)},
		{"superseded is a conflict", base + "eve patch a=x; bob patch a=5", "conflict superseded a", decided(ClassSuperseded, HandleConflict)},
		{"orphans are kept", "eve insert a=9; bob patch b=2", "orphan-edit a,id", decided(ClassOrphanEdit, HandleKeep)},
		{"orphans are skipped", "eve insert a=9; bob patch b=2", "orphan-edit a,id", decided(ClassOrphanEdit, HandleSkip)},
		{"the id attribute", base + "eve patch id=zzz", "conflict identity id", decided(ClassIdentity, HandleConflict)},
	} {
		t.Run(tt.name+"/"+tt.want, func(t *testing.T) {
			s := newSim()
			for _, o := range parse(t, tt.ops) {
				s.do(o)
				s.poll()
			}
			p, err := planFor(s.changes(0), eves, nil, nil, tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			roundTrip(t, p)
			checkWithheld(t, p)
			for _, k := range p.Kept {
				if skipped := tt.policy.handling(k.Class) == HandleSkip; (len(k.Changes) == 0) != skipped && len(p.Conflicts) == 0 {
					t.Errorf("%s: %d changes count as undone", k.Class, len(k.Changes))
				}
			}
		})
	}
}

// A conflict that can be applied holds the write that would be made.
func checkWithheld(t *testing.T, p *Plan) {
	t.Helper()
	for _, c := range p.Conflicts {
		if w := c.Withheld; w != nil && (len(w.Set)+len(w.Unset)+len(w.Add) == 0 && w.Do != DoDelete || w.Key() != c.Key()) {
			t.Errorf("%s: withheld %+v", c.Class, w)
		}
	}
}

// grouped makes the changes of one moment those of one transaction.
func grouped(changes []audit.Change, size int) []audit.Change {
	for i := range changes {
		if changes[i].User == "eve" {
			changes[i].Group.Size = size
		}
	}
	return changes
}

func transactionOf(t *testing.T) []audit.Change {
	t.Helper()
	var out []audit.Change
	for i, id := range []audit.ID{"1", "2", "3"} {
		key := audit.Key{Table: dogs, ID: id}
		one := jsonOps(t, `ann insert {"a":1}`, `eve patch {"a":9}`)
		if i == 2 { // of the third the beginning is not known
			one = one[1:]
			one[0].Before = audit.Image{}
		}
		for j := range one {
			one[j].Key = key
			one[j].ID = one[j].Identify()
		}
		out = append(out, one...)
	}
	return grouped(out, 3)
}

// A transaction is written whole or not at all, if the policy says so.
func TestTransactions(t *testing.T) {
	some := func(ids ...audit.ID) func(*audit.Change) bool {
		return func(c *audit.Change) bool {
			return eves(c) && strings.Contains("123", string(c.Key.ID)) && has(ids, c.Key.ID)
		}
	}
	for _, tt := range []struct {
		name   string
		sel    func(*audit.Change) bool
		policy Policy
		want   string
		warned bool
	}{
		{"each for itself", some("1", "2", "3"), Policy{}, "patch a=1; patch a=1; conflict no-base a", false},
		{"all or none", some("1", "2", "3"), Policy{Strict: StrictTransaction}, "conflict transaction a; conflict transaction a; conflict no-base a", false},
		{"a part is selected", some("1", "2"), Policy{}, "patch a=1; patch a=1", true},
		{"a part is selected, strictly", some("1", "2"), Policy{Strict: StrictTransaction},
			"conflict partial-transaction a; conflict partial-transaction a", true},
		{"a part is selected, as a conflict", some("1"), decided(ClassPartialTransaction, HandleConflict), "conflict partial-transaction a", true},
		{"a part is selected, and skipped", some("1"), decided(ClassPartialTransaction, HandleSkip), "partial-transaction", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := planFor(transactionOf(t), tt.sel, nil, nil, tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if got := strings.Contains(strings.Join(p.Header.Warnings, "\n"), "partial-transaction"); got != tt.warned {
				t.Errorf("warned %v: %v", got, p.Header.Warnings)
			}
			checkWithheld(t, p)
			roundTrip(t, p)
		})
	}
}

func has(ids []audit.ID, id audit.ID) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

// A time of the server's own that the attacker has set is told of, not written.
func TestServerManaged(t *testing.T) {
	changes := jsonOps(t, `ann insert {"a":1,"__createdtime__":1000}`, `eve patch {"a":2,"__createdtime__":5}`)
	p, err := planFor(changes, eves, nil, nil, Policy{})
	if err != nil || said(p) != "patch a=1 kept:__createdtime__" || p.Actions[0].Kept[audit.CreatedTime].Class != ClassServerManaged {
		t.Errorf("%s %v", said(p), err)
	}
	if p, err = planFor(changes, eves, nil, nil, decided(ClassServerManaged, HandleConflict)); err != nil ||
		said(p) != "patch a=1; conflict server-managed __createdtime__" {
		t.Errorf("%s %v", said(p), err)
	}
}

// A record that is made anew loses its time of creation, and the plan says which.
func TestTimeOfCreationIsLost(t *testing.T) {
	for _, tt := range []struct {
		changes []string
		facts   map[string]AttributeFacts
		note    string
	}{
		{[]string{`ann insert {"a":1,"__createdtime__":1000,"__updatedtime__":1000}`, `eve delete`}, nil, "__createdtime__, which was 1000"},
		{[]string{`ann insert {"a":1,"__createdtime__":1000}`, `eve patch {"a":2,"__createdtime__":5}`, `eve delete`}, nil, "__createdtime__, which was 1000"},
		{[]string{`ann insert {"a":1,"made":7,"by":"ann"}`, `eve delete`}, map[string]AttributeFacts{"a": {}, "by": {}, "made": {Assigned: true}}, "made, which was 7"},
		{[]string{`ann insert {"a":1}`, `eve delete`}, nil, ""},
		{[]string{`ann insert {"a":1,"__createdtime__":1000}`, `eve patch {"a":2}`}, nil, ""},
	} {
		changes := jsonOps(t, tt.changes...)
		sel, err := Select(Criteria{}, each(changes, eves))
		if err != nil {
			t.Fatal(err)
		}
		req := Request{Selection: sel}
		if tt.facts != nil {
			req.Schema = &Schema{Tables: map[audit.Table]TableFacts{changes[0].Key.Table: {Defined: true, Attributes: tt.facts}}}
		}
		p, err := Make(t.Context(), req, history(changes))
		if err != nil || len(p.Actions) != 1 {
			t.Fatalf("%v: %v", tt.changes, err)
		}
		note, warned := p.Actions[0].Notes[ClassServerManaged], slices.ContainsFunc(p.Header.Warnings, func(w string) bool { return strings.HasPrefix(w, "server-managed: ") })
		if want := "made anew, the record gets a new " + tt.note; tt.note != "" && note != want || tt.note == "" && note != "" || warned != (tt.note != "") {
			t.Errorf("%v: %q, warned of: %v, want %q", tt.changes, note, warned, tt.note)
		}
		if tt.note != "" {
			checkDraft(t, req, history(changes), p)
		}
	}
}

func TestExternalEffectsAreSaid(t *testing.T) {
	p, err := planFor(jsonOps(t, `ann insert {"a":1}`, `eve patch {"a":2}`), eves, nil, nil, Policy{External: map[string]string{"dev.dog": "mails to owners"}})
	if err != nil || !strings.Contains(strings.Join(p.Header.Warnings, "\n"), "external effects of dev.dog, which no plan takes back: mails to owners") {
		t.Errorf("%v %v", p, err)
	}
}

func TestPolicyCheck(t *testing.T) {
	for want, p := range map[string]Policy{
		"strictness":   {Strict: "very"},
		"no class":     {Classes: map[Class]Decision{"nonsense": {Do: HandleKeep}}},
		"may be":       {Classes: map[Class]Decision{ClassSuperseded: {Do: HandleApply, Reason: "x"}}},
		"for a reason": {Classes: map[Class]Decision{ClassSchema: {Do: HandleApply, Reason: " "}}},
	} {
		_, err := Make(context.Background(), Request{Policy: p}, history(nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// What a conflict holds back is written when a person says so, for one record or
// for one of a transaction; and stays when they say that.
func TestWithheldWritesAreDecided(t *testing.T) {
	edited := jsonOps(t, `ann insert {"a":1,"b":1}`, `eve patch {"a":9,"b":1}`, `bob patch {"a":9,"b":2}`)
	for _, tt := range []struct {
		name    string
		changes []audit.Change
		policy  Policy
		option  string
		want    string
	}{
		{"record", edited, Policy{Strict: StrictRecord}, OptionApply, "patch a=1 carried:a; conflict later-write a"},
		{"record", edited, Policy{Strict: StrictRecord}, OptionKeep, "conflict later-write a"},
		{"attribute", edited, decided(ClassCarried, HandleConflict), OptionApply, "patch a=1 carried:a; conflict carried a"},
		{"transaction", transactionOf(t)[:2], Policy{Strict: StrictTransaction}, OptionApply, "patch a=1; conflict partial-transaction a"},
		{"transaction", transactionOf(t)[:2], Policy{Strict: StrictTransaction}, OptionKeep, "conflict partial-transaction a"},
	} {
		t.Run(tt.name+"/"+tt.option, func(t *testing.T) {
			first, err := planFor(tt.changes, eves, nil, nil, tt.policy)
			if err != nil || len(first.Conflicts) != 1 || len(first.Actions) != 0 {
				t.Fatalf("%s %v", said(first), err)
			}
			more, err := first.Decide([]Choice{{N: first.Conflicts[0].N, Option: tt.option, Reason: "looked at"}}, "ann", "2026-11-24T08:00:00Z")
			if err != nil {
				t.Fatal(err)
			}
			req, err := first.Request()
			if err == nil {
				req.Selection, err = first.Selected()
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := drafted(first.Resolve(context.Background(), req, history(tt.changes), more, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want || p.Unresolved() != 0 {
				t.Errorf("got %s, %d unresolved, want %s", got, p.Unresolved(), tt.want)
			}
			roundTrip(t, p)
		})
	}
}
