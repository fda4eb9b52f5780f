package main

import (
	"bytes"
	"testing"
)

// TestReportRules: of each benchmark the least counts, and one that is missing is
// said.
func TestReportRules(t *testing.T) {
	out := []byte(`BenchmarkGated/100/engine-2   805369  3462 ns/op  2213 cpu-ns/op  354 B/op
BenchmarkGated/100/engine-2   805369  3462 ns/op  2000 cpu-ns/op  354 B/op
BenchmarkGated/100/one-by-one-2   100  3462 ns/op  30000 cpu-ns/op  354 B/op
BenchmarkGated/1000/engine   805369  3462 ns/op  16000 cpu-ns/op  354 B/op
BenchmarkPack-2   805369  3462 ns/op  4000 cpu-ns/op  354 B/op
`)
	var b bytes.Buffer
	if err := reportRules(bestOf(out), &b); err != nil {
		t.Fatal(err)
	}
	want := `| rules | µs of a processor a change | changes/s of one | at most | | one by one, µs | ratio |
|---|---|---|---|---|---|---|
| 100 gated rules | 2.0 | 500000 | 8 | reached | 30.0 | 15 |
| 1,000 gated rules | 16.0 | 62500 | 15 | missed | | |
| the rules that come with the program | 4.0 | 250000 | 4 | reached | | |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if err := reportRules(bestOf(out[:100]), &b); err == nil {
		t.Error("what is missing is not said")
	}
}
