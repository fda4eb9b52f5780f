package revert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"recourse/audit"
)

// parse reads operations as they are written in the cases: "eve patch a=9 b=x",
// "bob patch n+3"; a value that is no number is text, null is null.
func parse(t testing.TB, script string) []op {
	t.Helper()
	var ops []op
	for line := range strings.SplitSeq(script, ";") {
		f := strings.Fields(line)
		o := op{user: f[0], kind: f[1], key: k1, set: map[string]audit.Value{}, add: map[string]audit.Value{}}
		for _, pair := range f[2:] {
			if name, n, ok := strings.Cut(pair, "+"); ok {
				o.add[name] = value(n)
			} else if name, v, ok := strings.Cut(pair, "="); ok {
				o.set[name] = value(v)
			} else {
				t.Fatalf("operation %q", line)
			}
		}
		ops = append(ops, o)
	}
	return ops
}

func value(s string) audit.Value {
	if v, err := audit.FromJSON([]byte(s)); err == nil {
		return v
	}
	return audit.Text(s)
}

// said is a plan in one line.
func said(p *Plan) string {
	var parts []string
	for _, a := range p.Actions {
		s := a.Do
		for _, n := range sortedKeys(a.Set) {
			if n != "id" {
				s += " " + n + "=" + strings.Trim(a.Set[n].JSON(), `"`)
			}
		}
		for _, n := range a.Unset {
			s += " -" + n
		}
		for _, n := range sortedKeys(a.Add) {
			s += " " + n + "+" + a.Add[n].JSON()
		}
		for _, n := range sortedKeys(a.Attrs) {
			if c := a.Attrs[n].Class; c == ClassCarried {
				s += " carried:" + n
			}
		}
		for _, n := range sortedKeys(a.Kept) {
			s += " kept:" + n
		}
		parts = append(parts, s)
	}
	for _, c := range p.Conflicts {
		parts = append(parts, "conflict "+string(c.Class)+" "+strings.Join(sortedKeys(c.Attrs), ","))
	}
	for _, k := range p.Kept {
		parts = append(parts, string(k.Class)+" "+strings.Join(sortedKeys(k.Kept), ","))
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, "; ")
}

const base = "ann insert a=1 b=1; "

func TestRecordCases(t *testing.T) {
	counter := Policy{Numbers: map[string]Number{"dev.dog.n": NumberCounter}}
	register := Policy{Numbers: map[string]Number{"dev.dog.n": NumberRegister}}
	for _, tt := range []struct {
		name, ops, want string
		policy          Policy
	}{
		{"insert", "eve insert a=9", "delete", Policy{}},
		{"insert, then work on it", "eve insert a=9; bob patch b=2", "conflict orphan-edit a,id", Policy{}},
		{"several updates", base + "eve update a=9; eve patch a=8 b=8", "patch a=1 b=1", Policy{}},
		{"honest value between two of the attacker's", base + "eve patch a=9; bob patch a=5; eve patch a=7", "patch a=5", Policy{Numbers: map[string]Number{"dev.dog.a": NumberRegister}}},
		{"the same as text", "ann insert a=x; eve patch a=evil; bob patch a=good; eve patch a=worse", "patch a=good", Policy{}},
		{"honest full image carries the value", base + "eve patch a=9; bob update b=2", "patch a=1 carried:a", Policy{}},
		{"honest value on top", base + "eve patch a=x; bob update a=5", "superseded a", Policy{}},
		{"repaired by hand", base + "eve patch a=x; bob update a=1", "superseded a", Policy{}},
		{"delete", base + "eve delete", "insert a=1 b=1", Policy{}},
		{"delete, made anew", base + "eve delete; bob insert a=2", "conflict recreated a,b,id", Policy{}},
		{"delete, made anew the same", base + "eve delete; bob insert a=1 b=1", "superseded a,b,id", Policy{}},
		{"delete, then a stub", base + "eve delete; bob patch a=2", "conflict stub a,b,id", Policy{}},
		{"delete and insert", base + "eve delete; eve insert a=9", "patch a=1 b=1", Policy{}},
		{"insert, honest delete", "eve insert a=9; bob delete", "already", Policy{}},
		{"delete, honest delete", base + "eve delete; bob delete", "already", Policy{}},
		{"put removes", base + "eve put a=1", "patch b=1", Policy{}},
		{"put removes, honest put without it", base + "eve put a=1; bob put a=2", "conflict masked-removal b", Policy{}},
		{"adds an attribute", base + "eve patch note=pwned", "patch -note", Policy{}},
		{"sets to null", base + "eve patch a=null", "patch a=1", Policy{}},
		{"null for absent is nothing", base + "eve patch note=null", "already", Policy{}},
		{"null for absent, strictly", base + "eve patch note=null", "patch -note", Policy{StrictNull: true}},
		{"counter", "ann insert n=10; eve patch n+90; bob patch n+5", "patch n+-90", counter},
		{"counter overwritten", "ann insert n=10; eve patch n=999; bob patch n+5", "patch n+-989", counter},
		{"number of unknown kind", "ann insert n=10; eve patch n+90; bob patch n+5", "conflict ambiguous-delta n", Policy{}},
		{"register", "ann insert n=10; eve patch n=90; bob patch n=5", "superseded n", register},
		{"new price by update", "ann insert n=10; eve patch n=90; bob update n=12", "superseded n", Policy{}},
		{"new price by update, which may add", "ann insert n=10; eve patch n=90; bob update n=12", "conflict ambiguous-delta n", Policy{UpdatesMayAdd: true}},
		{"fractions", "ann insert n=4063.65; eve patch n+10000; ann patch a=1", "patch n+-10000 carried:n", counter},
		{"the id attribute", base + "eve patch id=zzz", "patch", Policy{}},
		{"no beginning, the attacker first", "eve update a=9", "conflict no-base a,id", Policy{}},
		{"no beginning, honest image first", "bob update a=1 b=1; eve patch a=9", "patch a=1", Policy{}},
		{"a literal __op__, which a patch would execute", `ann insert n={"__op__":"add"}; eve patch n=9`, "conflict image-risk n", Policy{}},
		{"changes nothing", base + "eve patch a=1", "already", Policy{}},
		{"nothing of hers", base + "bob patch a=9", "", Policy{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim()
			ops := parse(t, tt.ops)
			if ops[0].kind == "update" { // the record was there before the history begins
				s.do(op{user: "ann", kind: "insert", key: k1, set: map[string]audit.Value{"a": audit.Int(0)}})
			}
			from := len(s.log)
			for _, o := range ops {
				s.do(o)
				s.poll()
			}
			p, err := planFor(s.changes(from), eves, nil, nil, tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.ops, got, tt.want)
			}
			roundTrip(t, p)
		})
	}
}

