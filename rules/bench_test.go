package rules

import (
	"testing"

	"recourse/audit"
)

// BenchmarkEval is the work on one change of the incident, with all the rules
// that come with the program.
func BenchmarkEval(b *testing.B) {
	set, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	changes, _ := incident(b, "rocksdb")
	e := NewEngine(set, Options{})
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		c := changes[i%len(changes)]
		round := audit.Time(i / len(changes))
		c.Seq = audit.Seq(i + 1)
		c.Time += round * 3_600_000
		c.Observed += round * 3_600_000
		if _, err := e.Eval(&c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvalGrowing is one alert that goes on and on.
func BenchmarkEvalGrowing(b *testing.B) {
	set, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	e := NewEngine(set, Options{})
	b.ReportAllocs()
	for i := range b.N {
		c := simpleChange(i+1, float64(i)/1000, audit.Text(string(rune(i%5000+0x4e00))).JSON())
		if _, err := e.Eval(&c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is loading the rules that come with the program.
func BenchmarkCompile(b *testing.B) {
	for range b.N {
		if _, err := Builtin(); err != nil {
			b.Fatal(err)
		}
	}
}
