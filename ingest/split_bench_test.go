package ingest

import (
	"fmt"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// BenchmarkSettle is the step from a row of an answer to a change with its
// identity, in readings as large as they are handed over.
func BenchmarkSettle(b *testing.B) {
	body := audit.Object(map[string]audit.Value{"id": audit.Text("c-1"), "name": audit.Text("Ann Example"), "balance": audit.Float(12.5), "__updatedtime__": audit.Float(1795392000217.4106)})
	const rows = 10_000
	for _, reached := range []bool{false, true} {
		b.Run(fmt.Sprintf("reached=%t", reached), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var seen occurrences
				r := newReading(audit.Table{Database: "shop", Name: "customers"}, Stamp{Node: "n1", Observed: 1, PrimaryKey: "id", UpdatedTime: "__updatedtime__"})
				for i := range rows {
					r.add(harper.AuditRow{
						Operation: audit.OpUpdate, User: "u1", Time: audit.Time(1795392000217.4106 + float64(i)), Size: 1, IDsField: true,
						ID: audit.ID(fmt.Sprint(i % 3000)), Record: body,
					})
				}
				r.settle(extent{reachedEnd: reached}, &seen)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/change")
		})
	}
}
