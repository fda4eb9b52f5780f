package rules

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/bench/gen"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// someChanges are those of testdata or, for more of them, of the file that
// RECOURSE_LINES names.
func someChanges(b testing.TB) []audit.Change {
	lines, err := os.ReadFile(cmp.Or(os.Getenv("RECOURSE_LINES"), "testdata/lines.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	return changesOf(b, lines)
}

// replay gives f the changes, again and again, as time goes on. It reports the
// time of the processor, as others may use it too.
func replay(b *testing.B, changes []audit.Change, f func(*audit.Change)) {
	span := changes[len(changes)-1].Time - changes[0].Time
	b.ReportAllocs()
	begun := cpuTime()
	for i := 0; b.Loop(); i++ {
		c := changes[i%len(changes)]
		c.Seq = audit.Seq(i + 1)
		c.Time += audit.Time(i/len(changes)) * span
		c.Observed = c.Time + 500
		f(&c)
	}
	if spent := cpuTime() - begun; spent > 0 {
		b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op")
	}
}

// BenchmarkGated is the work of so many gated rules on one change: by the engine,
// and one rule after the other by expr on a typed struct.
func BenchmarkGated(b *testing.B) {
	changes := someChanges(b)
	for _, n := range []int{100, 1000} {
		all := gen.GatedRules(n)
		b.Run(fmt.Sprintf("%d/engine", n), func(b *testing.B) {
			e := NewEngine(mustCompile(b, string(gen.RuleFile(all))), Options{})
			replay(b, changes, func(c *audit.Change) {
				if _, err := e.Eval(c); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("%d/one-by-one", n), func(b *testing.B) {
			programs := plainPrograms(b, all)
			var machine vm.VM
			replay(b, changes, func(c *audit.Change) {
				p := typedOf(c)
				for _, program := range programs {
					_, _ = machine.Run(program, p) // an error is a value that is missing
				}
			})
		})
	}
}

// BenchmarkPack is the work of the rules that come with the program on one change.
func BenchmarkPack(b *testing.B) {
	set, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	e := NewEngine(set, Options{})
	replay(b, someChanges(b), func(c *audit.Change) {
		if _, err := e.Eval(c); err != nil {
			b.Fatal(err)
		}
	})
}

// A typed is a change as a struct, as one would give it to expr.
type typed struct {
	Op      string         `expr:"op"`
	Kind    string         `expr:"kind"`
	User    string         `expr:"user"`
	DB      string         `expr:"db"`
	Table   string         `expr:"table"`
	Hour    int            `expr:"hour"`
	Changed []string       `expr:"changed"`
	Before  map[string]any `expr:"before"`
	After   map[string]any `expr:"after"`
}

func typedOf(c *audit.Change) *typed {
	p := &typed{Op: string(c.Op), Kind: string(c.Op.Kind()), User: c.User, DB: c.Key.Table.Database, Table: c.Key.Table.String(),
		Hour: c.Time.Go().Hour(), Before: map[string]any{}, After: map[string]any{}}
	fill(p.Before, c.Before.Body, nil, true)
	fill(p.After, c.After.Body, nil, true)
	for pair := range audit.Pairs(c.Before.Body, c.After.Body) {
		if !pair.Old.Equal(pair.New) {
			p.Changed = append(p.Changed, string(pair.Name))
		}
	}
	return p
}

func plainPrograms(b testing.TB, all []gen.GatedRule) []*vm.Program {
	var out []*vm.Program
	for _, r := range all {
		program, err := expr.Compile(r.Where, expr.Env(&typed{}))
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, program)
	}
	return out
}

// TestGatedRulesAreTheSameOneByOne: the engine takes the same changes as expr does
// with each rule by itself.
func TestGatedRulesAreTheSameOneByOne(t *testing.T) {
	changes := someChanges(t)
	for i := range changes { // so that some of the rules match
		changes[i].User = fmt.Sprintf("u%d", 100+i%150)
		if i%20 == 0 {
			changes[i].Key.Table = audit.Table{Database: "app", Name: fmt.Sprintf("t%d", i/20)}
		}
		changes[i].Before.State = max(changes[i].Before.State, audit.Absent)
	}
	all := gen.GatedRules(300)
	e := NewEngine(mustCompile(t, string(gen.RuleFile(all))), Options{})
	want := make([]uint64, len(all))
	programs := plainPrograms(t, all)
	var machine vm.VM
	for i := range changes {
		if _, err := e.Eval(&changes[i]); err != nil {
			t.Fatal(err)
		}
		p := typedOf(&changes[i])
		for k, program := range programs {
			if out, err := machine.Run(program, p); err == nil && out == true {
				want[k]++
			}
		}
	}
	got := make([]uint64, len(all))
	for k, s := range e.Stats().Rules {
		got[k] = s.Matched
	}
	if !slices.Equal(want, got) || slices.Max(want) == 0 {
		t.Errorf("matched %v\nwant %v", got, want)
	}
}
