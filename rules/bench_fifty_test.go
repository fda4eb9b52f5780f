package rules

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"testing"

	"recourse/audit"
)

// fifty is the rules that come with the program and twenty others.
func fifty(t testing.TB) *Set {
	t.Helper()
	more, err := ReadFiles("testdata/twenty.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(append(BuiltinFiles(), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// changesOf makes changes of lines as import reads them: one group of one record
// a line, with its table.
func changesOf(t testing.TB, lines []byte) []audit.Change {
	t.Helper()
	type line struct {
		Operation audit.Op          `json:"operation"`
		User      string            `json:"user_name"`
		Timestamp audit.Time        `json:"timestamp"`
		IDs       []audit.ID        `json:"hash_values"`
		Records   []json.RawMessage `json:"records"`
		Database  string            `json:"database"`
		Table     string            `json:"table"`
	}
	images := map[audit.Key]audit.Image{}
	var out []audit.Change
	for s := bufio.NewScanner(bytes.NewReader(lines)); s.Scan(); {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		c := audit.Change{
			Seq: audit.Seq(len(out) + 1), Node: "n1", Time: l.Timestamp, User: l.User, Op: l.Operation, Reported: l.Operation,
			Key:   audit.Key{Table: audit.Table{Database: l.Database, Name: l.Table}, ID: l.IDs[0]},
			Group: audit.Group{Size: 1}, Observed: l.Timestamp + 500,
		}
		c.Before = images[c.Key]
		if c.Op == audit.OpInsert {
			c.Before = audit.AbsentImage(audit.Folded, audit.Exact)
		}
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
		if c.Op.Kind() == audit.KindWrite {
			body, err := audit.FromJSON(l.Records[0])
			if err != nil {
				t.Fatal(err)
			}
			c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
		}
		images[c.Key] = c.After
		out = append(out, c)
	}
	return out
}

// BenchmarkEvalFifty is the work of fifty rules on one change, with what is decided
// early and with expr alone. The lines are those
// of testdata or, for more of them, of the file that RECOURSE_LINES names.
func BenchmarkEvalFifty(b *testing.B) {
	lines, err := os.ReadFile(cmp.Or(os.Getenv("RECOURSE_LINES"), "testdata/lines.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	changes := changesOf(b, lines)
	last := changes[len(changes)-1]
	set := fifty(b)
	for name, slow := range map[string]bool{"quick": false, "expr": true} {
		b.Run(name, func(b *testing.B) {
			e := NewEngine(set, Options{slow: slow})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c := changes[i%len(changes)]
				round := audit.Time(i / len(changes))
				c.Seq = audit.Seq(i + 1)
				c.Time += round * (last.Time - changes[0].Time)
				c.Observed = c.Time + 500
				if _, err := e.Eval(&c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
