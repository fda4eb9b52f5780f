package revert

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

var (
	dogs = audit.Table{Database: "dev", Name: "dog"}
	k1   = audit.Key{Table: dogs, ID: "1"}
	k2   = audit.Key{Table: dogs, ID: `"1"`}
)

// A dice draws numbers below n: from a seed, or from rapid, which can shrink.
type dice func(n int) int

func seeded(seed uint64) dice { return rand.New(rand.NewPCG(seed, 1)).IntN }

func drawn(t *rapid.T) dice {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
}

// A program is a run of operations by honest users and the attacker, of which
// some are read late.
type program struct {
	ops   []op
	polls map[int]bool // after which operations a tail reads
	cut   int          // so many entries at the beginning are not in the history
	rocks bool
	adds  bool
}

func (p program) String() string {
	var b strings.Builder
	for i, o := range p.ops {
		fmt.Fprintf(&b, "\n%2d %s", i, o)
		if p.polls[i] {
			b.WriteString("  [poll]")
		}
	}
	fmt.Fprintf(&b, "\ncut %d, rocks %v", p.cut, p.rocks)
	return b.String()
}

type recipe struct {
	adds bool // honest users increment
	tree bool // one attribute is an object with members of its own
	late bool // images may be read late
	cut  bool // the history may have lost its beginning
}

func makeProgram(d dice, r recipe) program {
	p := program{polls: map[int]bool{}, adds: r.adds, rocks: d(2) == 0}
	if d(8) > 0 {
		p.ops = append(p.ops, op{user: "ann", kind: "insert", key: k1, set: values(d, 3)})
	}
	for n := 3 + d(7); n > 0; n-- {
		p.ops = append(p.ops, makeOp(d, r))
	}
	for i := range p.ops {
		p.polls[i] = !r.late || d(3) == 0
	}
	if r.cut {
		p.cut = d(4)
	}
	return p
}

func makeOp(d dice, r recipe) op {
	o := op{user: []string{"ann", "bob", "eve", "eve"}[d(4)], key: k1}
	if d(6) == 0 {
		o.key = k2
	}
	o.kind = []string{"patch", "patch", "patch", "update", "update", "put", "insert", "delete"}[d(8)]
	if o.kind == "delete" {
		return o
	}
	o.set = values(d, 1+d(2))
	if r.adds && o.kind == "patch" && d(2) == 0 {
		o.set, o.add = nil, map[string]audit.Value{"n": audit.Int(int64(1 + d(3)))}
	}
	if r.tree && o.add == nil && d(2) == 0 {
		if o.kind == "patch" && d(2) == 0 {
			o.set, o.form = nil, members(d, 1)
		} else {
			o.set["o"] = treeValue(d)
		}
	}
	return o
}

func treeValue(d dice) audit.Value {
	switch d(6) {
	case 0:
		return audit.Text("flat")
	case 1:
		return audit.Null()
	case 2:
		return audit.Object(nil)
	}
	return audit.Object(members(d, 1+d(3)))
}

func members(d dice, n int) map[string]audit.Value {
	out := map[string]audit.Value{}
	for range n {
		v := audit.Int(int64(d(4)))
		if d(4) == 0 {
			v = audit.Object(map[string]audit.Value{"z": v})
		}
		out[string(rune('x'+d(2)))] = v
	}
	return out
}

func values(d dice, n int) map[string]audit.Value {
	out := map[string]audit.Value{}
	for range n {
		switch d(4) {
		case 0:
			out["n"] = audit.Int(int64(10 * d(6)))
		case 1:
			out["a"] = audit.Text(string(rune('p' + d(6))))
		case 2:
			out["b"] = audit.Text(string(rune('p' + d(6))))
		default:
			out["c"] = []audit.Value{audit.Null(), audit.Bool(true), audit.Float(1.5), audit.Array(audit.Int(1))}[d(4)]
		}
	}
	return out
}

// run executes the program; without eve's operations it tells how it should have
// come out.
func (p program) run(attack bool) *sim {
	s := newSim()
	s.rocks = p.rocks
	for i, o := range p.ops {
		if o.user == "eve" && !attack {
			s.clock += 7.25
			continue
		}
		s.do(o)
		if p.polls[i] {
			s.poll()
		}
	}
	s.poll()
	return s
}

// A reverter is a way to undo; it says what the state becomes and which
// attributes it has reported as not sure. An empty name is the whole record.
type reverter func(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, map[audit.Key]map[string]bool, error)

func eves(c *audit.Change) bool { return c.User == "eve" }

// ours is the reverter under test.
func ours(policy Policy) reverter {
	return func(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, map[audit.Key]map[string]bool, error) {
		p, err := planFor(changes, eves, nil, nil, policy)
		if err != nil {
			return nil, nil, err
		}
		return applied(p, state), reported(p), nil
	}
}

func planFor(changes []audit.Change, m func(*audit.Change) bool, reverted, own map[audit.ChangeID]string, policy Policy) (*Plan, error) {
	sel, err := Select(Criteria{User: []string{"eve"}}, each(changes, m))
	if err != nil {
		return nil, err
	}
	return Make(context.Background(), Request{Selection: sel, Reverted: reverted, Own: own, Policy: policy}, history(changes))
}

func applied(p *Plan, state map[audit.Key]audit.Value) map[audit.Key]audit.Value {
	out := maps.Clone(state)
	for i := range p.Actions {
		a := &p.Actions[i]
		rec := out[a.Key()]
		if rec == nil {
			rec = audit.Object(nil)
		}
		for n, v := range a.targets() {
			rec = rec.With(n, v)
		}
		for n, inc := range a.Add {
			sum, _ := added(rec.Get(n), inc)
			rec = rec.With(n, sum)
		}
		out[a.Key()] = rec
		if a.Do == DoDelete {
			delete(out, a.Key())
		}
	}
	return out
}

