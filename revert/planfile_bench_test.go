package revert

import (
	"bytes"
	"fmt"
	"testing"

	"recourse/audit"
)

// thePlan of so many records, each with one patched attribute.
func planOfRecords(b *testing.B, n int) *Plan {
	b.Helper()
	p := &Plan{Header: Header{Kind: planKind, V: planVersion, Selection: SelectionInfo{Digest: digestIDs(nil)}}}
	for i := range n {
		id := audit.ChangeID{byte(i), byte(i >> 8), byte(i >> 16)}
		old, evil := audit.Text(fmt.Sprintf("customer%d@example.org", i)), audit.Text("eve@evil.example")
		p.Actions = append(p.Actions, Action{
			Kind: "action", N: i + 1, K: Target{Table: dogs, ID: audit.ID(fmt.Sprint(i))}, Do: DoPatch, Phase: 4,
			Set: map[string]audit.Value{"email": old}, Unset: []string{}, Add: map[string]audit.Value{},
			Expect:  Expect{Exists: true, Owned: map[string]audit.Value{"email": evil}, Absent: []string{}, Version: audit.Time(1795470000000 + float64(i))},
			Attrs:   map[string]Attribute{"email": {Base: old, Theirs: evil, Current: evil, Target: old, By: []audit.ChangeID{id}, Class: ClassRevert, Trust: audit.Exact}},
			Kept:    map[string]KeptValue{},
			Blind:   []Window{},
			Changes: []audit.ChangeID{id}, Decided: []Class{}, History: "8cadeba3e3640bcbada2b0055c1a328a",
		})
	}
	if err := p.seal(); err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkPlanFile(b *testing.B) {
	const records = 10_000
	p := planOfRecords(b, records)
	file := written(b, p)
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*records), "µs/record")
		b.SetBytes(int64(len(file)))
	}
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			if err := p.seal(); err != nil {
				b.Fatal(err)
			}
		}
		per(b)
	})
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			written(b, p)
		}
		per(b)
	})
	b.Run("scan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range ScanPlan(bytes.NewReader(file)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		per(b)
	})
}
