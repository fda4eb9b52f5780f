package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// ruleGoals are what one change may cost, in microseconds of a processor; the
// rules that come with the program are asked for so many changes a second.
var ruleGoals = []struct {
	name, what string
	most       float64
}{
	{"Gated/100/engine", "100 gated rules", 8},
	{"Gated/1000/engine", "1,000 gated rules", 15},
	{"Pack", "the rules that come with the program", 4},
}

// ruleLine is a result of go test -bench, with the time of the processor.
var ruleLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s.*?([\d.]+) cpu-ns/op`)

// measureRules runs the benchmarks of package rules, in the folder of this
// module, and prints what a change costs and what it would by evaluating one rule
// after the other. Of several runs the fastest counts: what others do on the
// machine only adds to it.
func measureRules(ctx context.Context, rounds int, w io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Gated|Pack)$", "-benchtime", "1s",
		"-count", strconv.Itoa(rounds), "recourse/rules")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run the benchmarks of package rules: %w\n%s", err, out)
	}
	return reportRules(bestOf(out), w)
}

// bestOf is the least time of each benchmark, in nanoseconds.
func bestOf(out []byte) map[string]float64 {
	best := map[string]float64{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		m := ruleLine.FindStringSubmatch(s.Text())
		if m == nil {
			continue
		}
		ns, err := strconv.ParseFloat(m[2], 64)
		if old, known := best[m[1]]; err == nil && (!known || ns < old) {
			best[m[1]] = ns
		}
	}
	return best
}

func reportRules(best map[string]float64, w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("| rules | µs of a processor a change | changes/s of one | at most | | one by one, µs | ratio |\n|---|---|---|---|---|---|---|\n")
	for _, g := range ruleGoals {
		ns := best[g.name]
		if ns == 0 {
			return fmt.Errorf("the benchmarks of package rules say nothing of %s", g.name)
		}
		verdict, single := "reached", "| | |"
		if ns/1000 > g.most {
			verdict = "missed"
		}
		if one := best[singleOf(g.name)]; one > 0 {
			single = fmt.Sprintf("| %.1f | %.0f |", one/1000, one/ns)
		}
		fmt.Fprintf(&b, "| %s | %.1f | %.0f | %.0f | %s %s\n", g.what, ns/1000, 1e9/ns, g.most, verdict, single)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// singleOf is the benchmark that evaluates the same rules one after the other.
func singleOf(name string) string {
	const engine = "/engine"
	if n := len(name) - len(engine); n > 0 && name[n:] == engine {
		return name[:n] + "/one-by-one"
	}
	return ""
}
