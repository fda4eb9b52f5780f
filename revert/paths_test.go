package revert

import (
	"strings"
	"testing"

	"recourse/audit"
)

// jsonOps are changes of one record, each "user op JSON": the image after it.
func jsonOps(t *testing.T, lines ...string) []audit.Change {
	t.Helper()
	var out []audit.Change
	before := audit.AbsentImage(audit.Logged, audit.Exact)
	for i, line := range lines {
		f := strings.SplitN(line, " ", 3)
		c := audit.Change{Seq: audit.Seq(i + 1), Time: audit.Time(1000 + i), User: f[0], Op: audit.Op(f[1]), Key: k1, Before: before,
			After: audit.AbsentImage(audit.Logged, audit.Exact)}
		if len(f) == 3 {
			body, err := audit.FromJSON([]byte(f[2]))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
		}
		c.ID = c.Identify()
		out = append(out, c)
		before = c.After
		before.Source = audit.Folded
	}
	return out
}

// Who changed a street did not change the city.
func TestPathsWithinAnObject(t *testing.T) {
	counter := Policy{Numbers: map[string]Number{"dev.dog.o.n": NumberCounter}}
	for _, tt := range []struct {
		name   string
		ops    []string
		want   string
		policy Policy
	}{
		{"another member is edited later", []string{`ann insert {"o":{"street":"A","city":"Rome"}}`, `eve patch {"o":{"street":"EVIL","city":"Rome"}}`,
			`bob patch {"o":{"street":"EVIL","city":"Oslo"}}`}, `patch o={"city":"Oslo","street":"A"} carried:o`, Policy{}},
		{"the same member is edited later", []string{`ann insert {"o":{"street":"A","city":"Rome"}}`, `eve patch {"o":{"street":"EVIL","city":"Rome"}}`,
			`bob patch {"o":{"street":"B","city":"Rome"}}`}, `superseded o`, Policy{}},
		{"a member is added", []string{`ann insert {"o":{"a":1}}`, `eve patch {"o":{"a":1,"x":{"deep":[1]}}}`, `bob update {"o":{"a":2,"x":{"deep":[1]}}}`},
			`patch o={"a":2} carried:o`, Policy{}},
		{"a member is removed", []string{`ann insert {"o":{"a":1,"b":2}}`, `eve patch {"o":{"a":1}}`}, `patch o={"a":1,"b":2}`, Policy{}},
		{"an array is one value", []string{`ann insert {"o":{"l":[1,2]}}`, `eve patch {"o":{"l":[9,2]}}`, `bob patch {"o":{"l":[9,3]}}`}, `superseded o`, Policy{}},
		{"the object is taken away", []string{`ann insert {"o":{"a":1}}`, `eve patch {"o":null}`}, `patch o={"a":1}`, Policy{}},
		{"an object in the place of text, and work within it", []string{`ann insert {"o":"text"}`, `eve patch {"o":{"x":1}}`, `bob patch {"o":{"x":1,"y":2}}`},
			`conflict orphan-path o`, Policy{}},
		{"the object itself is replaced", []string{`ann insert {"o":{"a":1}}`, `eve patch {"o":{"a":9}}`, `bob patch {"o":"text"}`}, `superseded o`, Policy{}},
		{"a declared counter in an object", []string{`ann insert {"o":{"n":1,"m":1}}`, `eve patch {"o":{"n":101,"m":1}}`, `bob patch {"o":{"n":102,"m":1}}`},
			`patch o={"m":1,"n":2}`, counter},
		{"a raw increment is one value", []string{`ann insert {"o":{"__op__":"add","value":{"a":1}}}`, `eve patch {"o":7}`}, `conflict image-risk o`, Policy{}},
		{"names like paths", []string{`ann insert {"\u0000/o":1,"o":{"a/b":{"~":1}}}`, `eve patch {"\u0000/o":2,"o":{"a/b":{"~":2}}}`},
			"patch \x00/o=1 o={\"a/b\":{\"~\":1}}", Policy{}},
		{"delete and make anew", []string{`ann insert {"o":{"a":1}}`, `eve delete`}, `insert o={"a":1}`, Policy{}},
		{"made by the attacker", []string{`eve insert {"o":{"a":1}}`, `eve patch {"o":{"a":2}}`}, `delete`, Policy{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := planFor(jsonOps(t, tt.ops...), eves, nil, nil, tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			roundTrip(t, p)
		})
	}
}

// The plan shows which paths are written, and expects the whole attribute.
func TestPathsAreShown(t *testing.T) {
	p, err := planFor(jsonOps(t, `ann insert {"o":{"s":"A","c":"R","d":1}}`, `eve patch {"o":{"s":"E","c":"E","d":1}}`,
		`bob patch {"o":{"s":"E","c":"O","d":1}}`), eves, nil, nil, Policy{})
	if err != nil || len(p.Actions) != 1 {
		t.Fatal(err, said(p))
	}
	a := p.Actions[0]
	paths := a.Attrs["o"].Paths
	if len(paths) != 2 || paths["/s"].Class != ClassCarried || paths["/s"].Target.JSON() != `"A"` || paths["/c"].Class != ClassSuperseded {
		t.Errorf("paths %+v", paths)
	}
	if got := a.Expect.Owned["o"].JSON(); got != `{"c":"O","d":1,"s":"E"}` {
		t.Errorf("expects %s", got)
	}
}

// An object beyond all measure is followed as one value.
func TestHugeObjectsAreOneValue(t *testing.T) {
	deep, wide := strings.Repeat(`{"a":`, 60)+"1"+strings.Repeat("}", 60), `{"k0":0`
	for i := range 2000 {
		wide += `,"m` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('0'+i%10)) + string(rune('A'+i/80)) + `":1`
	}
	wide += "}"
	for _, object := range []string{deep, wide} {
		p, err := planFor(jsonOps(t, `ann insert {"o":`+object+`}`, `eve patch {"o":{"b":1}}`), eves, nil, nil, Policy{})
		if err != nil || len(p.Actions) != 1 {
			t.Fatal(err)
		}
		if got := p.Actions[0].Set["o"]; len(got.JSON()) < 100 || len(p.Actions[0].Attrs["o"].Paths) > 0 {
			t.Errorf("set %.80s, paths %d", got.JSON(), len(p.Actions[0].Attrs["o"].Paths))
		}
	}
}
