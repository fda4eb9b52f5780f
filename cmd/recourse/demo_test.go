package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	"recourse/testdata/incidents"
)

// TestDemo runs the whole story on the captured incident of both lines and
// holds its outcome against the truth: every change of the attacker that the
// plan can own is taken back, no honest value is lost, and every record that
// still differs from the state without the attacker is a conflict with a
// reason.
func TestDemo(t *testing.T) {
	for _, line := range []string{"lmdb", "rocksdb"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var truth struct {
				Entries   int `json:"audit_entries_total"`
				Malicious int `json:"malicious_entries"`
				Overlaps  []struct{ DB, Table, What string }
			}
			data, err := fs.ReadFile(incidents.Files, line+"/truth.json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &truth); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := runCommand(t, "demo", "--line", line, "-o", "json")
			if code != 0 {
				t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
			}
			var got demoResult
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("%v\n%s", err, stdout)
			}
			if got.Changes != truth.Entries || got.Selected != truth.Malicious {
				t.Errorf("%d changes read and %d selected, the truth has %d and %d", got.Changes, got.Selected, truth.Entries, truth.Malicious)
			}
			if got.Verified != got.Written || got.Written < 250 {
				t.Errorf("%d records written, %d verified", got.Written, got.Verified)
			}
			if got.HonestLost != 0 || got.Unexplained != 0 {
				t.Errorf("%d honest values lost, %d differences unexplained", got.HonestLost, got.Unexplained)
			}
			total := 0
			for _, n := range got.Conflicts {
				total += n
			}
			if got.After > total || got.Conflicts["orphan-edit"] != 3 {
				t.Errorf("%d differences left, with conflicts %v; the truth has 3 orders that somebody packed", got.After, got.Conflicts)
			}
			if got.Before < 250 || got.After > 20 {
				t.Errorf("differences: %d before and %d after", got.Before, got.After)
			}
			if got.Flagged < truth.Malicious*9/10 {
				t.Errorf("the alerts rest on %d of %d malicious changes", got.Flagged, truth.Malicious)
			}
		})
	}
}

// TestDemoSaysWhatIsReal: the demonstration names the parts that are captures
// and the server that is built in.
func TestDemoSaysWhatIsReal(t *testing.T) {
	stdout, _, code := runCommand(t, "demo", "--color", "never")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stdout)
	}
	for _, want := range []string{"REAL:", "BUILT IN:", "conflict orphan-edit", "266 verified"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("colour in spite of --color never")
	}
}

// runCommand runs the program within the test.
func runCommand(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now,
		lookup: func(string) (string, bool) { return "", false },
	}
	code = run(t.Context(), e, append([]string{"recourse"}, args...))
	return out.String(), errs.String(), code
}
