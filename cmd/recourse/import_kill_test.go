package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// killRules is a rule of every form that small random traffic sets off.
const killRules = `
apiVersion: rules/v1
rules:
  - {id: many, name: M, severity: low, risk: 40, alert: {title: "{{.count}}"}, match: {ops: [delete]}, window: {size: 30s, by: [user], count: 4}}
  - {id: much, name: S, severity: low, risk: 30, alert: {title: t}, window: {size: 30s, by: [user], sum: after.total, gte: 300}}
  - {id: steps, name: Q, severity: low, risk: 30, alert: {title: t}, sequence: {by: [user], within: 20s, steps: [{ref: many}, {where: after.total > 90}], not: {where: after.total == 50}}}
  - {id: silent, name: A, severity: low, risk: 5, alert: {title: t}, absence: {by: [key], within: 60s, after: {match: {ops: [insert]}}, expect: {match: {ops: [delete]}}}}
  - {id: fresh, name: T, severity: low, alert: {title: t}, new_terms: {fields: [user, key], seen_within: 10m, learn: 5m}}
  - {id: busy, name: B, severity: low, alert: {title: t}, window: {size: 5m, by: [user], fire: ">= max(20, baseline.spike)"}, baseline: {cold: 45}}
  - {id: suspect, name: X, severity: low, alert: {title: t}, risk: {entity: user, gte: 60, within: 1h, half_life: 10m, distinct_rules: 2}}
`

// randomLog is so many groups of an audit log, some seconds apart; unless they are
// ordered some of them are long before the one in front.
func randomLog(n int, ordered bool) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	at := 1795470364242.5
	for range n {
		at += r.Float64() * 4000
		t := at
		if r.IntN(10) == 0 && !ordered {
			t -= r.Float64() * 60_000
		}
		id, user := r.IntN(40), r.IntN(4)
		head := fmt.Sprintf(`{"database":"shop","table":"orders","user_name":"u%d","timestamp":%.4f,"hash_values":[%d],`, user, t, id)
		switch r.IntN(3) {
		case 0:
			records := ""
			if ordered { // as Harper writes it, so that all lines are of the common form
				records = `"records":[null],`
			}
			fmt.Fprintf(&b, "%s%s\"operation\":\"delete\"}\n", head, records)
		case 1:
			fmt.Fprintf(&b, "%s\"operation\":\"insert\",\"records\":[{\"id\":%d,\"total\":%d}]}\n", head, id, r.IntN(100))
		default:
			fmt.Fprintf(&b, "%s\"operation\":\"update\",\"records\":[{\"id\":%d,\"total\":%d}]}\n", head, id, r.IntN(100))
		}
	}
	return b.Bytes()
}

// TestKilledImport: an import that is killed, again and again, and then left
// alone gives the alerts of one that was not disturbed, to the byte.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	for name, ordered := range map[string]bool{"any order": false, "in order": true} {
		t.Run(name, func(t *testing.T) { killImports(t, ordered) })
	}
}

func killImports(t *testing.T, ordered bool) {
	lines, kills := 3000, 5
	if os.Getenv("RECOURSE_SOAK") != "" {
		lines, kills = 1_000_000, 60
	}
	dir := t.TempDir()
	log, rules := filepath.Join(dir, "log.ndjson"), filepath.Join(dir, "rules.yaml")
	for name, data := range map[string][]byte{log: randomLog(lines, ordered), rules: []byte(killRules)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(data string, args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], append([]string{"--data", filepath.Join(dir, data)}, args...)...)
		cmd.Env = append(os.Environ(), "RECOURSE_TEST_MAIN=recourse")
		return cmd
	}
	imports := []string{"import", log, "--rules", rules, "--no-builtin-rules"}
	alerts := func(data string) []byte {
		out, err := run(data, "alerts", "list", "-o", "ndjson").Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	begun := time.Now()
	if out, err := run("whole", imports...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(begun)
	killed := 0
	for range kills {
		cmd := run("killed", imports...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(took))))
		_ = cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
	}
	if out, err := run("killed", imports...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, got := alerts("whole"), alerts("killed")
	if !bytes.Equal(want, got) {
		t.Fatalf("after %d kills there are other alerts: %d bytes; want %d", killed, len(got), len(want))
	}
	for _, id := range []string{"many", "much", "steps", "silent", "fresh", "busy", "suspect"} {
		if !bytes.Contains(want, []byte(`"rule":"`+id+`"`)) {
			t.Errorf("rule %s never fired", id)
		}
	}
}
