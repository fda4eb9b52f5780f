package revert

import (
	"context"
	"strings"
	"testing"

	"recourse/audit"
)

func planWith(t *testing.T, s *Schema, policy Policy, ops ...string) *Plan {
	t.Helper()
	changes := jsonOps(t, ops...)
	sel, err := Select(Criteria{}, each(changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(context.Background(), Request{Selection: sel, Policy: policy, Schema: s}, history(changes))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, p)
	checkWithheld(t, p)
	return p
}

// schemaOf describes the table of dogs.
func dogSchema(f TableFacts, types map[string]string) *Schema {
	f.PrimaryKey, f.Attributes = "id", map[string]AttributeFacts{"id": {Type: "ID"}}
	for name, typ := range types {
		f.Attributes[name] = AttributeFacts{Type: typ, Assigned: typ == "assigned", Refused: typ == "refused"}
	}
	return &Schema{Tables: map[audit.Table]TableFacts{dogs: f}}
}

// What the tables are now is weighed against what would be written.
func TestSchemaFacts(t *testing.T) {
	update := []string{`ann insert {"a":1,"b":"x"}`, `eve patch {"a":2,"b":"y"}`}
	again := []string{`ann insert {"a":1}`, `eve delete`}
	defined := TableFacts{Defined: true}
	apply := decided(ClassSchema, HandleApply)
	for _, tt := range []struct {
		name   string
		schema *Schema
		ops    []string
		policy Policy
		want   string
	}{
		{"not known", nil, update, Policy{}, "patch a=1 b=x"},
		{"as it was", dogSchema(defined, map[string]string{"a": "Int", "b": "String"}), update, Policy{}, "patch a=1 b=x"},
		{"the table is gone", &Schema{}, update, Policy{}, "conflict schema a,b"},
		{"an attribute is gone, sealed", dogSchema(TableFacts{Defined: true, Sealed: true}, map[string]string{"a": "Int"}), update, Policy{}, "patch a=1; conflict schema b"},
		{"an attribute is gone, without a schema", dogSchema(TableFacts{}, map[string]string{"b": ""}), update, Policy{}, "patch b=x; conflict schema a"},
		{"more than the schema has, not sealed", dogSchema(defined, map[string]string{"a": "Int"}), update, Policy{}, "patch a=1 b=x"},
		{"retyped", dogSchema(defined, map[string]string{"a": "Int", "b": "Int"}), update, Policy{}, "patch a=1; conflict schema b"},
		{"retyped, and written for a reason", dogSchema(defined, map[string]string{"a": "Int", "b": "Int"}), update, apply, "patch a=1 b=x"},
		{"retyped, and kept", dogSchema(defined, map[string]string{"a": "Int", "b": "Int"}), update, decided(ClassSchema, HandleKeep), "patch a=1 kept:b"},
		{"derived", dogSchema(defined, map[string]string{"a": "Int", "b": "refused"}), update, Policy{}, "patch a=1; conflict schema b"},
		{"assigned", dogSchema(defined, map[string]string{"a": "assigned", "b": "String"}), update, Policy{}, "patch b=x"},
		{"a blob", dogSchema(defined, map[string]string{"a": "Int", "b": "Blob"}), update, Policy{}, "patch a=1; conflict blob-lost b"},
		{"a caching table", dogSchema(TableFacts{Defined: true, Sourced: true}, nil), update, Policy{}, "conflict sourced-table a,b"},
		{"records that end", dogSchema(TableFacts{Defined: true, Expires: true}, nil), again, Policy{}, "conflict expired a"},
		{"records that end, and are there", dogSchema(TableFacts{Defined: true, Expires: true}, nil), update, Policy{}, "patch a=1 b=x"},
		{"made anew whole or not at all", dogSchema(defined, map[string]string{"a": "String"}), again, Policy{}, "conflict schema a"},
		{"deletes need no attributes", dogSchema(TableFacts{Defined: true, Sealed: true}, nil), []string{`eve insert {"a":1}`}, Policy{}, "delete"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := planWith(t, tt.schema, tt.policy, tt.ops...)
			if got := said(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if unknown := strings.Contains(strings.Join(p.Header.Warnings, "\n"), "schema: not known"); unknown != (tt.schema == nil) || unknown != (p.Header.Schema == nil) {
				t.Errorf("schema %+v, warnings %v", p.Header.Schema, p.Header.Warnings)
			}
			for _, c := range p.Conflicts {
				if c.Why == "" && c.Class == ClassSchema {
					t.Errorf("%s does not say why", c.Class)
				}
			}
		})
	}
}

// What is written for a reason is noted with the action.
func TestAppliedClassesAreNoted(t *testing.T) {
	p := planWith(t, dogSchema(TableFacts{Defined: true}, map[string]string{"b": "Int"}), decided(ClassSchema, HandleApply), `ann insert {"b":"x"}`, `eve patch {"b":"y"}`)
	if len(p.Actions) != 1 || !strings.Contains(p.Actions[0].Notes[ClassSchema], `"b" is of type Int now`) {
		t.Errorf("%+v", p.Actions)
	}
}

func TestTypesFit(t *testing.T) {
	one, half, text, yes := audit.Int(1), audit.Float(1.5), audit.Text("x"), audit.Bool(true)
	date, list, object, raw := audit.DateOf(0), audit.Array(one), audit.Object(map[string]audit.Value{"a": one}), audit.BytesValue([]byte("x"))
	all := []audit.Value{one, half, text, yes, date, list, object, raw}
	for typ, want := range map[string]string{
		"Int": "10000000", "Long": "10000000", "BigInt": "11000000", "Float": "11000000", "String": "00100000", "Boolean": "00010000",
		"Date": "11101000", "Bytes": "00100011", "ID": "11100100", "array": "00000100", "Any": "11111111", "": "11111111", "Dog": "11111111",
	} {
		got := ""
		for _, v := range all {
			got += map[bool]string{true: "1", false: "0"}[fits(typ, v)]
		}
		if got != want {
			t.Errorf("%q fits %s, want %s", typ, got, want)
		}
		if !fits(typ, nil) || !fits(typ, audit.Null()) {
			t.Errorf("%q: no value does not fit", typ)
		}
	}
}

// The digest tells one state of the tables from another.
func TestSchemaDigest(t *testing.T) {
	a, b := dogSchema(TableFacts{}, map[string]string{"a": ""}), dogSchema(TableFacts{}, map[string]string{"a": "Int"})
	cats := audit.Table{Database: "dev", Name: "cat"}
	digest := func(s *Schema, tables ...audit.Table) string {
		d, err := s.Digest(tables)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if digest(a, dogs) == digest(b, dogs) || digest(a, dogs) == digest(&Schema{}, dogs) {
		t.Error("two schemas have one digest")
	}
	if digest(a, dogs, cats) != digest(a, cats, dogs, cats) || digest(a, cats) != digest(b, cats) {
		t.Error("one schema has two digests")
	}
}
