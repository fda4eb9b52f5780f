package revert

import (
	"context"
	"testing"
)

// BenchmarkMake plans the captured incident, over and over.
func BenchmarkMake(b *testing.B) {
	in := loadIncident(b, "lmdb")
	sel := in.selection(b)
	events := 0
	for _, h := range in.histories {
		events += len(h)
	}
	for b.Loop() {
		if _, err := Make(context.Background(), Request{Selection: sel}, in.records()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
