package revert

import (
	"context"
	"testing"

	"recourse/audit"
)

// BenchmarkMake plans the captured incident, over and over.
func BenchmarkMake(b *testing.B) {
	in := loadIncident(b, "lmdb")
	sel := in.selection(b)
	events := 0
	for _, h := range in.histories {
		events += len(h)
	}
	start := cpuTime(b)
	for b.Loop() {
		if _, err := Make(context.Background(), Request{Selection: sel}, in.records()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	reportCPU(b, start, events, "cpu-µs/change")
}

// BenchmarkMakeMany plans an attack on many records of one table, whose histories are
// in memory, as a plan in memory and as one whose lines go to files.
func BenchmarkMakeMany(b *testing.B) {
	const attacked = 20_000
	changes := manyChanges(attacked)
	sel, err := Select(Criteria{}, each(changes, eves))
	if err != nil {
		b.Fatal(err)
	}
	var records []Record
	for rec := range history(changes) {
		last := audit.AbsentImage(audit.Logged, audit.Exact)
		for i := range rec.Changes {
			rec.Changes[i].Before, last = last, rec.Changes[i].After
			last.Source = audit.Folded
		}
		records = append(records, rec)
	}
	all := func(yield func(Record, error) bool) {
		for _, rec := range records {
			if !yield(rec, nil) {
				return
			}
		}
	}
	measure := func(b *testing.B, plan func() (int, error)) {
		start := cpuTime(b)
		for b.Loop() {
			if n, err := plan(); err != nil || n != attacked {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(3*attacked*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		reportCPU(b, start, 3*attacked, "cpu-µs/change")
	}
	b.Run("memory", func(b *testing.B) {
		measure(b, func() (int, error) {
			p, err := Make(context.Background(), Request{Selection: sel}, all)
			if err != nil {
				return 0, err
			}
			return len(p.Actions), nil
		})
	})
	b.Run("draft", func(b *testing.B) {
		temp := tempIn(b.TempDir())
		measure(b, func() (int, error) {
			d, err := MakeDraft(context.Background(), Request{Selection: sel}, all, temp)
			if err != nil {
				return 0, err
			}
			return d.Header.Counts.Patch, d.Close()
		})
	})
}