// What Harper says late of a patch is no source of values.
func TestLateImages(t *testing.T) {
	image := func(pairs string, trust audit.Trust) audit.Image {
		return audit.PresentImage(audit.Object(parse(t, "x put "+pairs)[0].set), audit.Logged, trust)
	}
	exact := func(pairs string) audit.Image { return image(pairs, audit.Exact) }
	late := func(pairs string) audit.Image { return image(pairs, audit.Provisional) }
	prompt := func(pairs string) audit.Image { return image(pairs, audit.Prompt) }
	raw := late("")
	raw.Body = raw.Body.With("n", audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": audit.Int(3)}))
	type ch struct {
		user  string
		op    audit.Op
		after audit.Image
	}
	first := ch{"ann", audit.OpInsert, exact("a=1 b=1 n=1")}
	for _, tt := range []struct {
		name    string
		changes []ch
		want    string
	}{
		{"only patches follow", []ch{first, {"eve", audit.OpPatch, late("a=9 b=1 n=1")}, {"bob", audit.OpPatch, prompt("a=9 b=2 n=1")}}, "patch a=1 carried:a"},
		{"a later put shows through", []ch{first, {"eve", audit.OpPatch, late("a=1 b=2 n=1")}, {"bob", audit.OpUpsert, exact("a=1 b=2 n=1")}}, "conflict image-risk b"},
		{"the put is somebody else's, and so is the image", []ch{first, {"eve", audit.OpPatch, late("a=9 b=1 n=1")}, {"bob", audit.OpUpsert, exact("a=9 b=2 n=1")}}, "patch a=1 carried:a"},
		{"honest value lost under the attacker's put", []ch{first, {"bob", audit.OpPatch, late("a=9")}, {"eve", audit.OpUpsert, exact("a=9")}}, "conflict image-risk a,b,n"},
		{"a value from the future", []ch{first, {"bob", audit.OpPatch, late("a=2 b=1 n=1 x=9")}, {"eve", audit.OpPatch, prompt("a=2 b=1 n=1 x=9")}}, "conflict image-risk x"},
		{"the raw increment", []ch{first, {"bob", audit.OpPatch, raw}, {"eve", audit.OpPatch, prompt("a=1 b=1 n=7")}}, "conflict image-risk a,b,n"},
		{"between two of the attacker's it does not matter", []ch{first, {"eve", audit.OpPatch, late("a=1 b=1 n=7")}, {"eve", audit.OpUpsert, exact("a=1 b=1 n=7")}}, "patch n=1"},
		{"between two honest ones neither", []ch{first, {"bob", audit.OpPatch, late("a=1 b=1 n=7")}, {"bob", audit.OpUpsert, exact("a=1 b=1 n=7")}, {"eve", audit.OpPatch, prompt("a=6 b=1 n=7")}}, "patch a=1"},
		{"never seen", []ch{first, {"eve", audit.OpPatch, audit.Image{}}}, "conflict image-risk a,b,n"},
		{"never seen, deleted after", []ch{first, {"bob", audit.OpPatch, audit.Image{}}, {"eve", audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)}}, "conflict image-risk a,b,n"},
		{"an image of another moment", []ch{first, {"bob", audit.OpPatch, late("a=7 b=1 n=1 __updatedtime__=12345")}, {"eve", audit.OpPatch, prompt("a=9 b=1 n=1")}}, "conflict image-risk a,b,n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var changes []audit.Change
			for i, c := range tt.changes {
				changes = append(changes, audit.Change{Time: audit.Time(1000 + i), User: c.user, Op: c.op, Key: k1, After: c.after})
			}
			p, err := planFor(changes, eves, nil, nil, Policy{})
			if err != nil {
				t.Fatal(err)
			}
			if got := said(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The server's own times are found, not written, and not taken for somebody's.
func TestManagedTimesAreNotWritten(t *testing.T) {
	var changes []audit.Change
	for i, user := range []string{"ann", "eve", "bob"} {
		at := audit.Time(1_795_470_000_000.25 + float64(i))
		body := audit.Object(map[string]audit.Value{"a": audit.Text(user), "changed": audit.Float(float64(at)),
			"made": audit.Float(1_795_470_000_000.25), "at": audit.DateOf(float64(at)), audit.UpdatedTime: audit.Float(float64(at))})
		op := audit.OpUpdate
		if i == 0 {
			op = audit.OpInsert
		}
		changes = append(changes, audit.Change{Time: at, User: user, Op: op, Key: k1, After: audit.PresentImage(body, audit.Logged, audit.Exact)})
	}
	p, err := planFor(changes[:2], eves, nil, nil, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	// Two dates may be an application's own: three of three would not.
	if got := said(p); got != "patch a=ann at="+dollarDate(changes[0].After.Body.Get("at")) {
		t.Errorf("got %s", got)
	}
	if p, err = planFor(changes, func(c *audit.Change) bool { return c.User == "bob" }, nil, nil, Policy{}); err != nil || said(p) != "patch a=eve" {
		t.Errorf("got %s %v", said(p), err)
	}
	named := Policy{Managed: map[string][]string{"dev.dog": {"at"}}}
	if p, err = planFor(changes[:2], eves, nil, nil, named); err != nil || said(p) != "patch a=ann" {
		t.Errorf("got %s %v", said(p), err)
	}
}

func dollarDate(v audit.Value) string { return v.JSON() }

func TestMakeRefuses(t *testing.T) {
	changes := makeProgram(seeded(5), recipe{}).run(true).changes(0)
	sel, err := Select(Criteria{}, each(changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := Make(ctx, Request{Selection: sel}, history(nil)); !errors.Is(err, ErrIncomplete) {
		t.Errorf("without the history: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Make(ctx, Request{}, func(yield func(Record, error) bool) { yield(Record{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("with a history that fails: %v", err)
	}
	for name, recs := range map[string][]Record{
		"twice":           {{Key: k1}, {Key: k1}},
		"no id":           {{Key: audit.Key{Table: dogs}}},
		"other's changes": {{Key: k1, Changes: []audit.Change{{Key: k2}}}},
		"two clusters":    {{Key: k1, Changes: []audit.Change{{Key: k1}, {Key: k1, Cluster: "b"}}}},
	} {
		_, err := Make(ctx, Request{}, func(yield func(Record, error) bool) {
			for _, r := range recs {
				if !yield(r, nil) {
					return
				}
			}
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Make(gone, Request{}, history(changes)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Summary is what `revert show -o json` promises.
func TestSummary(t *testing.T) {
	p := allKinds(t)
	s := p.Summary()
	if s.ID != p.Header.Digest[:12] || s.Counts != (Counts{Patch: 1, Insert: 1, Delete: 1, Conflict: 3, Kept: 1, Blind: 4, Carried: 4}) {
		t.Errorf("summary %+v", s)
	}
	if got := fmt.Sprint(s.Conflicts); got != "map[ambiguous-delta:1 orphan-edit:1 recreated:1]" {
		t.Error(got)
	}
}