// reported lists what a plan says it does not know: conflicts, carried values,
// and whole records with a blind window.
func reported(p *Plan) map[audit.Key]map[string]bool {
	out := map[audit.Key]map[string]bool{}
	say := func(k audit.Key, name string) {
		if out[k] == nil {
			out[k] = map[string]bool{}
		}
		out[k][name] = true
	}
	for i := range p.Conflicts {
		c := &p.Conflicts[i]
		if c.Record || len(c.Blind) > 0 {
			say(c.Key(), "")
		}
		for name := range c.Attrs {
			say(c.Key(), name)
		}
	}
	for i := range p.Actions {
		a := &p.Actions[i]
		if len(a.Blind) > 0 {
			say(a.Key(), "")
		}
		for name, at := range a.Attrs {
			if at.Class == ClassCarried {
				say(a.Key(), name)
			}
		}
		for name, v := range a.Kept {
			if v.Class == ClassCarried {
				say(a.Key(), name)
			}
		}
	}
	for i := range p.Kept {
		k := &p.Kept[i]
		if len(k.Blind) > 0 {
			say(k.Key(), "")
		}
		for name, v := range k.Kept {
			if v.Class == ClassCarried {
				say(k.Key(), name)
			}
		}
	}
	return out
}

// judge runs the program with and without the attack and says what a reverter
// got silently wrong.
func judge(p program, r reverter) error {
	hit, clean := p.run(true), p.run(false)
	changes := hit.changes(min(p.cut, len(hit.log)))
	got, said, err := r(changes, hit.state())
	if err != nil {
		return err
	}
	touched := map[audit.Key]bool{}
	for i := range changes {
		touched[changes[i].Key] = touched[changes[i].Key] || eves(&changes[i])
	}
	for _, k := range []audit.Key{k1, k2} {
		if !touched[k] || said[k][""] {
			continue
		}
		want := clean.state()[k]
		if p.cut > 0 {
			if want = cleanCut(p, hit, k); want == nil && got[k] == nil {
				continue
			}
		}
		if (got[k] == nil) != (want == nil) {
			return fmt.Errorf("record %s is %s, want %s", k.ID, show(got[k]), show(want))
		}
		for _, name := range slices.Concat(got[k].Names(), want.Names()) {
			a, b := got[k].Get(name), want.Get(name)
			if (!blank(a) || !blank(b)) && !a.Equal(b) && !said[k][name] {
				return fmt.Errorf("record %s: %s is %s, want %s", k.ID, name, show(a), show(b))
			}
		}
	}
	return nil
}

// cleanCut is how a record would be if only what the history shows of the attack
// had not happened: what was before it is nobody's fault.
func cleanCut(p program, hit *sim, k audit.Key) audit.Value {
	s, logged := newSim(), 0
	for _, o := range p.ops {
		before := len(s.log)
		probe := o.user == "eve" && logged >= p.cut
		if !probe {
			s.do(o)
		} else {
			s.clock += 7.25
		}
		// The same operation, executed with the attack, tells whether it was logged.
		if logged < len(hit.log) && hit.log[logged].time == s.clock {
			logged++
		}
		_ = before
	}
	return s.state()[k]
}

var recipes = map[string]recipe{
	"registers":  {},
	"late":       {late: true},
	"increments": {adds: true},
	"cut":        {cut: true},
	"objects":    {tree: true},
	"all":        {adds: true, late: true, cut: true, tree: true},
}

// TestNeverSilentlyWrong is the heart: whatever the plan does not bring to where
// the run without the attack ends (P11), it reports (P12); what honest users
// wrote last survives with it (P8), and so does what nobody attacked (P7).
func TestNeverSilentlyWrong(t *testing.T) {
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := firstSeed(t)
			for n := range histories() {
				if n%20_000 == 0 && n > 0 {
					t.Logf("%d histories, none silently wrong", n)
				}
				seed := from + n
				p := makeProgram(seeded(seed), r)
				if err := judge(p, ours(Policy{})); err != nil {
					t.Fatalf("seed %d: %v%s\n%s", seed, err, p, explainPlan(p))
				}
			}
		})
	}
}

// TestOnceWrong: histories that a long run found to be silently wrong.
func TestOnceWrong(t *testing.T) {
	for _, h := range []struct {
		recipe string
		seed   uint64
	}{
		{"objects", 16245}, // a path that an honest user sent again is covered by a later write
		{"all", 11353},     // an object in the place of one that was never seen
		{"all", 805438},    // a path whose object a late image does not show
	} {
		p := makeProgram(seeded(h.seed), recipes[h.recipe])
		if err := judge(p, ours(Policy{})); err != nil {
			t.Errorf("%s %d: %v%s\n%s", h.recipe, h.seed, err, p, explainPlan(p))
		}
	}
}

func explainPlan(p program) string {
	hit := p.run(true)
	plan, err := planFor(hit.changes(min(p.cut, len(hit.log))), eves, nil, nil, Policy{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range hit.changes(0) {
		fmt.Fprintf(&b, "%s %s %s %s %s\n", c.User, c.Op, c.Key.ID, c.After.Trust, show(c.After.Body))
	}
	for _, a := range plan.Actions {
		fmt.Fprintf(&b, "ACTION %s %s set %v unset %v %v\n", a.Do, a.K.ID, audit.Object(a.Set).JSON(), a.Unset, a.Blind)
	}
	for _, c := range plan.Conflicts {
		fmt.Fprintf(&b, "CONFLICT %s %s %v\n", c.K.ID, c.Class, slices.Sorted(maps.Keys(c.Attrs)))
	}
	fmt.Fprintf(&b, "KEPT %v\n", plan.Kept)
	return b.String()
}
